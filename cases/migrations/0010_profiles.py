"""What a tumour is in few codes, beside its answers: for those that are there, also as they were discussed."""

import django.contrib.postgres.fields
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from cases.dossiers.profile import profile

# The owner is held by the policies and the guard too, so it says who it is and what it does.
HOUSE = "SELECT set_config('mdo.kind', %s, true), set_config('mdo.action', %s, true)"


def work_out(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    tumours, discussions = apps.get_model("cases", "Tumour"), apps.get_model("cases", "Discussion")
    alias = schema_editor.connection.alias
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(HOUSE, ["system", "migration"])
        for tumour in tumours.objects.using(alias).iterator(chunk_size=500):
            if codes := profile(tumour.data):
                tumours.objects.using(alias).filter(pk=tumour.pk).update(profile=codes)
        for each in discussions.objects.using(alias).iterator(chunk_size=500):
            kept = [{**tumour, "profile": profile(tumour["data"])} for tumour in each.tumours]
            discussions.objects.using(alias).filter(pk=each.pk).update(tumours=kept)
        cursor.execute(HOUSE, ["", ""])


class Migration(migrations.Migration):
    dependencies = [("cases", "0009_reading_out")]

    operations = [
        migrations.AddField(
            model_name="tumour",
            name="profile",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=60), default=list, editable=False, size=None
            ),
        ),
        migrations.RunPython(work_out, migrations.RunPython.noop),
    ]
