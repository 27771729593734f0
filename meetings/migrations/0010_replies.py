"""Replies to invitations: composite key, write guard."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0006_call"),
        ("meetings", "0009_call"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Reply",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("answer", models.CharField(choices=[("yes", "Comes"), ("no", "Does not come")], max_length=3)),
                ("at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "deputy",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
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
                        related_name="replies",
                        to="meetings.meeting",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("meeting", "person"), name="reply_once"),
                    models.CheckConstraint(
                        condition=models.Q(("answer", "no"), ("deputy", None), _connector="OR"),
                        name="reply_deputy_for_somebody_absent",
                    ),
                ],
            },
        ),
        schema.composite_keys([("meetings_reply", "meeting_id", "meetings_meeting")]),
        schema.guarded(["meetings_reply"]),
    ]
