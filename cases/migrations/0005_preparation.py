"""What was prepared for the table: composite key, write guard, row-level security."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

# Whoever reads the referral, but not by a slot: a guest or observer does not read what was prepared.
READ = (
    "(SELECT mdo_kind()) = 'system' OR EXISTS (SELECT 1 FROM cases_referral r WHERE r.id = cases_preparationnote.referral_id"
    " AND NOT EXISTS (SELECT 1 FROM cases_grant g WHERE g.case_id = r.case_id AND g.person_id = (SELECT mdo_actor())"
    " AND g.via = 'slot' AND g.ended_at IS NULL AND g.until > now()))"
)


class Migration(migrations.Migration):
    dependencies = [
        ("cases", "0004_patients_joined"),
        ("directory", "0007_record_system"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PreparationNote",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("discipline", models.CharField(blank=True, max_length=60)),
                ("text", models.TextField(blank=True, max_length=4000)),
                ("case_version", models.PositiveIntegerField()),
                ("version", models.PositiveIntegerField(default=1)),
                ("at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("replaced_at", models.DateTimeField(null=True)),
                (
                    "author",
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
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
                    ),
                ),
                (
                    "referral",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="preparation",
                        to="cases.referral",
                    ),
                ),
            ],
            options={
                "ordering": ["at"],
                "constraints": [
                    models.UniqueConstraint(fields=("id", "hospital"), name="preparation_id_hospital"),
                    models.UniqueConstraint(fields=("referral", "author", "version"), name="preparation_version"),
                    models.UniqueConstraint(
                        condition=models.Q(("replaced_at", None)),
                        fields=("referral", "author"),
                        name="preparation_one_in_force",
                    ),
                ],
            },
        ),
        schema.composite_keys([("cases_preparationnote", "referral_id", "cases_referral")]),
        schema.guarded(["cases_preparationnote"]),
        schema.row_security("cases_preparationnote", READ),
    ]
