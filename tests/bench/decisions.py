"""Decisions by the million: ten boards of four hospitals, ten years, written by SQL alone and past the triggers; then their index.

Every table gets its rows out of one real row that the factories made, with other ids, days and words. The index is filled by the
product's own function, so it holds what the triggers would have written.
"""

from __future__ import annotations

from time import perf_counter
from typing import Any

import psycopg

from mdo.directory.models import Board, BoardRole
from tests.cast import Cast
from tests.factories import make_decision, make_item, make_meeting, make_referral

BOARDS = 10
OF_ONE_MEETING = 200
TEXTS = 10_000  # that differ
RARE_WORDS, FAMILY_NAMES, GIVEN_NAMES = 50_000, 4_000, 200
GIN = "CREATE INDEX decisionindex_search ON meetings_decisionindex USING gin (words, keys) WITH (fastupdate = off)"

# A sentence, and in how many of a hundred decisions it stands.
SENTENCES = (
    ("Behandeling van de borst links volgens de richtlijn, na overleg met de patiënte.", 70),
    ("De diensten bespreken verdere behandeling en opvolging; de borst wordt opnieuw beoordeeld.", 30),
    ("Lumpectomie met sentinelprocedure, daarna bespreking van het resectiestuk.", 22),
    ("Adjuvante hormoontherapie met letrozol gedurende vijf jaar.", 24),
    ("Tamoxifen bij premenopauzale patiënten, met controle van het endometrium.", 9),
    ("Radiotherapie op de volledige borst in vijftien fracties met boost op het tumorbed.", 35),
    ("Re-excisie wegens positieve snijvlakken mediaal.", 15),
    ("Positieve lymfeklieren, negatieve snijvlakken.", 12),
    ("Chirurgie conservatrice du sein suivie d'une irradiation.", 12),
    ("Adjuvante Chemotherapie und Bestrahlung der Lymphabflusswege.", 8),
    ("Surveillance with yearly mammography and clinical examination.", 10),
    ("Trastuzumab en pertuzumab gedurende één jaar, met echocardiografie om de drie maanden.", 14),
    ("Neoadjuvante chemotherapie, respons na vier cycli te beoordelen op MRI.", 18),
    ("Verwijzing naar de genetica wegens belaste familiale anamnese.", 16),
    ("Geen verdere behandeling nodig, controle over zes maanden.", 20),
    ("Botscan en CT van thorax en abdomen ter volledige stadiëring.", 28),
    ("Mastectomie met onmiddellijke reconstructie wordt besproken met de plastisch chirurg.", 11),
    ("Palliatieve zorg en pijnbeleid in samenspraak met de huisarts.", 6),
)
STEPS = ("surgery", "radiotherapy", "endocrine", "chemotherapy", "surveillance", "further_examination")
_SYLLABLES = (
    "ver",
    "meer",
    "van",
    "den",
    "broe",
    "cke",
    "del",
    "mol",
    "hae",
    "wou",
    "ters",
    "ghe",
    "lens",
    "dri",
    "pau",
    "wels",
)
_GIVEN = ("An", "Mar", "Lie", "Jo", "Fa", "Hil", "Ro", "Chris", "El", "Na")
_ENDS = (
    "ne",
    "ke",
    "sa",
    "lies",
    "tine",
    "da",
    "mina",
    "la",
    "ria",
    "trui",
    "na",
    "ra",
    "thea",
    "rine",
    "lotte",
    "bet",
    "gonde",
    "lde",
    "sje",
    "ta",
)


def family_name(n: int) -> str:
    a, b, c = n % 16, n // 16 % 16, n // 256 % 16
    return (_SYLLABLES[a] + _SYLLABLES[b] + _SYLLABLES[c]).capitalize()


