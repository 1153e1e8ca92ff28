"""Data alone: PostgreSQL changes no table on which rows of the same transaction still wait to be checked."""

from django.db import migrations


def lines_of_their_own(apps, schema_editor):
    """What was agreed was one text; each of its lines becomes a resolution."""
    Gathering, Resolution = apps.get_model('study', 'Gathering'), apps.get_model('study', 'Resolution')
    for pk, text in Gathering.objects.exclude(old_resolutions='').values_list('pk', 'old_resolutions').iterator():
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        Resolution.objects.bulk_create(
            Resolution(gathering_id=pk, position=n, text=line) for n, line in enumerate(lines)
        )


class Migration(migrations.Migration):

    dependencies = [('study', '0002_study_complete')]

    operations = [migrations.RunPython(lines_of_their_own, migrations.RunPython.noop)]
