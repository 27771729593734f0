"""The summary for the patient, and when it was given to them: a row each time."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

# Whoever may see the case sees whether its patient holds the summary.
LIKE_THE_CASE = (
    "(SELECT mdo_kind()) = 'system' OR EXISTS (SELECT 1 FROM cases_case c WHERE c.id = meetings_handover.case_id)"
)


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0011_sketches"),
        ("directory", "0013_data_managers"),
        ("meetings", "0029_data_managers"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Handover",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "way",
                    models.CharField(
                        choices=[("hand", "Handed over on paper"), ("post", "Sent by post")], max_length=4
                    ),
                ),
                ("handed_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "case",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="cases.case",
                    ),
                ),
                (
                    "decision",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="handovers",
                        to="meetings.decision",
                    ),
                ),
                (
                    "handed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "report",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="handovers",
                        to="meetings.report",
                    ),
                ),
            ],
            options={
                "ordering": ["-handed_at"],
                "constraints": [models.UniqueConstraint(fields=("id", "hospital"), name="handover_id_hospital")],
            },
        ),
        schema.composite_keys(
            [
                ("meetings_handover", "case_id", "cases_case"),
                ("meetings_handover", "decision_id", "meetings_decision"),
                ("meetings_handover", "report_id", "meetings_report"),
            ]
        ),
        schema.guarded(["meetings_handover"]),
        schema.row_security("meetings_handover", LIKE_THE_CASE),
        schema.for_app_role("REVOKE UPDATE, DELETE ON meetings_handover FROM {role}"),
    ]
