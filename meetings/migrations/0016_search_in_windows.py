"""The index that looks decisions up, made anew: five languages, codes to choose from, a vocabulary, and work that is bounded.

Whoever may know of a decision, the days, the codes and the words all lie in one GIN index: ``keys`` are 64-bit numbers of texts such
as ``place:board:hospital``, ``year:2026`` or ``stage:II`` (``mdo_key``). The question walks from the newest months to older ones in
windows that grow by what they gave, and stops at 10,000 hits (docs/decisions/search.md).
"""

from django.db import migrations

from mdo.kernel import schema

CONFIGURATIONS = "".join(
    f"CREATE TEXT SEARCH CONFIGURATION mdo_{name} (COPY = pg_catalog.{name});\n"
    f"ALTER TEXT SEARCH CONFIGURATION mdo_{name} ALTER MAPPING FOR hword, hword_part, word WITH unaccent, {name}_stem;\n"
    for name in ("french", "german")
)
CONFIGURATIONS_BACK = "DROP TEXT SEARCH CONFIGURATION mdo_french; DROP TEXT SEARCH CONFIGURATION mdo_german;\n"

# What stood here before; the triggers and their functions stay, and call the function that writes one row anew.
AWAY = """
DROP FUNCTION mdo_search_decisions(text, text, text, uuid, uuid, timestamptz, timestamptz, integer, integer);
DROP FUNCTION mdo_words(text);
DROP TABLE meetings_decisionindex;
"""

TABLES = """
CREATE TABLE meetings_decisionindex (
    at timestamptz NOT NULL,     -- when the board sat
    decision_id uuid PRIMARY KEY REFERENCES meetings_decision (id) ON DELETE CASCADE,
    hospital_id uuid NOT NULL,
    board_id uuid NOT NULL,
    case_id uuid,
    patient_id uuid,
    requesters uuid[] NOT NULL,  -- of the case and of its referrals
    places text[] NOT NULL,      -- board:hospital, for every board that may know of it
    codes text[] NOT NULL,       -- what the facets count, as facet:code
    keys bigint[] NOT NULL,      -- all of the above and the days, for the index
    words tsvector NOT NULL
) WITH (toast_tuple_target = 512);
-- The words lie apart and as they are: most questions never read them, and the rest of the row stays narrow.
ALTER TABLE meetings_decisionindex ALTER words SET STORAGE EXTERNAL, ALTER requesters SET STORAGE MAIN,
    ALTER places SET STORAGE MAIN, ALTER codes SET STORAGE MAIN, ALTER keys SET STORAGE MAIN;
CREATE INDEX decisionindex_search ON meetings_decisionindex USING gin (words, keys) WITH (fastupdate = off);
CREATE INDEX decisionindex_at ON meetings_decisionindex (at);
CREATE INDEX decisionindex_case ON meetings_decisionindex (case_id);
CREATE INDEX decisionindex_patient ON meetings_decisionindex (patient_id);

-- Every word as it was written once, without accents: what typing errors are compared with and beginnings are completed by.
CREATE TABLE meetings_vocabulary (word text COLLATE "C" PRIMARY KEY);
CREATE INDEX vocabulary_alike ON meetings_vocabulary USING gin (word gin_trgm_ops) WITH (fastupdate = off);
"""

