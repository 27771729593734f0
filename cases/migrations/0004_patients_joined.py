"""Two records of one patient: merged within a hospital, linked between two for one board."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

SYSTEM = "(SELECT mdo_kind()) = 'system'"
# Who finds the hospital's patients by number finds what became of them too.
MERGE = (
    f"{SYSTEM} OR (hospital_id = (SELECT mdo_organisation())"
    " AND (SELECT mdo_organisation_roles())::text[] && '{clinician,secretary}'::text[])"
)
# A link names two patients: whoever may not read both of them does not learn of it (their own policy applies in here).
LINK = (
    f"{SYSTEM} OR (EXISTS (SELECT 1 FROM cases_patient p WHERE p.id = cases_link.one_id)"
    " AND EXISTS (SELECT 1 FROM cases_patient p WHERE p.id = cases_link.other_id))"
)
LINK_KEYS = "".join(
    f"ALTER TABLE cases_link ADD CONSTRAINT cases_link_{end}_same_hospital FOREIGN KEY ({end}_id, {end}_hospital_id)"
    " REFERENCES cases_patient (id, hospital_id) DEFERRABLE INITIALLY DEFERRED;\n"
    for end in ("one", "other")
)
LINK_KEYS_BACK = "".join(
    f"ALTER TABLE cases_link DROP CONSTRAINT cases_link_{end}_same_hospital;\n" for end in ("one", "other")
)


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0003_protection"),
        ("directory", "0006_call"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Link",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("made_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("ended_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Merge",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "case_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None),
                ),
                (
                    "link_ids",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None),
                ),
                ("made_by", models.UUIDField()),
                ("made_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("undone_by", models.UUIDField(null=True)),
                ("undone_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="patient",
            name="patient_national_number",
        ),
        migrations.RemoveConstraint(
            model_name="patient",
            name="patient_other_identifier",
        ),
        migrations.AddField(
            model_name="patient",
            name="merged_into",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="cases.patient",
            ),
        ),
        migrations.AddField(
            model_name="patient",
            name="record_number",
            field=models.CharField(blank=True, max_length=40),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.UniqueConstraint(
                condition=models.Q(models.Q(("national_number", ""), _negated=True), ("merged_into", None)),
                fields=("hospital", "national_number"),
                name="patient_national_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.UniqueConstraint(
                condition=models.Q(models.Q(("other_identifier", ""), _negated=True), ("merged_into", None)),
                fields=("hospital", "other_identifier"),
                name="patient_other_identifier",
            ),
        ),
        migrations.AddConstraint(
            model_name="patient",
            constraint=models.UniqueConstraint(
                condition=models.Q(models.Q(("record_number", ""), _negated=True), ("merged_into", None)),
                fields=("hospital", "record_number"),
                name="patient_record_number",
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="board",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.board"
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="ended_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="hospital",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="made_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="one",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.patient"
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="one_hospital",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="other",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.patient"
            ),
        ),
        migrations.AddField(
            model_name="link",
            name="other_hospital",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
            ),
        ),
        migrations.AddField(
            model_name="merge",
            name="hospital",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
            ),
        ),
        migrations.AddField(
            model_name="merge",
            name="merged",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.patient"
            ),
        ),
        migrations.AddField(
            model_name="merge",
            name="survivor",
            field=models.ForeignKey(
                db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cases.patient"
            ),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="link_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.UniqueConstraint(
                condition=models.Q(("ended_at", None)), fields=("board", "one", "other"), name="link_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.CheckConstraint(condition=models.Q(("one__lt", models.F("other"))), name="link_in_order"),
        ),
        migrations.AddConstraint(
            model_name="link",
            constraint=models.CheckConstraint(
                condition=models.Q(("one_hospital", models.F("other_hospital")), _negated=True),
                name="link_of_two_hospitals",
            ),
        ),
        migrations.AddIndex(
            model_name="merge",
            index=models.Index(fields=["survivor"], name="cases_merge_survivo_bc7de2_idx"),
        ),
        migrations.AddConstraint(
            model_name="merge",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="merge_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="merge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at", None)), fields=("merged",), name="merge_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="merge",
            constraint=models.CheckConstraint(
                condition=models.Q(("survivor", models.F("merged")), _negated=True), name="merge_of_two"
            ),
        ),
        schema.composite_keys(
            [
                ("cases_patient", "merged_into_id", "cases_patient"),
                ("cases_merge", "survivor_id", "cases_patient"),
                ("cases_merge", "merged_id", "cases_patient"),
            ]
        ),
        migrations.RunSQL(LINK_KEYS, LINK_KEYS_BACK),
        schema.guarded(["cases_merge", "cases_link"]),
        schema.row_security("cases_merge", MERGE),
        schema.row_security("cases_link", LINK),
    ]
