"""Whether the patient was told what was decided, in rows that never change; reports for several readers."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema


def like_the_case(table: str) -> str:
    """Whoever may see the case sees whether its patient knows."""
    return f"(SELECT mdo_kind()) = 'system' OR EXISTS (SELECT 1 FROM cases_case c WHERE c.id = {table}.case_id)"


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0011_sketches"),
        ("directory", "0011_breaks"),
        ("meetings", "0024_complete_at_the_start"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="InformedStatement",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("informed", models.BooleanField()),
                ("informer", models.CharField(blank=True, max_length=200)),
                ("informed_on", models.DateField(null=True)),
                (
                    "how",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("visit", "At a consultation"),
                            ("phone", "By telephone"),
                            ("video", "By video"),
                            ("home", "At home"),
                        ],
                        max_length=10,
                    ),
                ),
                ("words", models.TextField(blank=True, max_length=4000)),
                ("stated_at", models.DateTimeField(default=mdo.kernel.clock.now)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="report",
            name="report_of_decision",
        ),
        migrations.AddField(
            model_name="report",
            name="recipient",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="word_name",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AlterField(
            model_name="report",
            name="kind",
            field=models.CharField(
                choices=[
                    ("case", "Report"),
                    ("minutes", "Minutes"),
                    ("letter", "Letter to the GP"),
                    ("summary", "Summary for the patient"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="informedstatement",
            name="case",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="informed_statements",
                to="cases.case",
            ),
        ),
        migrations.AddField(
            model_name="informedstatement",
            name="decision",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="informed_statements",
                to="meetings.decision",
            ),
        ),
        migrations.AddField(
            model_name="informedstatement",
            name="hospital",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
            ),
        ),
        migrations.AddField(
            model_name="informedstatement",
            name="stated_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="report",
            name="statement",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="meetings.informedstatement",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decision__isnull", False)),
                fields=("decision", "kind", "edition", "language", "statement"),
                name="report_of_decision",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="informedstatement",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="informedstatement_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="informedstatement",
            constraint=models.UniqueConstraint(fields=("decision", "number"), name="informedstatement_number"),
        ),
        migrations.AddConstraint(
            model_name="informedstatement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("how", ""), ("informed", False), ("informed_on", None), ("informer", ""), ("words", "")),
                    models.Q(
                        ("informed", True), ("informed_on__isnull", False), models.Q(("informer", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="informedstatement_said",
            ),
        ),
        schema.composite_keys(
            [
                ("meetings_informedstatement", "case_id", "cases_case"),
                ("meetings_informedstatement", "decision_id", "meetings_decision"),
                ("meetings_report", "statement_id", "meetings_informedstatement"),
            ]
        ),
        schema.guarded(["meetings_informedstatement"]),
        schema.row_security("meetings_informedstatement", like_the_case("meetings_informedstatement")),
        schema.for_app_role("REVOKE UPDATE, DELETE ON meetings_informedstatement FROM {role}"),
    ]
