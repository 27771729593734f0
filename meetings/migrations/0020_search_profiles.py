"""The index of decisions knows what the tumours are: place, stage and receptors as they lay on the table; and whether it was done."""

from django.db import migrations

from mdo.kernel import schema

DOCUMENTS = """
-- The rows of these decisions as the index is to hold them, and the words of them apart.
CREATE OR REPLACE FUNCTION mdo_decision_documents(wanted uuid[]) RETURNS TABLE (
    at timestamptz, decision_id uuid, hospital_id uuid, board_id uuid, case_id uuid, patient_id uuid, requesters uuid[], places text[],
    codes text[], number text, body text, names text
) LANGUAGE sql STABLE AS $$
    SELECT m.starts_at, d.id, d.hospital_id, d.board_id, d.case_id, p.id,
        coalesce(known.requesters, '{}') || CASE WHEN c.id IS NULL THEN '{}' ELSE ARRAY[c.requester_id] END,
        CASE WHEN d.case_id IS NULL THEN ARRAY[d.board_id::text || ':' || d.hospital_id::text] ELSE coalesce(known.places, '{}') END,
        ARRAY(SELECT 'step:' || (step ->> 'kind') FROM jsonb_array_elements(step.list) step WHERE step ->> 'kind' <> ''
            UNION SELECT jsonb_array_elements_text(tumour -> 'profile') FROM jsonb_array_elements(kept.tumours) tumour
            UNION SELECT 'outcome:' || f.outcome FROM meetings_followup f WHERE f.item_id = d.item_id AND f.outcome <> ''
            UNION SELECT unnest(t.profile) FROM cases_tumour t WHERE t.case_id = d.case_id AND kept.tumours IS NULL),
        coalesce(p.national_number, ''),
        concat_ws(E'\\n', d.text, (SELECT string_agg(step ->> 'text', E'\\n') FROM jsonb_array_elements(step.list) step),
            d.deviation, r.question, t.title, t.text),
        concat_ws(' ', p.family_name, p.given_name, p.other_identifier)
    FROM meetings_decision d
    CROSS JOIN LATERAL (SELECT CASE jsonb_typeof(d.steps) WHEN 'array' THEN d.steps ELSE '[]' END AS list) step
    JOIN meetings_meeting m ON m.id = d.meeting_id
    JOIN meetings_agendaitem i ON i.id = d.item_id
    LEFT JOIN cases_referral r ON r.id = i.referral_id
    LEFT JOIN meetings_topic t ON t.id = i.topic_id
    LEFT JOIN cases_case c ON c.id = d.case_id
    LEFT JOIN cases_patient p ON p.id = c.patient_id
    LEFT JOIN LATERAL (
        SELECT array_agg(DISTINCT one.requester_id) AS requesters, array_agg(DISTINCT one.board_id::text || ':' || one.hospital_id::text)
            FILTER (WHERE one.status IN ('submitted', 'returned', 'accepted', 'scheduled', 'discussed', 'postponed')) AS places
        FROM cases_referral one WHERE one.case_id = d.case_id
    ) known ON true
    LEFT JOIN LATERAL (
        SELECT one.tumours FROM cases_discussion one WHERE one.referral_id = i.referral_id AND one.outcome = 'discussed'
        ORDER BY one.at DESC LIMIT 1
    ) kept ON true
    WHERE d.id = ANY (wanted) AND d.state <> 'draft'
$$;
"""

FOLLOWED = """
CREATE FUNCTION mdo_index_on_follow_up() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM mdo_index_decision(NEW.decision_id);
    RETURN NULL;
END $$;
CREATE TRIGGER index_decision AFTER UPDATE OF outcome ON meetings_followup
    FOR EACH ROW WHEN (old.outcome IS DISTINCT FROM new.outcome) EXECUTE FUNCTION mdo_index_on_follow_up();
"""
CLOSED = "REVOKE EXECUTE ON FUNCTION mdo_index_on_follow_up() FROM PUBLIC;"

# The owner is held by the policies too, so it says who it is.
FILL = """
SELECT set_config('mdo.kind', 'system', true);
SELECT mdo_index_decisions(ARRAY(SELECT id FROM meetings_decision));
SELECT set_config('mdo.kind', '', true);
"""


class Migration(migrations.Migration):
    dependencies = [("meetings", "0019_seals"), ("cases", "0010_profiles")]

    operations = [
        migrations.RunSQL(DOCUMENTS, migrations.RunSQL.noop),
        migrations.RunSQL(FOLLOWED, migrations.RunSQL.noop),
        schema.for_app_role(CLOSED),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
