from django.db import migrations, models
from django.utils import timezone


def start_counting(apps, schema_editor):
    """The passwords that are there: their age is counted from today, so that nobody is sent away at the upgrade."""
    users = apps.get_model("branches", "User").objects
    users.filter(password_at=None, must_change_password=False).update(password_at=timezone.now())


class Migration(migrations.Migration):

    dependencies = [
        ('branches', '0003_people_and_accounts'),
    ]

    operations = [
        migrations.CreateModel(
            name='LoginFailure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number_mac', models.CharField(max_length=64)),
                ('address', models.CharField(blank=True, max_length=45, verbose_name='地址')),
                ('at', models.DateTimeField(db_index=True, verbose_name='时间')),
            ],
            options={
                'verbose_name': '登录失败',
                'verbose_name_plural': '登录失败',
                'indexes': [models.Index(fields=['number_mac', 'address', 'at'], name='login_failure_of_pair'), models.Index(fields=['number_mac', 'at'], name='login_failure_of_number'), models.Index(fields=['address', 'at'], name='login_failure_of_address')],
            },
        ),
        migrations.RunPython(start_counting, migrations.RunPython.noop),
    ]