def seat(cast: Cast) -> list[Board]:
    """Ten boards, each with one signed decision; the chair of the cast sits on the first two, under the agreement on the first."""
    boards = [cast.board] + [
        Board.objects.create(
            network=cast.network, organiser=cast.organiser, name=f"MOC {n}", kind="tumour_board", dossier="breast"
        )
        for n in range(1, BOARDS)
    ]
    role = cast.chair.person.board_roles.get(board=cast.board)
    BoardRole.objects.create(
        board=boards[1],
        person=cast.chair.person,
        organisation=cast.organiser,
        role=BoardRole.Role.MEMBER,
        valid_from=role.valid_from,
    )
    return boards


def fill(dsn: str, cast: Cast, boards: list[Board], rows: int) -> dict[str, float]:
    """Replace whatever decisions there are by ``rows`` others, oldest first. Returns what it took: ``rows_s`` and ``build_s`` (the index and
    its vocabulary), and ``size_mb`` of both."""
    began = perf_counter()
    with psycopg.connect(dsn, autocommit=True) as house:
        house.execute("SET session_replication_role = replica")
        house.execute("SET maintenance_work_mem = '1GB'")
        house.execute("SET synchronous_commit = off")
        house.execute("DELETE FROM meetings_decision; DELETE FROM meetings_agendaitem; DELETE FROM meetings_meeting")
        house.execute("DELETE FROM cases_referral; DELETE FROM cases_case; DELETE FROM cases_patient")
    item = make_item(
        make_meeting(cast.board, state="closed"),
        make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed"),
    )
    make_decision(item, state="signed")
    with psycopg.connect(dsn, autocommit=True) as house:
        house.execute("SET session_replication_role = replica")
        house.execute("SET synchronous_commit = off")
        _rows(house, cast, boards, rows)
        for table in (
            "cases_patient",
            "cases_case",
            "cases_referral",
            "meetings_meeting",
            "meetings_agendaitem",
            "meetings_decision",
        ):
            house.execute(f"VACUUM ANALYZE {table}")
        made = perf_counter()
        house.execute(
            "TRUNCATE meetings_decisionindex; TRUNCATE meetings_vocabulary; DROP INDEX IF EXISTS decisionindex_search"
        )
        _index(house, rows)
        house.execute("SET maintenance_work_mem = '1GB'")
        house.execute(GIN)
        house.execute("VACUUM ANALYZE meetings_decisionindex")
        house.execute("VACUUM ANALYZE meetings_vocabulary")
        size = house.execute(
            "SELECT pg_total_relation_size('meetings_decisionindex') + pg_total_relation_size('meetings_vocabulary')"
        ).fetchone()
    assert size is not None
    return {
        "rows_s": round(made - began, 1),
        "build_s": round(perf_counter() - made, 1),
        "size_mb": round(size[0] / 1e6, 1),
    }


