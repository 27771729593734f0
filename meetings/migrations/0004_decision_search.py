"""The index that looks decisions up: words, names and numbers beside who may know of them, and the one function that asks it.

Row-level security and full text do not go together: PostgreSQL evaluates a match (not leakproof) after the policy, row by row.
So the index is a table of its own, revoked from the running role. ``mdo_search_decisions`` reads it as the owner, takes the
actor from the open door and filters access itself, by the rule of ``cases/access.py`` and ``meetings/access.py`` without the
grants of guests and observers. It answers with ids; rows are then fetched under row-level security
(docs/decisions/search.md).
"""

from django.db import migrations

from mdo.kernel import schema

# Three readings of each word, all without accents: as written, as Dutch and as English.
CONFIGURATIONS = "".join(
    f"CREATE TEXT SEARCH CONFIGURATION mdo_{name} (COPY = pg_catalog.{name});\n"
    f"ALTER TEXT SEARCH CONFIGURATION mdo_{name} ALTER MAPPING FOR hword, hword_part, word WITH unaccent, {dictionary};\n"
    for name, dictionary in (("simple", "simple"), ("dutch", "dutch_stem"), ("english", "english_stem"))
)
CONFIGURATIONS_BACK = "".join(
    f"DROP TEXT SEARCH CONFIGURATION mdo_{name};\n" for name in ("simple", "dutch", "english")
)

TABLE = """
CREATE TABLE meetings_decisionindex (
    decision_id uuid PRIMARY KEY REFERENCES meetings_decision (id) ON DELETE CASCADE,
    hospital_id uuid NOT NULL,
    board_id uuid NOT NULL,
    case_id uuid,
    patient_id uuid,
    patient_number text NOT NULL DEFAULT '',
    requesters uuid[] NOT NULL,  -- of the case and of its referrals
    places text[] NOT NULL,      -- board:hospital, for every board that may know of it
    at timestamptz NOT NULL,     -- when the board sat
    words tsvector NOT NULL
);
CREATE INDEX decisionindex_words ON meetings_decisionindex USING gin (words);
CREATE INDEX decisionindex_at ON meetings_decisionindex (at DESC, decision_id DESC);
CREATE INDEX decisionindex_case ON meetings_decisionindex (case_id);
CREATE INDEX decisionindex_patient ON meetings_decisionindex (patient_id);
CREATE INDEX decisionindex_number ON meetings_decisionindex (patient_number);
"""

