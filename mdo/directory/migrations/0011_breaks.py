from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0010_fhir_scopes")]

    operations = [
        migrations.AddField(
            model_name="board",
            name="break_after",
            field=models.PositiveSmallIntegerField(
                default=60, help_text="Minutes after which a break is proposed; 0: never"
            ),
        ),
        migrations.AddField(
            model_name="board",
            name="break_minutes",
            field=models.PositiveSmallIntegerField(default=10, help_text="How long a break lasts, in minutes"),
        ),
    ]
