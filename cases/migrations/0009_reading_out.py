from django.db import migrations

from mdo.kernel import schema

# A program that reads out as FHIR stands before the rows of its own hospital, and writes none of them.
READER = (
    "(SELECT mdo_kind()) = 'machine' AND hospital_id = (SELECT mdo_organisation())"
    " AND 'fhir.read' = ANY ((SELECT mdo_scopes())::text[])"
)


class Migration(migrations.Migration):
    dependencies = [("cases", "0008_discussions"), ("directory", "0010_fhir_scopes")]

    operations = [
        schema.read_row_security("cases_case", "mdo_fhir", READER),
        schema.read_row_security("cases_referral", "mdo_fhir", READER),
    ]
