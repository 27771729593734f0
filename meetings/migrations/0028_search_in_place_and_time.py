"""Looking back, faster for a member of some boards: who may know of a decision and when the board sat are one key of the index, so that
two long lists need not be met; and words that few decisions hold find them by themselves, without months (docs/decisions/search.md).
"""

from django.db import migrations

from mdo.kernel import schema

KEYS = """
CREATE OR REPLACE FUNCTION mdo_decision_keys(
    at timestamptz, hospital uuid, board uuid, has_case boolean, requesters uuid[], places text[], codes text[], number text
) RETURNS bigint[] LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH span (said) AS (SELECT unnest(string_to_array(to_char(at AT TIME ZONE 'Europe/Brussels', 'YYYY YYYY-MM'), ' '))),
    way (said) AS (
        SELECT 'place:' || place FROM unnest(places) place
        UNION ALL SELECT 'own:' || hospital WHERE has_case
        UNION ALL SELECT 'by:' || requester || ':' || hospital FROM unnest(requesters) requester WHERE has_case
    )
    SELECT array_agg(DISTINCT mdo_key(said)) FROM (
        SELECT unnest(ARRAY['board:' || board, 'hospital:' || hospital]
            || string_to_array(to_char(at AT TIME ZONE 'Europe/Brussels', '"year:"YYYY "month:"YYYY-MM "any:"MM'), ' '))
        UNION ALL SELECT unnest(codes)
        UNION ALL SELECT way.said FROM way
        UNION ALL SELECT way.said || '@' || span.said FROM way, span
        UNION ALL SELECT 'number:' || number WHERE number <> ''
    ) one (said)
$$;
"""

# What stands in the index gets its new keys as it is: neither texts nor words are read for it.
FILL = """
UPDATE meetings_decisionindex i SET keys = i.keys || ARRAY(
    SELECT mdo_key(way.said || '@' || span.said) FROM (
        SELECT 'place:' || place FROM unnest(i.places) place
        UNION ALL SELECT 'own:' || i.hospital_id WHERE i.case_id IS NOT NULL
        UNION ALL SELECT 'by:' || requester || ':' || i.hospital_id FROM unnest(i.requesters) requester WHERE i.case_id IS NOT NULL
    ) way (said), unnest(string_to_array(to_char(i.at AT TIME ZONE 'Europe/Brussels', 'YYYY YYYY-MM'), ' ')) span (said));
"""

WORDS = """
-- One word as somebody typed it: as written, by its stems, and what it is the beginning of. NULL for a word that says nothing in one
-- of the languages. Where there are too many words that begin so, the index itself looks for the beginning.
CREATE OR REPLACE FUNCTION mdo_word_query(word text, beginnings boolean) RETURNS tsquery LANGUAGE plpgsql STABLE AS $$
DECLARE
    written tsquery := plainto_tsquery('mdo_simple', mdo_plain(word));
    stem tsquery;
    stems tsquery := written;
    longer text[];
    plain text;
BEGIN
    IF numnode(written) = 0 THEN RETURN NULL; END IF;
    FOREACH stem IN ARRAY ARRAY[plainto_tsquery('mdo_dutch', mdo_plain(word)), plainto_tsquery('mdo_french', mdo_plain(word)),
            plainto_tsquery('mdo_german', mdo_plain(word)), plainto_tsquery('mdo_english', mdo_plain(word))] LOOP
        IF numnode(stem) = 0 THEN RETURN NULL; END IF;
        -- Most stems of a word are alike, or the word itself: each once.
        IF NOT stems @> stem THEN stems := stems || stem; END IF;
    END LOOP;
    written := stems;
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

-- With quotes, `or` and `-`, as search engines read them, each reading once; `beginnings` is for what is marked in a text.
CREATE OR REPLACE FUNCTION mdo_words_query(typed text, beginnings text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(DISTINCT '( ' || reading::text || ' )', ' | ')::tsquery, ''::tsquery) FROM unnest(ARRAY[
        websearch_to_tsquery('mdo_simple', mdo_plain(typed)), websearch_to_tsquery('mdo_dutch', mdo_plain(typed)),
        websearch_to_tsquery('mdo_french', mdo_plain(typed)), websearch_to_tsquery('mdo_german', mdo_plain(typed)),
        websearch_to_tsquery('mdo_english', mdo_plain(typed)), to_tsquery('mdo_simple', beginnings)
    ]) reading WHERE numnode(reading) > 0
$$;

-- A phrase by itself is looked for as it is written: stems have no places in the index, so none of theirs could be a phrase there.
CREATE FUNCTION mdo_typed_query(typed text) RETURNS tsquery LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN typed ~ '^\\s*"[^"]*"\\s*$' THEN websearch_to_tsquery('mdo_simple', mdo_plain(typed)) ELSE mdo_words_query(typed, '') END
$$;
"""