FUNCTIONS = """
-- PostgreSQL's parser takes "ER/PR" for a file, "snijvlakken.Opvolging" for a host and what stands after "<script>" for nothing.
CREATE FUNCTION mdo_plain(body text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT translate(body, './@<>', '     ') $$;

CREATE FUNCTION mdo_words(body text) RETURNS tsvector LANGUAGE sql STABLE AS $$
    SELECT to_tsvector('mdo_simple', mdo_plain(body)) || to_tsvector('mdo_dutch', mdo_plain(body))
        || to_tsvector('mdo_english', mdo_plain(body))
$$;

-- What somebody typed, as a query; `beginnings` holds the same words as beginnings of words, or nothing.
CREATE FUNCTION mdo_words_query(typed text, beginnings text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT websearch_to_tsquery('mdo_simple', mdo_plain(typed)) || websearch_to_tsquery('mdo_dutch', mdo_plain(typed))
        || websearch_to_tsquery('mdo_english', mdo_plain(typed)) || to_tsquery('mdo_simple', beginnings)
$$;

-- Write the row of one decision anew. Reads as the house for that moment: the index does not depend on who made the change.
-- The program's role may not call it, only the triggers below do.
CREATE FUNCTION mdo_index_decision(wanted uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    acting_kind text := mdo_kind();
    d meetings_decision;
    c cases_case;
    p cases_patient;
    sat timestamptz;
    question text;
    topic text;
    known text[];
    asked uuid[];
BEGIN
    PERFORM set_config('mdo.kind', 'system', true);
    SELECT * INTO d FROM meetings_decision WHERE id = wanted;
    IF d.id IS NULL OR d.state = 'draft' THEN
        DELETE FROM meetings_decisionindex WHERE decision_id = wanted;
        PERFORM set_config('mdo.kind', acting_kind, true);
        RETURN;
    END IF;
    SELECT m.starts_at INTO sat FROM meetings_meeting m WHERE m.id = d.meeting_id;
    SELECT r.question, concat_ws(' ', t.title, t.text) INTO question, topic
        FROM meetings_agendaitem i LEFT JOIN cases_referral r ON r.id = i.referral_id LEFT JOIN meetings_topic t ON t.id = i.topic_id
        WHERE i.id = d.item_id;
    IF d.case_id IS NULL THEN
        known := ARRAY[d.board_id::text || ':' || d.hospital_id::text];
        asked := '{}';
    ELSE
        SELECT * INTO c FROM cases_case WHERE id = d.case_id;
        SELECT * INTO p FROM cases_patient WHERE id = c.patient_id;
        SELECT coalesce(array_agg(DISTINCT r.board_id::text || ':' || r.hospital_id::text)
                FILTER (WHERE r.status IN ('submitted', 'returned', 'accepted', 'scheduled', 'discussed', 'postponed')), '{}'),
            coalesce(array_agg(DISTINCT r.requester_id), '{}') || c.requester_id
            INTO known, asked FROM cases_referral r WHERE r.case_id = d.case_id;
    END IF;
    INSERT INTO meetings_decisionindex
        (decision_id, hospital_id, board_id, case_id, patient_id, patient_number, requesters, places, at, words)
    VALUES (d.id, d.hospital_id, d.board_id, d.case_id, p.id, coalesce(p.national_number, ''), asked, known, sat,
        mdo_words(concat_ws(E'\\n', d.text,
            (SELECT string_agg(step ->> 'text', E'\\n') FROM jsonb_array_elements(
                CASE jsonb_typeof(d.steps) WHEN 'array' THEN d.steps ELSE '[]' END) step), d.deviation, question, topic))
        || to_tsvector('mdo_simple', mdo_plain(concat_ws(' ', p.family_name, p.given_name, p.other_identifier))))
    ON CONFLICT (decision_id) DO UPDATE SET hospital_id = excluded.hospital_id, board_id = excluded.board_id,
        case_id = excluded.case_id, patient_id = excluded.patient_id, patient_number = excluded.patient_number,
        requesters = excluded.requesters, places = excluded.places, at = excluded.at, words = excluded.words;
    PERFORM set_config('mdo.kind', acting_kind, true);
END $$;

CREATE FUNCTION mdo_index_on_decision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.state <> 'draft' THEN PERFORM mdo_index_decision(NEW.id); END IF;  -- a draft is saved every second
    RETURN NULL;
END $$;
CREATE FUNCTION mdo_index_on_case() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM mdo_index_decision(decision_id) FROM meetings_decisionindex WHERE case_id = NEW.id;
    RETURN NULL;
END $$;
CREATE FUNCTION mdo_index_on_referral() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM mdo_index_decision(decision_id) FROM meetings_decisionindex
        WHERE case_id = CASE TG_OP WHEN 'DELETE' THEN OLD.case_id ELSE NEW.case_id END;
    RETURN NULL;
END $$;
CREATE FUNCTION mdo_index_on_patient() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM mdo_index_decision(decision_id) FROM meetings_decisionindex WHERE patient_id = NEW.id;
    RETURN NULL;
END $$;

CREATE TRIGGER index_decision AFTER INSERT OR UPDATE OF state, text, steps, deviation ON meetings_decision
    FOR EACH ROW EXECUTE FUNCTION mdo_index_on_decision();
CREATE TRIGGER index_decision AFTER UPDATE OF requester_id, patient_id ON cases_case
    FOR EACH ROW EXECUTE FUNCTION mdo_index_on_case();
CREATE TRIGGER index_decision AFTER INSERT OR DELETE OR UPDATE OF board_id, requester_id, status, question ON cases_referral
    FOR EACH ROW EXECUTE FUNCTION mdo_index_on_referral();
CREATE TRIGGER index_decision AFTER UPDATE OF family_name, given_name, national_number, other_identifier ON cases_patient
    FOR EACH ROW EXECUTE FUNCTION mdo_index_on_patient();

-- One page of what the actor of the open door may find, newest first, with the number of hits and the hits of each board and
-- hospital (before these two filters), all of which stop counting at 10,000.
CREATE FUNCTION mdo_search_decisions(
    typed text, beginnings text, number text, board uuid, hospital uuid, since timestamptz, before timestamptz,
    page_size integer, page_offset integer
) RETURNS TABLE (ids uuid[], total integer, boards jsonb, hospitals jsonb)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    kind text := mdo_kind();
    actor uuid := mdo_actor();
    here uuid := mdo_organisation();
    secretary boolean := 'secretary' = ANY (mdo_organisation_roles());
    active boolean := kind = 'person' AND EXISTS (SELECT 1 FROM directory_person WHERE id = mdo_actor() AND is_active);
    reach text[] := mdo_reach();
    query tsquery := CASE WHEN typed = '' THEN NULL ELSE mdo_words_query(typed, beginnings) END;
BEGIN
    RETURN QUERY
    WITH hits AS MATERIALIZED (
        SELECT i.decision_id, i.board_id, i.hospital_id, i.at FROM meetings_decisionindex i
        WHERE (query IS NULL OR i.words @@ query)
          AND (number = '' OR i.patient_number = number)
          AND (since IS NULL OR i.at >= since) AND (before IS NULL OR i.at < before)
          AND (kind = 'system' OR (active AND (
                i.places && reach
                OR (i.case_id IS NOT NULL AND i.hospital_id = here AND (secretary OR actor = ANY (i.requesters))))))
        ORDER BY i.at DESC, i.decision_id DESC LIMIT 10000
    ), chosen AS (
        SELECT h.decision_id, h.at FROM hits h
        WHERE (board IS NULL OR h.board_id = board) AND (hospital IS NULL OR h.hospital_id = hospital)
    ), page AS (
        SELECT c.decision_id, c.at FROM chosen c ORDER BY c.at DESC, c.decision_id DESC LIMIT page_size OFFSET page_offset
    )
    SELECT (SELECT coalesce(array_agg(p.decision_id ORDER BY p.at DESC, p.decision_id DESC), '{}') FROM page p),
        (SELECT count(*)::integer FROM chosen),
        (SELECT coalesce(jsonb_object_agg(b.board_id, b.n), '{}')
            FROM (SELECT h.board_id, count(*) AS n FROM hits h GROUP BY h.board_id) b),
        (SELECT coalesce(jsonb_object_agg(o.hospital_id, o.n), '{}')
            FROM (SELECT h.hospital_id, count(*) AS n FROM hits h GROUP BY h.hospital_id) o);
END $$;
"""

