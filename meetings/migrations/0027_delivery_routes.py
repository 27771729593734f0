"""Ways by which signed reports go out, and what is to be sent by them: composite keys, write guard; a route is seen by its hospital alone."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

OWN = "(SELECT mdo_kind()) = 'system' OR hospital_id = (SELECT mdo_organisation())"


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0012_postal_address"),
        ("meetings", "0026_registration"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Route",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("hl7", "HL7 v2 to the record system"),
                            ("fhir", "FHIR to the record system"),
                            ("ehealthbox", "eHealthBox, through the hospital's messaging"),
                            ("paper", "Letter on paper"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=10), default=list, size=None
                    ),
                ),
                (
                    "recipients",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[("record", "Record system"), ("gp", "GP"), ("requester", "Requester")],
                            max_length=10,
                        ),
                        default=list,
                        size=None,
                    ),
                ),
                ("settings", models.JSONField(default=dict)),
                ("secret_name", models.CharField(blank=True, max_length=40)),
                ("active", models.BooleanField(default=True)),
                ("version", models.PositiveIntegerField(default=1)),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Dispatch",
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
                    "channel",
                    models.CharField(
                        choices=[
                            ("hl7", "HL7 v2 to the record system"),
                            ("fhir", "FHIR to the record system"),
                            ("ehealthbox", "eHealthBox, through the hospital's messaging"),
                            ("paper", "Letter on paper"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[("record", "Record system"), ("gp", "GP"), ("requester", "Requester")], max_length=10
                    ),
                ),
                ("trial", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "meeting",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dispatches",
                        to="meetings.meeting",
                    ),
                ),
                (
                    "recipient",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "report",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dispatches",
                        to="meetings.report",
                    ),
                ),
                (
                    "route",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="dispatches",
                        to="meetings.route",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(fields=("id", "hospital"), name="route_id_hospital"),
        ),
        migrations.AddConstraint(
            model_name="route",
            constraint=models.UniqueConstraint(fields=("hospital", "name"), name="route_name"),
        ),
        migrations.AddIndex(
            model_name="dispatch",
            index=models.Index(fields=["state", "due_at"], name="meetings_di_state_461d3b_idx"),
        ),
        migrations.AddConstraint(
            model_name="dispatch",
            constraint=models.UniqueConstraint(
                condition=models.Q(("trial", False)),
                fields=("report", "route", "role", "recipient"),
                name="dispatch_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="dispatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("meeting", None), ("report", None), ("trial", True)),
                    models.Q(("meeting__isnull", False), ("report__isnull", False), ("trial", False)),
                    _connector="OR",
                ),
                name="dispatch_of_a_report",
            ),
        ),
        schema.composite_keys(
            [
                ("meetings_dispatch", "route_id", "meetings_route"),
                ("meetings_dispatch", "report_id", "meetings_report"),
            ]
        ),
        schema.guarded(["meetings_route", "meetings_dispatch"]),
        schema.row_security("meetings_route", OWN),
    ]
