"""A hospital's data manager sees and answers the follow-ups of its cases, and reads neither case nor decision by that."""

from django.db import migrations

from mdo.kernel import schema

DATA_MANAGER = (
    "hospital_id = (SELECT mdo_organisation()) AND 'data_manager' = ANY ((SELECT mdo_organisation_roles())::text[])"
)


class Migration(migrations.Migration):
    dependencies = [("meetings", "0028_search_in_place_and_time"), ("directory", "0013_data_managers")]

    operations = [schema.widen_row_security("meetings_followup", DATA_MANAGER)]