def _index(house: psycopg.Connection[Any], rows: int) -> None:
    """What the triggers would have written: the vectors of texts, rare words and names are made once each and put together."""
    house.execute("SELECT set_config('mdo.kind', 'system', false)")
    for name, table, words, whole in (
        ("bodies", "meetings_decision", "concat_ws(E'\\n', t.text, t.steps -> 0 ->> 'text')", "mdo_words"),
        ("questions", "cases_referral", "t.question", "mdo_words"),
        ("families", "cases_patient", "t.family_name", "simple"),
        ("givens", "cases_patient", "t.given_name", "simple"),
    ):
        vector = f"{whole}(words)" if whole == "mdo_words" else "to_tsvector('mdo_simple', mdo_plain(words))"
        house.execute(
            f"CREATE TEMP TABLE {name} AS SELECT words, {vector} AS vector FROM (SELECT DISTINCT {words} AS words FROM {table} t) each"
        )
        house.execute(
            f"INSERT INTO meetings_vocabulary SELECT DISTINCT word FROM {name} t, mdo_vocables(t.words) word ON CONFLICT DO NOTHING"
        )
        house.execute(f"ANALYZE {name}")
    house.execute(
        "INSERT INTO meetings_decisionindex (at, decision_id, hospital_id, board_id, case_id, patient_id, requesters, places, codes, keys, words)"
        " SELECT m.starts_at, d.id, d.hospital_id, d.board_id, d.case_id, p.id, ARRAY[r.requester_id, c.requester_id],"
        " ARRAY[d.board_id || ':' || d.hospital_id], ARRAY['step:' || (d.steps -> 0 ->> 'kind')],"
        " mdo_decision_keys(m.starts_at, d.hospital_id, d.board_id, true, ARRAY[r.requester_id], ARRAY[d.board_id || ':' || d.hospital_id],"
        " ARRAY['step:' || (d.steps -> 0 ->> 'kind')], p.national_number),"
        " b.vector || q.vector || f.vector || g.vector"
        " FROM meetings_decision d JOIN meetings_meeting m ON m.id = d.meeting_id JOIN meetings_agendaitem i ON i.id = d.item_id"
        " JOIN cases_referral r ON r.id = i.referral_id JOIN cases_case c ON c.id = d.case_id JOIN cases_patient p ON p.id = c.patient_id"
        " JOIN bodies b ON b.words = concat_ws(E'\\n', d.text, d.steps -> 0 ->> 'text') JOIN questions q ON q.words = r.question"
        " JOIN families f ON f.words = p.family_name JOIN givens g ON g.words = p.given_name"
        " ORDER BY m.starts_at, d.id"
    )
    house.execute("DROP TABLE bodies, questions, families, givens")


def _id(table: int, n: str) -> str:
    return f"('{table:08d}-0000-7000-8000-' || lpad(to_hex({n}), 12, '0'))::uuid"


