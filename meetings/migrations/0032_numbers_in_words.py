"""Looking back: the number of a specimen or a study is not mended into another one (docs/decisions/search.md)."""

from django.db import migrations

# PostgreSQL lets only a superuser name a setting of a library that this session has not loaded yet.
LOADED = "SELECT show_limit()"

MENDED = """
-- These words with typing errors mended, or NULL. A word that nothing visible holds is replaced by the one of the vocabulary that is
-- nearest to it and gives a visible hit together with the others; where each word alone is found, any one of them. So no word of
-- a decision that the actor may not find is ever told. A word with a number in it is none that is misspelt: the nearest one is another
-- specimen, another study.
CREATE OR REPLACE FUNCTION mdo_mended_words(words text[], wanted text[], since timestamptz, before timestamptz) RETURNS text[]
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
        CONTINUE WHEN length(plain) < 4 OR plain !~ '[[:alpha:]]' OR plain ~ '[0-9]{3}';
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
"""


class Migration(migrations.Migration):
    dependencies = [("meetings", "0031_proposed_registrations")]

    operations = [migrations.RunSQL([LOADED, MENDED])]
