"""The dossier as it was discussed, and what a later case carries forward from it: keys, write guard, row-level security."""

import django.db.models.deletion
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

# Whoever reads the referral reads what lay on the table for it: the referral's own policy decides.
DISCUSSION = (
    "(SELECT mdo_kind()) = 'system'"
    " OR EXISTS (SELECT 1 FROM cases_referral r WHERE r.id = cases_discussion.referral_id)"
)


class Migration(migrations.Migration):
    dependencies = [("cases", "0007_intake"), ("directory", "0002_access")]

    operations = [
        migrations.CreateModel(
            name="Discussion",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("submitted", "Submitted"),
                            ("returned", "Returned"),
                            ("accepted", "Accepted"),
                            ("scheduled", "Scheduled"),
                            ("discussed", "Discussed"),
                            ("postponed", "Postponed"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=12,
                    ),
                ),
                ("at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("dossier", models.CharField(max_length=40)),
                ("dossier_version", models.PositiveSmallIntegerField()),
                ("data", models.JSONField(default=dict)),
                ("tumours", models.JSONField(default=list)),
                (
                    "case",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="discussions",
                        to="cases.case",
                    ),
                ),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "referral",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="discussions",
                        to="cases.referral",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["case", "-at"], name="cases_discu_case_id_7c434b_idx")],
                "constraints": [models.UniqueConstraint(fields=("id", "hospital"), name="discussion_id_hospital")],
            },
        ),
        migrations.AddField(
            model_name="case",
            name="carried_from",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="cases.discussion",
            ),
        ),
        migrations.AddField(model_name="case", name="to_confirm", field=models.JSONField(default=list)),
        migrations.AddField(model_name="tumour", name="to_confirm", field=models.JSONField(default=list)),
        schema.composite_keys(
            [
                ("cases_discussion", "case_id", "cases_case"),
                ("cases_discussion", "referral_id", "cases_referral"),
                ("cases_case", "carried_from_id", "cases_discussion"),
            ]
        ),
        schema.guarded(["cases_discussion"]),
        schema.row_security("cases_discussion", DISCUSSION),
    ]
