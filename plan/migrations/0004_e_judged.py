from django.db import migrations, models


def judged_by_what_holds_now(apps, schema_editor):
    """Until now a duty's deadline was not kept when it was settled: what holds now is what held then."""
    apps.get_model('plan', 'Duty').objects.filter(settled_at__isnull=False).update(judged_due_at=models.F('due_at'))


class Migration(migrations.Migration):

    dependencies = [
        ('plan', '0003_deadlines'),
    ]

    operations = [
        migrations.AddField(
            model_name='duty',
            name='judged_due_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='判定所依的截止'),
        ),
        migrations.RunPython(judged_by_what_holds_now, migrations.RunPython.noop),
    ]
