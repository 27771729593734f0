"""What anybody may ask of a printed report: a code by chance for each signed decision."""

import django.db.models.deletion
from django.db import migrations, models

from mdo.kernel import schema


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0009_apitoken"),
        ("meetings", "0018_follow_up"),
    ]

    operations = [
        migrations.CreateModel(
            name="DecisionSeal",
            fields=[
                ("code", models.CharField(max_length=16, primary_key=True, serialize=False)),
                ("number", models.PositiveBigIntegerField()),
                ("digest", models.CharField(max_length=12)),
                ("signed_at", models.DateTimeField()),
                ("replaced_at", models.DateTimeField(null=True)),
                (
                    "board",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.board"
                    ),
                ),
                (
                    "decision",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="seal",
                        to="meetings.decision",
                    ),
                ),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
            ],
        ),
        schema.composite_keys([("meetings_decisionseal", "decision_id", "meetings_decision")]),
        schema.guarded(["meetings_decisionseal"]),
    ]
