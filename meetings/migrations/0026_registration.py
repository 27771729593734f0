"""Registration of cancers and billing: composite keys, write guard, row-level security."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

TABLES = ("meetings_registrationform", "meetings_billingline")
# Whoever may see the case; who may register it is asked in access. A file is its hospital's alone.
LIKE_THE_CASE = "(SELECT mdo_kind()) = 'system' OR EXISTS (SELECT 1 FROM cases_case c WHERE c.id = {table}.case_id)"
OWN_FILE = "(SELECT mdo_kind()) = 'system' OR hospital_id = (SELECT mdo_organisation())"


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0011_sketches"),
        ("directory", "0011_breaks"),
        ("meetings", "0025_informed"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RegistryExport",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "what",
                    models.CharField(
                        choices=[("registry", "For the registry"), ("billing", "For invoicing")], max_length=10
                    ),
                ),
                (
                    "boards",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None),
                ),
                ("since", models.DateField()),
                ("until", models.DateField()),
                ("rows", models.PositiveIntegerField()),
                ("changed", models.PositiveIntegerField()),
                ("left_out", models.PositiveIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("size", models.PositiveBigIntegerField()),
                ("storage_name", models.CharField(max_length=40)),
                ("made_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RegistrationForm",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("day", models.DateField()),
                ("rule_set", models.CharField(max_length=20)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Not complete"),
                            ("complete", "Complete"),
                            ("exported", "Exported"),
                            ("none", "Not applicable"),
                        ],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("reasons", models.JSONField(default=list)),
                ("missing", models.JSONField(default=list)),
                ("saved_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("exported_at", models.DateTimeField(null=True)),
                ("exported_digest", models.CharField(blank=True, max_length=64)),
                ("tumour_id", models.UUIDField()),
                ("position", models.PositiveSmallIntegerField()),
                ("kind", models.CharField(blank=True, max_length=20)),
                ("chosen", models.CharField(blank=True, max_length=20)),
                ("chronology", models.JSONField(default=list)),
                ("answers", models.JSONField(default=dict)),
                ("values", models.JSONField(default=dict)),
                (
                    "board",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.board"
                    ),
                ),
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
                        related_name="+",
                        to="meetings.decision",
                    ),
                ),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "item",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="registration_forms",
                        to="meetings.agendaitem",
                    ),
                ),
                (
                    "saved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "export",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="meetings.registryexport",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="BillingLine",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("day", models.DateField()),
                ("rule_set", models.CharField(max_length=20)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Not complete"),
                            ("complete", "Complete"),
                            ("exported", "Exported"),
                            ("none", "Not applicable"),
                        ],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("reasons", models.JSONField(default=list)),
                ("missing", models.JSONField(default=list)),
                ("saved_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("exported_at", models.DateTimeField(null=True)),
                ("exported_digest", models.CharField(blank=True, max_length=64)),
                ("service", models.CharField(blank=True, max_length=24)),
                (
                    "setting",
                    models.CharField(
                        blank=True,
                        choices=[("ambulatory", "Ambulatory"), ("hospitalised", "Hospitalised")],
                        max_length=12,
                    ),
                ),
                ("requested_on", models.DateField(null=True)),
                ("elsewhere", models.BooleanField(null=True)),
                ("lines", models.JSONField(default=list)),
                ("values", models.JSONField(default=dict)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "board",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.board"
                    ),
                ),
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
                        related_name="+",
                        to="meetings.decision",
                    ),
                ),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "item",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="billing_line",
                        to="meetings.agendaitem",
                    ),
                ),
                (
                    "saved_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "export",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="meetings.registryexport",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="registryexport",
            index=models.Index(fields=["hospital", "-made_at"], name="meetings_re_hospita_e9d4e8_idx"),
        ),
        migrations.AddConstraint(
            model_name="registryexport",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="registryexport_id_hospital"),
        ),
        migrations.AddIndex(
            model_name="registrationform",
            index=models.Index(fields=["hospital", "day"], name="registrationform_period"),
        ),
        migrations.AddConstraint(
            model_name="registrationform",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="registrationform_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="registrationform",
            constraint=models.UniqueConstraint(fields=("item", "tumour_id"), name="registrationform_once"),
        ),
        migrations.AddIndex(
            model_name="billingline",
            index=models.Index(fields=["hospital", "day"], name="billingline_period"),
        ),
        migrations.AddConstraint(
            model_name="billingline",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="billingline_id_hospital"),
        ),
        schema.composite_keys(
            [
                (table, column, target)
                for table in TABLES
                for column, target in (
                    ("case_id", "cases_case"),
                    ("item_id", "meetings_agendaitem"),
                    ("decision_id", "meetings_decision"),
                    ("export_id", "meetings_registryexport"),
                )
            ]
        ),
        schema.guarded((*TABLES, "meetings_registryexport")),
        *(schema.row_security(table, LIKE_THE_CASE.format(table=table)) for table in TABLES),
        schema.row_security("meetings_registryexport", OWN_FILE),
    ]
