"""Wall displays: composite key, write guard; whoever's screen is let go loses its place at once."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

MOVING = """
CREATE TRIGGER bump_access AFTER INSERT OR UPDATE OR DELETE ON meetings_walldisplay
    FOR EACH STATEMENT EXECUTE FUNCTION mdo_bump_access();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0007_guests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="WallDisplay",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("key_digest", models.CharField(max_length=64)),
                ("paired_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "meeting",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="walls",
                        to="meetings.meeting",
                    ),
                ),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "paired_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["meeting", "ended_at"], name="meetings_wa_meeting_1bfc97_idx")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("key_digest",), name="wall_paired_once"
                    )
                ],
            },
        ),
        schema.composite_keys([("meetings_walldisplay", "meeting_id", "meetings_meeting")]),
        schema.guarded(["meetings_walldisplay"]),
        migrations.RunSQL(MOVING, "DROP TRIGGER bump_access ON meetings_walldisplay;"),
    ]
