"""The signature proposes registration and billing: rows that nobody saved yet; and what was changed since a tumour was discussed."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


def saved_by_nobody(model: str) -> migrations.SeparateDatabaseAndState:
    """Django would make the foreign key anew, which reads the whole table under a lock."""
    table = f"meetings_{model}"
    field = models.ForeignKey(
        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
    )
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f"ALTER TABLE {table} ALTER COLUMN saved_by_id DROP NOT NULL;",
                f"ALTER TABLE {table} ALTER COLUMN saved_by_id SET NOT NULL;",
            )
        ],
        state_operations=[migrations.AlterField(model_name=model, name="saved_by", field=field)],
    )


class Migration(migrations.Migration):
    # The release before writes who saved a row, shows it nowhere, and takes one in draft for what it is: not complete.
    allowed = {"ban-drop-not-null": "No release reads who saved a registration."}
    dependencies = [
        ("meetings", "0030_handovers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="registrationform",
            name="seen",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="registrationform",
            name="taken",
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        saved_by_nobody("billingline"),
        saved_by_nobody("registrationform"),
    ]
