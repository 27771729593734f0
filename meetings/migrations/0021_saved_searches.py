"""Searches that somebody keeps: write guard, and seen by that person alone."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema

OWN = "(SELECT mdo_kind()) = 'system' OR ((SELECT mdo_kind()) = 'person' AND person_id = (SELECT mdo_actor()))"


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0020_search_profiles"),
        ("directory", "0009_apitoken"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedSearch",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("name", models.CharField(max_length=80)),
                ("asked", models.JSONField(default=dict)),
                ("made_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                (
                    "hospital",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="directory.organisation"
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
                    models.UniqueConstraint(fields=("id", "hospital"), name="savedsearch_id_hospital"),
                    models.UniqueConstraint(fields=("person", "name"), name="savedsearch_name"),
                ],
            },
        ),
        schema.guarded(["meetings_savedsearch"]),
        schema.row_security("meetings_savedsearch", OWN),
    ]
