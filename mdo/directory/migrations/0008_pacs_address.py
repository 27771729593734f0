from django.db import migrations, models

import mdo.directory.image_archive


class Migration(migrations.Migration):
    dependencies = [("directory", "0007_record_system")]

    operations = [
        migrations.AddField(
            model_name="organisation",
            name="pacs_address",
            field=models.CharField(
                blank=True,
                help_text="Where the hospital's own image archive opens a study: an https address with {accession}, and with {patient} where it "
                "asks for the hospital's own patient number. Never a national number. Only people who act for this hospital get the link.",
                max_length=500,
                validators=[mdo.directory.image_archive.validate_template],
            ),
        ),
    ]
