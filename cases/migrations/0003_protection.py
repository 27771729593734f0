"""Composite keys, the write guard and row-level security of the care tables.

The policies say the rule of ``cases/access.py`` a second time, in the database: a forgotten filter shows nothing.
"""

from django.db import migrations

from mdo.kernel import schema

SYSTEM = "(SELECT mdo_kind()) = 'system'"
OWN_SECRETARY = (
    "(hospital_id = (SELECT mdo_organisation()) AND 'secretary' = ANY ((SELECT mdo_organisation_roles())::text[]))"
)
OWN_REQUESTER = "(requester_id = (SELECT mdo_actor()) AND hospital_id = (SELECT mdo_organisation()))"
KNOWN = "('submitted', 'returned', 'accepted', 'scheduled', 'discussed', 'postponed')"
REACH = "((SELECT mdo_reach())::text[])"


def slot(case: str) -> str:
    return (
        f"EXISTS (SELECT 1 FROM cases_grant g WHERE g.case_id = {case} AND g.person_id = (SELECT mdo_actor())"
        " AND g.ended_at IS NULL AND g.until > now())"
    )


REFERRAL = (
    f"{SYSTEM} OR {OWN_SECRETARY} OR {OWN_REQUESTER}"
    f" OR (status IN {KNOWN} AND (board_id::text || ':' || hospital_id::text) = ANY ({REACH}))"
    f" OR (status IN {KNOWN} AND {slot('cases_referral.case_id')})"  # in full: bare, it would be the grant's own column, and always equal
)
CASE = (
    f"{SYSTEM} OR {OWN_SECRETARY} OR {OWN_REQUESTER}"
    " OR EXISTS (SELECT 1 FROM cases_referral r WHERE r.case_id = cases_case.id"
    " AND r.requester_id = (SELECT mdo_actor()) AND r.hospital_id = (SELECT mdo_organisation()))"
    " OR EXISTS (SELECT 1 FROM cases_referral r WHERE r.case_id = cases_case.id"
    f" AND r.status IN {KNOWN} AND (r.board_id::text || ':' || r.hospital_id::text) = ANY ({REACH}))"
    f" OR {slot('cases_case.id')}"
)
# A clinician of the own hospital finds a patient's identity again by number; the cases stay behind their own policy.
PATIENT = (
    f"{SYSTEM} OR (hospital_id = (SELECT mdo_organisation())"
    " AND (SELECT mdo_organisation_roles())::text[] && '{clinician,secretary}'::text[])"
    " OR EXISTS (SELECT 1 FROM cases_case c WHERE c.patient_id = cases_patient.id)"
)
TUMOUR = f"{SYSTEM} OR EXISTS (SELECT 1 FROM cases_case c WHERE c.id = cases_tumour.case_id)"
DOCUMENT = (
    f"{SYSTEM} OR (EXISTS (SELECT 1 FROM cases_case c WHERE c.id = cases_document.case_id)"
    f" AND (shared_with_guests OR NOT {slot('cases_document.case_id')}))"
)


class Migration(migrations.Migration):
    dependencies = [("cases", "0002_initial"), ("directory", "0002_access")]

    operations = [
        schema.composite_keys(
            [
                ("cases_case", "patient_id", "cases_patient"),
                ("cases_tumour", "case_id", "cases_case"),
                ("cases_document", "case_id", "cases_case"),
                ("cases_referral", "case_id", "cases_case"),
                ("cases_grant", "case_id", "cases_case"),
            ]
        ),
        schema.guarded(
            ["cases_patient", "cases_case", "cases_tumour", "cases_document", "cases_referral", "cases_grant"]
        ),
        schema.row_security("cases_referral", REFERRAL),
        schema.row_security("cases_case", CASE),
        schema.row_security("cases_patient", PATIENT),
        schema.row_security("cases_tumour", TUMOUR),
        schema.row_security("cases_document", DOCUMENT),
    ]
