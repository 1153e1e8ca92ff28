from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [('study', '0003_resolutions_line_by_line')]

    operations = [migrations.RemoveField(model_name='gathering', name='old_resolutions')]
