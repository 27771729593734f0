from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0012_postal_address")]

    operations = [
        migrations.AddField(
            model_name="organisation",
            name="postal_address",
            field=models.TextField(
                blank=True,
                default="",
                db_default="",
                help_text="Street and number, postal code and town, each on a line of its own: for letters on paper",
                max_length=200,
                verbose_name="postal address",
            ),
        ),
        migrations.AlterField(
            model_name="organisationrole",
            name="role",
            field=models.CharField(
                choices=[
                    ("clinician", "Clinician"),
                    ("secretary", "Secretary"),
                    ("admin", "Administrator of the organisation"),
                    ("privacy_officer", "Privacy officer"),
                    ("data_manager", "Data manager"),
                    ("guest", "Guest"),
                ],
                max_length=20,
            ),
        ),
    ]