BACK = """
DROP FUNCTION mdo_search_decisions(text, text, text, uuid, uuid, timestamptz, timestamptz, integer, integer);
DROP TRIGGER index_decision ON cases_patient;
DROP TRIGGER index_decision ON cases_referral;
DROP TRIGGER index_decision ON cases_case;
DROP TRIGGER index_decision ON meetings_decision;
DROP FUNCTION mdo_index_on_patient();
DROP FUNCTION mdo_index_on_referral();
DROP FUNCTION mdo_index_on_case();
DROP FUNCTION mdo_index_on_decision();
DROP FUNCTION mdo_index_decision(uuid);
DROP FUNCTION mdo_words_query(text, text);
DROP FUNCTION mdo_words(text);
DROP FUNCTION mdo_plain(text);
"""

CLOSED = """
REVOKE ALL ON meetings_decisionindex FROM {role};
REVOKE EXECUTE ON FUNCTION mdo_index_decision(uuid) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION mdo_index_on_decision() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION mdo_index_on_case() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION mdo_index_on_referral() FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION mdo_index_on_patient() FROM PUBLIC;
"""

# Decisions that were there before the index was (the owner is held by the policies too, so it says who it is).
FILL = """
SELECT set_config('mdo.kind', 'system', true);
DO $$ BEGIN PERFORM mdo_index_decision(id) FROM meetings_decision; END $$;
SELECT set_config('mdo.kind', '', true);
"""


class Migration(migrations.Migration):
    dependencies = [("meetings", "0003_corrections"), ("cases", "0003_protection"), ("directory", "0002_access")]

    operations = [
        migrations.RunSQL(CONFIGURATIONS, CONFIGURATIONS_BACK),
        migrations.RunSQL(TABLE, "DROP TABLE meetings_decisionindex;"),
        migrations.RunSQL(FUNCTIONS, BACK),
        schema.for_app_role(CLOSED),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
    ]
