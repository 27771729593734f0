from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("directory", "0011_breaks"),
    ]

    operations = [
        migrations.AddField(
            model_name="person",
            name="postal_address",
            field=models.TextField(
                blank=True,
                help_text="Street and number, postal code and town, each on a line of its own: for letters on paper",
                max_length=200,
                verbose_name="postal address",
            ),
        ),
    ]
