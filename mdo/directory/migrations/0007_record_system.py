"""Record systems that tell of a hospital's patients."""

import django.db.models.deletion
from django.db import migrations, models

import mdo.kernel.ids


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0006_call"),
    ]

    operations = [
        migrations.CreateModel(
            name="RecordSystem",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("sending_facility", models.CharField(help_text="MSH-4 of its messages", max_length=60)),
                ("receiving_facility", models.CharField(help_text="MSH-6 of its messages", max_length=60)),
                (
                    "authority",
                    models.CharField(
                        blank=True, help_text="Whose patient numbers count (PID-3.4); empty: all of them", max_length=60
                    ),
                ),
                (
                    "charset",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "ASCII, as the standard says"),
                            ("8859/1", "8859/1"),
                            ("8859/15", "8859/15"),
                            ("UNICODE UTF-8", "UNICODE UTF-8"),
                        ],
                        help_text="What an empty MSH-18 means",
                        max_length=20,
                    ),
                ),
                (
                    "processing",
                    models.CharField(
                        choices=[("P", "P"), ("T", "T"), ("D", "D")],
                        default="P",
                        help_text="MSH-11: production, training or debugging",
                        max_length=1,
                    ),
                ),
                (
                    "registers",
                    models.BooleanField(
                        default=False,
                        help_text="Register patients who are not known yet. Only for a feed of nothing but patients for a board",
                    ),
                ),
                ("active", models.BooleanField(default=True)),
                (
                    "organisation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="record_systems",
                        to="directory.organisation",
                    ),
                ),
            ],
            options={
                "verbose_name": "record system",
                "verbose_name_plural": "record systems",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("sending_facility", "receiving_facility"), name="record_system_facilities"
                    )
                ],
            },
        ),
    ]
