from django.db import migrations

from mdo.kernel import schema

# A program that reads out learns in which record another one of its own hospital went up; whether it may read that one says its own rule.
MERGED = (
    "merged_into_id IS NOT NULL AND (SELECT mdo_kind()) = 'machine' AND hospital_id = (SELECT mdo_organisation())"
    " AND 'fhir.read' = ANY ((SELECT mdo_scopes())::text[])"
)


class Migration(migrations.Migration):
    dependencies = [("cases", "0011_sketches")]

    operations = [schema.read_row_security("cases_patient", "mdo_fhir_merged", MERGED)]
