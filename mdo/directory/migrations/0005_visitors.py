from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0004_read_back")]

    operations = [
        migrations.AddField(
            model_name="person",
            name="visitor",
            field=models.BooleanField(default=False, editable=False),
        ),
    ]