WRITING = """
CREATE FUNCTION mdo_key(said text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('x' || substr(md5(said), 1, 16))::bit(64)::bigint
$$;

-- As written, with places, for phrases; and by the stems of four languages, without.
CREATE FUNCTION mdo_words(body text) RETURNS tsvector LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('mdo_simple', mdo_plain(body)) || strip(to_tsvector('mdo_dutch', mdo_plain(body))
        || to_tsvector('mdo_french', mdo_plain(body)) || to_tsvector('mdo_german', mdo_plain(body))
        || to_tsvector('mdo_english', mdo_plain(body)))
$$;

-- What the vocabulary takes of a text.
CREATE FUNCTION mdo_vocables(body text) RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT word FROM unnest(tsvector_to_array(to_tsvector('mdo_simple', mdo_plain(body)))) word
    WHERE length(word) BETWEEN 3 AND 40 AND word ~ '[[:alpha:]]' AND word !~ '[^[:alnum:]]'
$$;

-- The rows of these decisions as the index is to hold them, and the words of them apart.
CREATE FUNCTION mdo_decision_documents(wanted uuid[]) RETURNS TABLE (
    at timestamptz, decision_id uuid, hospital_id uuid, board_id uuid, case_id uuid, patient_id uuid, requesters uuid[], places text[],
    codes text[], number text, body text, names text
) LANGUAGE sql STABLE AS $$
    SELECT m.starts_at, d.id, d.hospital_id, d.board_id, d.case_id, p.id,
        coalesce(known.requesters, '{}') || CASE WHEN c.id IS NULL THEN '{}' ELSE ARRAY[c.requester_id] END,
        CASE WHEN d.case_id IS NULL THEN ARRAY[d.board_id::text || ':' || d.hospital_id::text] ELSE coalesce(known.places, '{}') END,
        ARRAY(SELECT DISTINCT 'step:' || (step ->> 'kind') FROM jsonb_array_elements(step.list) step WHERE step ->> 'kind' <> ''),
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
    WHERE d.id = ANY (wanted) AND d.state <> 'draft'
$$;

CREATE FUNCTION mdo_decision_keys(
    at timestamptz, hospital uuid, board uuid, has_case boolean, requesters uuid[], places text[], codes text[], number text
) RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT array_agg(DISTINCT mdo_key(said)) FROM (
        SELECT unnest(ARRAY['board:' || board, 'hospital:' || hospital]
            || string_to_array(to_char(at AT TIME ZONE 'Europe/Brussels', '"year:"YYYY "month:"YYYY-MM "any:"MM'), ' '))
        UNION ALL SELECT 'place:' || place FROM unnest(places) place
        UNION ALL SELECT unnest(codes)
        UNION ALL SELECT 'own:' || hospital WHERE has_case
        UNION ALL SELECT 'by:' || requester || ':' || hospital FROM unnest(requesters) requester WHERE has_case
        UNION ALL SELECT 'number:' || number WHERE number <> ''
    ) one (said)
$$;

-- Write the rows of these decisions anew. Reads as the house for that moment: the index does not depend on who made the change.
-- The program's role may not call it, only the triggers do. New words are added in one order, so that no two wait for each other.
CREATE FUNCTION mdo_index_decisions(wanted uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    acting_kind text := mdo_kind();
BEGIN
    PERFORM set_config('mdo.kind', 'system', true);
    DELETE FROM meetings_decisionindex i WHERE i.decision_id = ANY (wanted)
        AND NOT EXISTS (SELECT FROM meetings_decision d WHERE d.id = i.decision_id AND d.state <> 'draft');
    WITH document AS MATERIALIZED (SELECT * FROM mdo_decision_documents(wanted)), written AS (
        INSERT INTO meetings_decisionindex
            (at, decision_id, hospital_id, board_id, case_id, patient_id, requesters, places, codes, keys, words)
        SELECT d.at, d.decision_id, d.hospital_id, d.board_id, d.case_id, d.patient_id, d.requesters, d.places, d.codes,
            mdo_decision_keys(d.at, d.hospital_id, d.board_id, d.case_id IS NOT NULL, d.requesters, d.places, d.codes, d.number),
            mdo_words(d.body) || to_tsvector('mdo_simple', mdo_plain(d.names))
        FROM document d
        ON CONFLICT (decision_id) DO UPDATE SET at = excluded.at, hospital_id = excluded.hospital_id, board_id = excluded.board_id,
            case_id = excluded.case_id, patient_id = excluded.patient_id, requesters = excluded.requesters, places = excluded.places,
            codes = excluded.codes, keys = excluded.keys, words = excluded.words
    )
    INSERT INTO meetings_vocabulary
        SELECT DISTINCT word FROM document d, mdo_vocables(d.body || ' ' || d.names) word ORDER BY word ON CONFLICT DO NOTHING;
    PERFORM set_config('mdo.kind', acting_kind, true);
END $$;

CREATE OR REPLACE FUNCTION mdo_index_decision(wanted uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$ SELECT mdo_index_decisions(ARRAY[wanted]) $$;
"""

