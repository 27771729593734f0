"""What is agreed beside the steps of a decision: frozen and signed with the rest, from content version 3 on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("meetings", "0016_search_in_windows"),
    ]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="agreed",
            field=models.JSONField(default=dict),
        ),
        migrations.AlterField(
            model_name="decision",
            name="content_version",
            field=models.PositiveSmallIntegerField(default=3),
        ),
    ]
