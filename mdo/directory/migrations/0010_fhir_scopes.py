import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("directory", "0009_apitoken")]

    operations = [
        migrations.AlterField(
            model_name="apitoken",
            name="scopes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("cases.submit", "Bring in cases"),
                        ("cases.read", "Read the state of cases"),
                        ("fhir.read", "Read patients, cases and signed decisions as FHIR"),
                        ("fhir.audit", "Read the hospital's access log as FHIR"),
                        ("launch", "Open cases from the record system"),
                    ],
                    max_length=20,
                ),
                size=None,
            ),
        ),
    ]