HITS = """
-- How many decisions the planner expects to hold this: it knows the common words. VOLATILE, since only such a function may ask the planner.
CREATE OR REPLACE FUNCTION mdo_expected_hits(query tsquery) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format('EXPLAIN (FORMAT JSON) SELECT FROM meetings_decisionindex i WHERE i.words @@ %L::tsquery', query) INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8::bigint;
END $$;

CREATE OR REPLACE FUNCTION mdo_decision_hits(
    query tsquery, wanted text[], since timestamptz, before timestamptz, most integer
) RETURNS TABLE (decision_id uuid, at timestamptz, board_id uuid, hospital_id uuid, codes text[])
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_custom_plan SET enable_seqscan = off AS $$
DECLARE
    everything boolean := mdo_kind() = 'system';
    actor uuid := mdo_actor();
    here uuid := mdo_organisation();
    secretary boolean := 'secretary' = ANY (mdo_organisation_roles());
    reach text[] := mdo_reach();
    ways text[];      -- by which of these somebody may know of it
    known bigint[];   -- their keys
    needed bigint[] := (SELECT array_agg(mdo_key(each)) FROM unnest(wanted) each);
    months text[];
    window_keys bigint[];
    newest integer;   -- months since the year 0
    oldest integer;
    upper integer;
    lower integer;
    width integer := 2;
    -- Of how many it is faster: measured with a million decisions. Tests set them, to go each way with some.
    few bigint := coalesce(nullif(current_setting('mdo.search_few', true), ''), '2000')::bigint;
    several integer := coalesce(nullif(current_setting('mdo.search_several', true), ''), '24')::integer;
    got integer := 0;
    n integer;
BEGIN
    IF NOT everything THEN
        IF mdo_kind() <> 'person' OR NOT EXISTS (SELECT FROM directory_person p WHERE p.id = actor AND p.is_active) THEN RETURN; END IF;
        ways := ARRAY(SELECT 'place:' || place FROM unnest(reach) place)
            || CASE WHEN here IS NULL THEN '{}' WHEN secretary THEN ARRAY['own:' || here]
               ELSE ARRAY['by:' || actor || ':' || here] END;
    END IF;
    -- A word that few decisions hold finds them by itself: the rest is read off the few rows.
    IF query IS NOT NULL AND mdo_expected_hits(query) <= few THEN
        RETURN QUERY
            SELECT i.decision_id, i.at, i.board_id, i.hospital_id, i.codes FROM meetings_decisionindex i
            WHERE i.words @@ query AND (needed IS NULL OR i.keys || '{}'::bigint[] @> needed)
              AND (everything OR i.places && reach
                OR (i.case_id IS NOT NULL AND i.hospital_id = here AND (secretary OR actor = ANY (i.requesters))))
              AND (since IS NULL OR i.at + interval '0' >= since) AND (before IS NULL OR i.at + interval '0' < before);
        RETURN;
    END IF;
    known := ARRAY(SELECT mdo_key(way) FROM unnest(ways) way);
    SELECT extract(year FROM t) * 12 + extract(month FROM t) - 1 INTO newest
        FROM (SELECT least(max(i.at), before) AT TIME ZONE 'Europe/Brussels' AS t FROM meetings_decisionindex i) latest;
    SELECT extract(year FROM t) * 12 + extract(month FROM t) - 1 INTO oldest
        FROM (SELECT greatest(min(i.at), since) AT TIME ZONE 'Europe/Brussels' AS t FROM meetings_decisionindex i) first;
    upper := newest;
    WHILE upper >= oldest AND got < most LOOP
        lower := greatest(oldest, upper - width + 1);
        months := ARRAY(
            SELECT lpad(year::text, 4, '0') FROM generate_series((lower + 11) / 12, (upper + 1) / 12 - 1) year
            UNION ALL
            SELECT lpad((month / 12)::text, 4, '0') || '-' || lpad((month % 12 + 1)::text, 2, '0')
            FROM generate_series(lower, upper) month WHERE month / 12 NOT BETWEEN (lower + 11) / 12 AND (upper + 1) / 12 - 1);
        IF cardinality(ways) BETWEEN 1 AND several THEN
            -- What somebody may know of, of that time: short lists, met at once.
            window_keys := ARRAY(SELECT mdo_key(way || '@' || month) FROM unnest(ways) way, unnest(months) month);
            known := NULL;
        ELSE
            window_keys := ARRAY(SELECT mdo_key(CASE WHEN length(month) = 4 THEN 'year:' ELSE 'month:' END || month) FROM unnest(months) month);
        END IF;
        RETURN QUERY
            SELECT i.decision_id, i.at, i.board_id, i.hospital_id, i.codes FROM meetings_decisionindex i
            WHERE (query IS NULL OR i.words @@ query) AND (needed IS NULL OR i.keys @> needed) AND i.keys && window_keys
              AND (everything OR ((known IS NULL OR i.keys && known) AND (i.places && reach
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
"""

PAGE = """
-- One page of what the actor of the open door may find, newest first; how many there are; and for each facet how many of each of its
-- values, under what was chosen of the other facets (`chosen`: "facet:value"). All of it stops counting at 10,000.
-- `typed` is for quotes and signs, `plain` for words alone; `number` a national number. `mended` says what was searched instead.
CREATE OR REPLACE FUNCTION mdo_search_decisions(
    typed text, plain text[], number text, chosen text[], since timestamptz, before timestamptz, page_size integer, page_offset integer
) RETURNS TABLE (ids uuid[], total integer, facets jsonb, mended text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    query tsquery := CASE WHEN cardinality(plain) > 0 THEN mdo_all_words_query(plain) WHEN typed <> '' THEN mdo_typed_query(typed) END;
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

CLOSED = "REVOKE EXECUTE ON FUNCTION mdo_expected_hits(tsquery) FROM PUBLIC;"


class Migration(migrations.Migration):
    dependencies = [("meetings", "0027_delivery_routes")]

    operations = [
        migrations.RunSQL(KEYS),
        migrations.RunSQL(FILL),
        migrations.RunSQL(WORDS),
        migrations.RunSQL(HITS),
        migrations.RunSQL(PAGE),
        schema.for_app_role(CLOSED),
    ]
