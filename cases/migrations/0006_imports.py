"""Imported lists and their rows: composite key, write guard, row-level security by the rule of ``cases/access.py``."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

JOB = (
    "(SELECT mdo_kind()) = 'system' OR (hospital_id = (SELECT mdo_organisation()) AND (by_id = (SELECT mdo_actor())"
    " OR 'secretary' = ANY ((SELECT mdo_organisation_roles())::text[])))"
)
ROW = "(SELECT mdo_kind()) = 'system' OR EXISTS (SELECT 1 FROM cases_importjob j WHERE j.id = cases_importrow.job_id)"


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0005_preparation"),
        ("directory", "0006_call"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ImportJob",
            fields=[
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("done", "Done"),
                            ("given_up", "Given Up"),
                            ("dropped", "Dropped"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("leased_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("last_error", models.CharField(blank=True, max_length=200)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("submissions", "Submissions"), ("decisions", "Old decisions")], max_length=12
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("mapping", "Columns to choose"),
                            ("checking", "Being checked"),
                            ("preview", "To look at"),
                            ("applying", "Being brought in"),
                            ("finished", "Brought in"),
                            ("stopped", "Stopped"),
                            ("discarded", "Discarded"),
                        ],
                        max_length=10,
                    ),
                ),
                ("language", models.CharField(default="nl", max_length=2)),
                ("size", models.PositiveBigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                ("storage_name", models.CharField(blank=True, max_length=40)),
                ("facts", models.JSONField(default=dict)),
                ("header", models.JSONField(default=list)),
                ("samples", models.JSONField(default=list)),
                ("columns", models.JSONField(default=dict)),
                ("row_count", models.PositiveIntegerField()),
                ("checked", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "board",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.board"
                    ),
                ),
                (
                    "by",
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
            ],
        ),
        migrations.CreateModel(
            name="ImportRow",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("number", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("ready", "Ready"),
                            ("wrong", "Not in order"),
                            ("known", "Here already"),
                            ("applied", "Brought in"),
                            ("failed", "Not brought in"),
                        ],
                        max_length=10,
                    ),
                ),
                ("values", models.JSONField(default=dict)),
                ("errors", models.JSONField(default=dict)),
                ("key", models.CharField(blank=True, max_length=64)),
                ("twin", models.PositiveIntegerField(null=True)),
                ("case_id", models.UUIDField(null=True)),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rows",
                        to="cases.importjob",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="importjob",
            index=models.Index(fields=["hospital", "-created_at"], name="cases_impor_hospita_7d5e7f_idx"),
        ),
        migrations.AddIndex(
            model_name="importjob",
            index=models.Index(fields=["state", "due_at"], name="cases_impor_state_3bad71_idx"),
        ),
        migrations.AddConstraint(
            model_name="importjob",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="import_id_hospital"),
        ),
        migrations.AddIndex(
            model_name="importrow",
            index=models.Index(fields=["job", "state", "number"], name="cases_impor_job_id_f78deb_idx"),
        ),
        migrations.AddConstraint(
            model_name="importrow",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="import_row_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="importrow",
            constraint=models.UniqueConstraint(fields=("job", "number"), name="import_row_number"),
        ),
        migrations.AddConstraint(
            model_name="importrow",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "applied")), fields=("hospital", "key"), name="import_row_once"
            ),
        ),
        schema.composite_keys([("cases_importrow", "job_id", "cases_importjob")]),
        schema.guarded(["cases_importjob", "cases_importrow"]),
        schema.row_security("cases_importjob", JOB),
        schema.row_security("cases_importrow", ROW),
    ]
