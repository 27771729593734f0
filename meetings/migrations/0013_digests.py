"""Reminders as rules of a board: its settings, the digest of each person and the lines in it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

# Mails of the two kinds that a digest replaces are not sent any more; the sweep plans the reminders of their sittings anew.
OLD = """
SELECT set_config('mdo.action', 'migration', true);
UPDATE meetings_delivery SET state = 'dropped', done_at = now(), last_error = 'comes in a digest'
 WHERE kind IN ('deadline', 'signature') AND state = 'waiting';
SELECT set_config('mdo.action', '', true);
"""


def _id() -> models.UUIDField:
    return models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False)


def _to(model: str, on_delete: object, **options: object) -> models.ForeignKey:
    return models.ForeignKey(on_delete=on_delete, to=model, **{"related_name": "+", **options})


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0006_call"),
        ("meetings", "0012_wishes_and_protocols"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(OLD, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="delivery",
            name="kind",
            field=models.CharField(
                choices=[
                    ("invitation", "Invitation"),
                    ("cancellation", "Cancellation"),
                    ("reports", "Reports ready"),
                    ("digest", "Digest of reminders"),
                    ("returned", "Submission returned"),
                    ("call_in", "Your item comes soon"),
                    ("guest_link", "Link for a guest"),
                    ("guest_code", "Code for a guest"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(model_name="reminder", name="kind", field=models.CharField(max_length=12)),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                condition=models.Q(("kind", "digest"), ("state", "waiting")),
                fields=("recipient",),
                name="delivery_one_digest",
            ),
        ),
        migrations.CreateModel(
            name="ReminderSettings",
            fields=[
                ("id", _id()),
                ("rules", models.JSONField(default=dict)),
                ("send_at", models.TimeField()),
                ("quiet_from", models.TimeField()),
                ("quiet_until", models.TimeField()),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "board",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="directory.board"
                    ),
                ),
                ("hospital", _to("directory.organisation", django.db.models.deletion.PROTECT)),
            ],
        ),
        migrations.CreateModel(
            name="DigestLine",
            fields=[
                ("id", _id()),
                ("kind", models.CharField(max_length=12)),
                ("occasion", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("sent", "Sent"), ("dropped", "Dropped")],
                        default="waiting",
                        max_length=8,
                    ),
                ),
                ("why", models.CharField(blank=True, max_length=20)),
                ("added_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "delivery",
                    _to("meetings.delivery", django.db.models.deletion.CASCADE, null=True, related_name="lines"),
                ),
                ("hospital", _to("directory.organisation", django.db.models.deletion.PROTECT)),
                (
                    "meeting",
                    _to(
                        "meetings.meeting",
                        django.db.models.deletion.CASCADE,
                        db_constraint=False,
                        related_name="digest_lines",
                    ),
                ),
                ("person", _to(settings.AUTH_USER_MODEL, django.db.models.deletion.CASCADE)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("meeting", "person", "kind", "occasion"), name="digest_line_once"),
                ],
            },
        ),
        schema.composite_keys([("meetings_digestline", "meeting_id", "meetings_meeting")]),
        schema.guarded(["meetings_digestline", "meetings_remindersettings"]),
    ]