def _rows(house: psycopg.Connection[Any], cast: Cast, boards: list[Board], rows: int) -> None:
    meetings, patients = -(-rows // OF_ONE_MEETING), max(1, rows // 4)
    board_ids = "ARRAY[" + ",".join(f"'{board.pk}'::uuid" for board in boards) + "]"
    hospitals = [cast.organiser, cast.organiser, cast.partner_hospital, cast.third]
    hospital_ids = "ARRAY[" + ",".join(f"'{hospital.pk}'::uuid" for hospital in hospitals) + "]"
    hospital = f"({hospital_ids})[1 + {{}} % 4]"
    board = f"({board_ids})[1 + {{}} % {BOARDS}]"
    house.execute(
        "CREATE TEMP TABLE family AS SELECT * FROM (VALUES "
        + ",".join(f"({n}, '{family_name(n)}')" for n in range(FAMILY_NAMES))
        + ") f (n, name)"
    )
    house.execute("CREATE UNIQUE INDEX ON family (n)")
    given = "ARRAY[" + ",".join(f"'{a}{b}'" for a in _GIVEN for b in _ENDS) + "]"
    case = f"(n % {patients} + 1)"  # a patient is discussed four times; the hospital is the patient's
    meeting = f"(1 + (n - 1) / {OF_ONE_MEETING})"
    day = f"timestamptz '2016-12-01 13:00+01' + (n - 1) * interval '1 week' * 520 / {meetings}"
    text = " || ".join(
        f"CASE WHEN abs(hashint4(n % {TEXTS} * 31 + {k})) % 100 < {share} THEN '{sentence.replace(chr(39), chr(39) * 2)} ' ELSE '' END"
        for k, (sentence, share) in enumerate(SENTENCES)
    )
    steps = "ARRAY[" + ",".join(f"'{step}'" for step in STEPS) + "]"
    _copy(house, "cases_patient", patients, {
        "id": _id(1, "n"), "hospital_id": hospital.format("n"), "national_number": "lpad((10000000000 + n)::text, 11, '0')",
        "family_name": f"(SELECT f.name FROM family f WHERE f.n = n.n * 7 % {FAMILY_NAMES})",
        "given_name": f"({given})[1 + n * 13 % {GIVEN_NAMES}]",
        "name_key": "lower('x' || n)",
    })  # fmt: skip
    _copy(house, "cases_case", rows, {
        "id": _id(2, "n"), "patient_id": _id(1, case), "hospital_id": hospital.format(case), "data": "'{}'::jsonb",
    })  # fmt: skip
    _copy(house, "meetings_meeting", meetings, {
        "id": _id(3, "n"), "board_id": board.format("n"), "starts_at": day, "ends_at": f"{day} + interval '2 hours'",
    })  # fmt: skip
    _copy(house, "cases_referral", rows, {
        "id": _id(6, "n"), "case_id": _id(2, "n"), "hospital_id": hospital.format(case), "board_id": board.format(meeting),
        "question": f"'Voorstel voor verdere behandeling? zeldzaam' || lpad((n % {RARE_WORDS})::text, 5, '0')",
    })  # fmt: skip
    _copy(house, "meetings_agendaitem", rows, {
        "id": _id(4, "n"), "meeting_id": _id(3, meeting), "referral_id": _id(6, "n"), "hospital_id": hospital.format(case),
        "position": f"1 + (n - 1) % {OF_ONE_MEETING}",
    })  # fmt: skip
    _copy(house, "meetings_decision", rows, {
        "id": _id(5, "n"), "item_id": _id(4, "n"), "meeting_id": _id(3, meeting), "case_id": _id(2, "n"),
        "board_id": board.format(meeting), "hospital_id": hospital.format(case), "text": text, "number": "NULL",
        "steps": f"jsonb_build_array(jsonb_build_object('kind', ({steps})[1 + n % {len(STEPS)}], 'text', 'Volgens protocol'))",
    })  # fmt: skip


def _copy(house: psycopg.Connection[Any], table: str, rows: int, values: dict[str, str]) -> None:
    """``rows`` rows like the one that is in the table, with other values; ``n`` counts them from one. That one goes."""
    columns = [
        name
        for (name,) in house.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND table_schema = 'public'"
            " AND is_generated = 'NEVER' ORDER BY ordinal_position", [table]
        ).fetchall()
    ]  # fmt: skip
    house.execute(f"CREATE TEMP TABLE pattern AS SELECT * FROM {table} LIMIT 1")
    house.execute(f"DELETE FROM {table}")
    given = ", ".join(values.get(name, f'p."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    house.execute(f"INSERT INTO {table} ({names}) SELECT {given} FROM pattern p, generate_series(1, {rows}) AS n (n)")
    house.execute("DROP TABLE pattern")


def differing(dsn: str) -> int:
    """In how many of a hundred decisions the index holds anything else than the product's own function writes."""
    held = "i.hospital_id, i.board_id, i.case_id, i.patient_id, i.at, i.places, i.codes"
    written = "d.hospital_id, d.board_id, d.case_id, d.patient_id, d.at, d.places, d.codes"
    with psycopg.connect(dsn) as house:
        house.execute("SELECT set_config('mdo.kind', 'system', true)")
        found = house.execute(
            "SELECT count(*) FILTER (WHERE d.at IS NULL OR tsvector_to_array(i.words)"
            " IS DISTINCT FROM tsvector_to_array(mdo_words(d.body) || to_tsvector('mdo_simple', mdo_plain(d.names)))"
            f" OR ({held}) IS DISTINCT FROM ({written})"
            " OR i.keys IS DISTINCT FROM mdo_decision_keys(d.at, d.hospital_id, d.board_id, true, d.requesters, d.places, d.codes, d.number)"
            " OR NOT EXISTS (SELECT FROM meetings_vocabulary v WHERE v.word = lower(d.names) OR v.word = lower(split_part(d.names, ' ', 1))))"
            " FROM (SELECT * FROM meetings_decisionindex ORDER BY at DESC LIMIT 100) i"
            " LEFT JOIN mdo_decision_documents(ARRAY(SELECT decision_id FROM meetings_decisionindex ORDER BY at DESC LIMIT 100)) d"
            " USING (decision_id)"
        ).fetchone()
    assert found is not None
    return int(found[0])
