"""Personal calendar feeds: write guard."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import mdo.kernel.clock
import mdo.kernel.ids
from mdo.kernel import schema


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0010_replies"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CalendarFeed",
            fields=[
                (
                    "id",
                    models.UUIDField(default=mdo.kernel.ids.new_id, editable=False, primary_key=True, serialize=False),
                ),
                ("round", models.PositiveSmallIntegerField(default=1)),
                ("made_at", models.DateTimeField(default=mdo.kernel.clock.now)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "person",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        schema.guarded(["meetings_calendarfeed"]),
    ]
