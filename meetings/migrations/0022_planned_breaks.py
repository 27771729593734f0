from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0011_breaks"), ("meetings", "0021_saved_searches")]

    operations = [
        migrations.AddField(
            model_name="agendaitem", name="break_after", field=models.PositiveSmallIntegerField(default=0)
        ),
    ]
