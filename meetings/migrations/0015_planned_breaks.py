from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0010_breaks"), ("meetings", "0014_imports")]

    operations = [
        migrations.AddField(
            model_name="agendaitem", name="break_after", field=models.PositiveSmallIntegerField(default=0)
        ),
    ]