ASKING = """
-- One word as somebody typed it: as written, by its stems, and what it is the beginning of. NULL for a word that says nothing in one
-- of the languages. Where there are too many words that begin so, the index itself looks for the beginning.
CREATE FUNCTION mdo_word_query(word text, beginnings boolean) RETURNS tsquery LANGUAGE plpgsql STABLE AS $$
DECLARE
    written tsquery := plainto_tsquery('mdo_simple', mdo_plain(word));
    stem tsquery;
    stems tsquery := ''::tsquery;
    longer text[];
    plain text;
BEGIN
    IF numnode(written) = 0 THEN RETURN NULL; END IF;
    FOREACH stem IN ARRAY ARRAY[plainto_tsquery('mdo_dutch', mdo_plain(word)), plainto_tsquery('mdo_french', mdo_plain(word)),
            plainto_tsquery('mdo_german', mdo_plain(word)), plainto_tsquery('mdo_english', mdo_plain(word))] LOOP
        IF numnode(stem) = 0 THEN RETURN NULL; END IF;
        stems := stems || stem;
    END LOOP;
    written := written || stems;
    plain := (tsvector_to_array(to_tsvector('mdo_simple', mdo_plain(word))))[1];
    IF beginnings AND length(plain) >= 3 AND plain !~ '[^[:alnum:]]' THEN
        longer := ARRAY(SELECT v.word FROM meetings_vocabulary v WHERE v.word > plain AND v.word < plain || U&'\\FFFD' LIMIT 101);
        IF cardinality(longer) > 100 THEN
            written := written || (plain || ':*')::tsquery;
        ELSIF cardinality(longer) > 0 THEN
            written := written || array_to_string(longer, ' | ')::tsquery;
        END IF;
    END IF;
    RETURN written;
END $$;

-- All of these words. Only words that say nothing: those, as they are written.
CREATE FUNCTION mdo_all_words_query(words text[]) RETURNS tsquery LANGUAGE plpgsql STABLE AS $$
DECLARE
    word text;
    one tsquery;
    every tsquery;
    bare tsquery;
BEGIN
    FOREACH word IN ARRAY words LOOP
        one := mdo_word_query(word, true);
        every := CASE WHEN one IS NULL THEN every WHEN every IS NULL THEN one ELSE every && one END;
        one := plainto_tsquery('mdo_simple', mdo_plain(word));
        bare := CASE WHEN numnode(one) = 0 THEN bare WHEN bare IS NULL THEN one ELSE bare && one END;
    END LOOP;
    RETURN coalesce(every, bare, ''::tsquery);
END $$;

-- With quotes, `or` and `-`, as search engines read them; `beginnings` is for what is marked in a text.
CREATE OR REPLACE FUNCTION mdo_words_query(typed text, beginnings text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT websearch_to_tsquery('mdo_simple', mdo_plain(typed)) || websearch_to_tsquery('mdo_dutch', mdo_plain(typed))
        || websearch_to_tsquery('mdo_french', mdo_plain(typed)) || websearch_to_tsquery('mdo_german', mdo_plain(typed))
        || websearch_to_tsquery('mdo_english', mdo_plain(typed)) || to_tsquery('mdo_simple', beginnings)
$$;

-- The decisions that the actor of the open door may find, at least the newest `most` of those that there are, in no order.
CREATE FUNCTION mdo_decision_hits(
    query tsquery, wanted text[], since timestamptz, before timestamptz, most integer
) RETURNS TABLE (decision_id uuid, at timestamptz, board_id uuid, hospital_id uuid, codes text[])
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    everything boolean := mdo_kind() = 'system';
    actor uuid := mdo_actor();
    here uuid := mdo_organisation();
    secretary boolean := 'secretary' = ANY (mdo_organisation_roles());
    reach text[] := mdo_reach();
    known bigint[];   -- by which of these keys somebody may know of it
    needed bigint[] := (SELECT array_agg(mdo_key(each)) FROM unnest(wanted) each);
    window_keys bigint[];
    newest integer;   -- months since the year 0
    oldest integer;
    upper integer;
    lower integer;
    width integer := 2;
    got integer := 0;
    n integer;
BEGIN
    IF NOT everything THEN
        IF mdo_kind() <> 'person' OR NOT EXISTS (SELECT FROM directory_person p WHERE p.id = actor AND p.is_active) THEN RETURN; END IF;
        known := ARRAY(SELECT mdo_key('place:' || place) FROM unnest(reach) place)
            || CASE WHEN here IS NULL THEN '{}' WHEN secretary THEN ARRAY[mdo_key('own:' || here)]
               ELSE ARRAY[mdo_key('by:' || actor || ':' || here)] END;
    END IF;
    SELECT extract(year FROM t) * 12 + extract(month FROM t) - 1 INTO newest
        FROM (SELECT least(max(i.at), before) AT TIME ZONE 'Europe/Brussels' AS t FROM meetings_decisionindex i) latest;
    SELECT extract(year FROM t) * 12 + extract(month FROM t) - 1 INTO oldest
        FROM (SELECT greatest(min(i.at), since) AT TIME ZONE 'Europe/Brussels' AS t FROM meetings_decisionindex i) first;
    upper := newest;
    WHILE upper >= oldest AND got < most LOOP
        lower := greatest(oldest, upper - width + 1);
        window_keys := ARRAY(
            SELECT mdo_key('year:' || lpad(year::text, 4, '0')) FROM generate_series((lower + 11) / 12, (upper + 1) / 12 - 1) year
            UNION ALL
            SELECT mdo_key('month:' || lpad((month / 12)::text, 4, '0') || '-' || lpad((month % 12 + 1)::text, 2, '0'))
            FROM generate_series(lower, upper) month WHERE month / 12 NOT BETWEEN (lower + 11) / 12 AND (upper + 1) / 12 - 1);
        RETURN QUERY
            SELECT i.decision_id, i.at, i.board_id, i.hospital_id, i.codes FROM meetings_decisionindex i
            WHERE (query IS NULL OR i.words @@ query) AND (needed IS NULL OR i.keys @> needed) AND i.keys && window_keys
              AND (everything OR (i.keys && known AND (i.places && reach
                OR (i.case_id IS NOT NULL AND i.hospital_id = here AND (secretary OR actor = ANY (i.requesters))))))
              AND (since IS NULL OR i.at + interval '0' >= since) AND (before IS NULL OR i.at + interval '0' < before);
        GET DIAGNOSTICS n = ROW_COUNT;
        got := got + n;
        -- As many months as give the rest, by what these gave; where that says little, four times as many.
        width := CASE WHEN n >= 50 THEN least(width * 16, greatest(1, ceil((most - got) * 1.1 * (upper - lower + 1) / n)::integer))
            ELSE width * 4 END;
        upper := lower - 1;
    END LOOP;
END $$;

-- These words with typing errors mended, or NULL. A word that nothing visible holds is replaced by the one of the vocabulary that is
-- nearest to it and gives a visible hit together with the others; where each word alone is found, any one of them. So no word of
-- a decision that the actor may not find is ever told.
CREATE FUNCTION mdo_mended_words(words text[], wanted text[], since timestamptz, before timestamptz) RETURNS text[]
LANGUAGE plpgsql STABLE SET pg_trgm.similarity_threshold = 0.3 AS $$
DECLARE
    missing integer[] := '{}';
    mended text[] := words;
    tried text[];
    rest text[];
    one tsquery;
    plain text;
    candidate text;
    helped boolean;
BEGIN
    IF cardinality(words) > 8 THEN RETURN NULL; END IF;
    FOR place IN 1 .. cardinality(words) LOOP
        one := mdo_word_query(words[place], true);
        IF one IS NOT NULL AND NOT EXISTS (SELECT FROM mdo_decision_hits(one, '{}', NULL, NULL, 1)) THEN
            missing := missing || place;
        END IF;
    END LOOP;
    FOR place IN 1 .. cardinality(words) LOOP
        CONTINUE WHEN cardinality(missing) > 0 AND NOT place = ANY (missing);
        plain := (tsvector_to_array(to_tsvector('mdo_simple', mdo_plain(words[place]))))[1];
        CONTINUE WHEN length(plain) < 4 OR plain !~ '[[:alpha:]]';
        helped := false;
        FOR candidate IN
            SELECT v.word FROM meetings_vocabulary v
            WHERE v.word % plain AND v.word <> plain AND levenshtein_less_equal(v.word, plain, 3) <= CASE WHEN length(plain) > 8 THEN 3 ELSE 2 END
            ORDER BY levenshtein_less_equal(v.word, plain, 3), similarity(v.word, plain) DESC, v.word LIMIT 10
        LOOP
            tried := mended;
            tried[place] := candidate;
            -- The other missing words come later: they do not count yet.
            rest := ARRAY(SELECT tried[n] FROM generate_subscripts(tried, 1) n WHERE n <= place OR NOT n = ANY (missing));
            IF EXISTS (SELECT FROM mdo_decision_hits(mdo_all_words_query(rest), wanted, since, before, 1)) THEN
                helped := true;
                mended := tried;
                EXIT;
            END IF;
        END LOOP;
        IF cardinality(missing) = 0 AND helped THEN RETURN mended; END IF;
        IF cardinality(missing) > 0 AND NOT helped THEN RETURN NULL; END IF;
    END LOOP;
    RETURN CASE WHEN mended <> words THEN mended END;
END $$;

-- One page of what the actor of the open door may find, newest first; how many there are; and for each facet how many of each of its
-- values, under what was chosen of the other facets (`chosen`: "facet:value"). All of it stops counting at 10,000.
-- `typed` is for quotes and signs, `plain` for words alone; `number` a national number. `mended` says what was searched instead.
CREATE FUNCTION mdo_search_decisions(
    typed text, plain text[], number text, chosen text[], since timestamptz, before timestamptz, page_size integer, page_offset integer
) RETURNS TABLE (ids uuid[], total integer, facets jsonb, mended text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    query tsquery := CASE WHEN cardinality(plain) > 0 THEN mdo_all_words_query(plain) WHEN typed <> '' THEN mdo_words_query(typed, '') END;
    wanted text[] := chosen || CASE WHEN number = '' THEN '{}' ELSE ARRAY['number:' || number] END;
    dimension text;
    more jsonb;
BEGIN
    LOOP
        WITH hits AS MATERIALIZED (
            SELECT h.* FROM mdo_decision_hits(query, wanted, since, before, 10000) h ORDER BY h.at DESC, h.decision_id DESC LIMIT 10000
        ), page AS (
            SELECT h.decision_id, h.at FROM hits h ORDER BY h.at DESC, h.decision_id DESC LIMIT page_size OFFSET page_offset
        ), counted AS (
            SELECT split_part(code, ':', 1) AS facet, substr(code, strpos(code, ':') + 1) AS value, count(*) AS n
                FROM hits h, unnest(h.codes) code GROUP BY code
            UNION ALL SELECT 'board', h.board_id::text, count(*) FROM hits h GROUP BY h.board_id
            UNION ALL SELECT 'hospital', h.hospital_id::text, count(*) FROM hits h GROUP BY h.hospital_id
        )
        SELECT (SELECT coalesce(array_agg(p.decision_id ORDER BY p.at DESC, p.decision_id DESC), '{}') FROM page p),
            (SELECT count(*)::integer FROM hits),
            (SELECT coalesce(jsonb_object_agg(f.facet, f.counts), '{}')
                FROM (SELECT c.facet, jsonb_object_agg(c.value, c.n) AS counts FROM counted c GROUP BY c.facet) f)
            INTO ids, total, facets;
        EXIT WHEN total > 0 OR mended IS NOT NULL OR cardinality(plain) = 0;
        mended := mdo_mended_words(plain, wanted, since, before);
        EXIT WHEN mended IS NULL;
        query := mdo_all_words_query(mended);
    END LOOP;
    FOR dimension IN SELECT DISTINCT split_part(each, ':', 1) FROM unnest(chosen) each WHERE split_part(each, ':', 1) <> 'any' LOOP
        WITH hits AS MATERIALIZED (
            SELECT h.* FROM mdo_decision_hits(query,
                ARRAY(SELECT each FROM unnest(wanted) each WHERE split_part(each, ':', 1) <> dimension), since, before, 10000) h
            ORDER BY h.at DESC, h.decision_id DESC LIMIT 10000
        )
        SELECT jsonb_object_agg(c.value, c.n) INTO more FROM (
            SELECT substr(code, strpos(code, ':') + 1) AS value, count(*) AS n
                FROM hits h, unnest(h.codes || ARRAY['board:' || h.board_id, 'hospital:' || h.hospital_id]) code
                WHERE split_part(code, ':', 1) = dimension GROUP BY code
        ) c;
        facets := facets || jsonb_build_object(dimension, coalesce(more, '{}'));
    END LOOP;
    RETURN NEXT;
END $$;
"""

