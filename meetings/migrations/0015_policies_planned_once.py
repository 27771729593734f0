"""The policies of the care tables, said so that PostgreSQL plans them in a fraction of the time; who sees what is the same."""

from django.db import migrations

from mdo.kernel import schema

KNOWN = "('submitted', 'returned', 'accepted', 'scheduled', 'discussed', 'postponed')"
ACTOR, ORGANISATION = "(SELECT mdo_actor())", "(SELECT mdo_organisation())"
# As before, but for the two ways to see a case by a referral, which are now asked for at once.
CASE = (
    "(SELECT mdo_kind()) = 'system'"
    f" OR (hospital_id = {ORGANISATION} AND 'secretary' = ANY ((SELECT mdo_organisation_roles())::text[]))"
    f" OR (requester_id = {ACTOR} AND hospital_id = {ORGANISATION})"
    " OR EXISTS (SELECT 1 FROM cases_referral r WHERE r.case_id = cases_case.id"
    f" AND ((r.requester_id = {ACTOR} AND r.hospital_id = {ORGANISATION})"
    f" OR (r.status IN {KNOWN} AND (r.board_id::text || ':' || r.hospital_id::text) = ANY ((SELECT mdo_reach())::text[]))))"
    f" OR EXISTS (SELECT 1 FROM cases_grant g WHERE g.case_id = cases_case.id AND g.person_id = {ACTOR}"
    " AND g.ended_at IS NULL AND g.until > now())"
    f" OR (hospital_id = {ORGANISATION} AND (SELECT mdo_scopes())::text[] && '{{cases.read,cases.submit}}'::text[])"
)


class Migration(migrations.Migration):
    dependencies = [("meetings", "0014_imports"), ("cases", "0008_discussions")]

    operations = [
        migrations.RunSQL(
            f"ALTER POLICY mdo ON cases_case USING ({CASE}) WITH CHECK ({CASE});", migrations.RunSQL.noop
        ),
        schema.plan_once(
            [
                "cases_case",
                "cases_discussion",
                "cases_document",
                "cases_importrow",
                "cases_link",
                "cases_patient",
                "cases_preparationnote",
                "cases_referral",
                "cases_tumour",
                "meetings_decision",
                "meetings_guestinvitation",
                "meetings_remark",
                "meetings_textdocument",
                "meetings_textupdate",
                "meetings_voice",
            ]
        ),
    ]
