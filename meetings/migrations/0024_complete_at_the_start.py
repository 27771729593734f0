from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("meetings", "0023_imported_referrals")]

    operations = [
        migrations.AddField(
            model_name="agendaitem", name="complete", field=models.BooleanField(default=None, null=True)
        ),
    ]