CLOSED = """
REVOKE ALL ON meetings_decisionindex, meetings_vocabulary FROM {role};
REVOKE EXECUTE ON FUNCTION mdo_index_decisions(uuid[]), mdo_decision_documents(uuid[]), mdo_word_query(text, boolean),
    mdo_all_words_query(text[]), mdo_decision_hits(tsquery, text[], timestamptz, timestamptz, integer),
    mdo_mended_words(text[], text[], timestamptz, timestamptz) FROM PUBLIC;
"""

# The owner is held by the policies too, so it says who it is.
FILL = """
SELECT set_config('mdo.kind', 'system', true);
SELECT mdo_index_decisions(ARRAY(SELECT id FROM meetings_decision));
SELECT set_config('mdo.kind', '', true);
"""


class Migration(migrations.Migration):
    dependencies = [("meetings", "0015_policies_planned_once"), ("cases", "0008_discussions")]

    operations = [
        migrations.RunSQL("CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;"),
        migrations.RunSQL(CONFIGURATIONS),
        migrations.RunSQL(AWAY),
        migrations.RunSQL(TABLES),
        migrations.RunSQL(WRITING),
        migrations.RunSQL(ASKING),
        schema.for_app_role(CLOSED),
        migrations.RunSQL(FILL),
    ]
