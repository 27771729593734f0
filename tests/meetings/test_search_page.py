"""The page of the search: what it shows, how it counts, and any input."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from meetings.search import MOST, PAGE_SIZE
from tests.cast import PASSWORD, Cast
from tests.database import as_owner
from tests.meetings.test_search import decide, facets, ids, look


@pytest.fixture
def browse(cast: Cast, client: Client) -> Client:
    assert client.login(username="chair", password=PASSWORD)
    return client


def test_the_page_shows_the_newest_and_what_was_asked(cast: Cast, browse: Client) -> None:
    decision = decide(cast, "Lumpectomie links.", patient={"family_name": "Vermeersch", "given_name": "Rosa"})
    decide(cast, "Opvolging.", steps=[], patient={"family_name": "Baert"})
    page = browse.get(reverse("meetings:search"))
    assert page.status_code == 200
    assert [hit.title.split()[0] for hit in page.context["found"].hits] == ["Baert", "Vermeersch"]
    answer = browse.post(reverse("meetings:search"), {"words": "lumpectomie", "since": "2026-03-01"})
    html = answer.content.decode()
    assert answer.status_code == 200
    assert reverse("meetings:decision", args=[decision.pk]) in html
    assert "<mark>Lumpectomie</mark> links." in html
    assert 'value="lumpectomie"' in html  # what was typed is still there
    assert "Baert" not in html
    fragment = browse.post(reverse("meetings:search"), {"words": "lumpectomie"}, headers={"HX-Request": "true"})
    assert fragment.content.decode().startswith('<div id="results"')


@contextmanager
def as_if_there_were(hits: int) -> Iterator[None]:
    """As many lines in the index as that: the one decision's, and older ones like it of no decision. Commits; afterwards the index is
    empty."""
    reference = "decision_id_fkey"
    columns = "hospital_id, board_id, case_id, patient_id, requesters, places, codes, keys, words"
    with as_owner() as owner:
        owner.execute(f"ALTER TABLE meetings_decisionindex DROP CONSTRAINT meetings_decisionindex_{reference}")
        try:
            owner.execute(
                f"INSERT INTO meetings_decisionindex (at, decision_id, {columns})"
                f" SELECT at - n * interval '1 second', gen_random_uuid(), {columns}"
                " FROM meetings_decisionindex, generate_series(1, %s - 1) AS n",
                [hits],
            )
            owner.execute("ANALYZE meetings_decisionindex")
            yield
        finally:
            owner.execute("TRUNCATE meetings_decisionindex")
            owner.execute(
                f"ALTER TABLE meetings_decisionindex ADD CONSTRAINT meetings_decisionindex_{reference}"
                " FOREIGN KEY (decision_id) REFERENCES meetings_decision (id) ON DELETE CASCADE"
            )


@pytest.mark.parametrize("hits", [MOST - 1, MOST, MOST + 300])
def test_more_hits_than_are_counted(committed: None, cast: Cast, hits: int) -> None:
    """The function and the page stop at the same number, say so, and offer no page beyond it."""
    decision = decide(cast, "Lumpectomie links.")
    client = Client()
    client.force_login(cast.chair.person)
    with as_if_there_were(hits):
        for words in ("lumpectomie", ""):
            found = look(cast.chair, words, chosen={} if words else {"board": str(cast.board.pk)})
            assert (found.total, found.pages, ids(found)) == (min(hits, MOST), MOST // PAGE_SIZE, [decision.pk])
            assert found.more_than_counted is (hits >= MOST)
            assert {n for each in facets(found).values() for n in each.values()} <= {min(hits, MOST)}
            last = look(cast.chair, words, chosen={} if words else {"board": str(cast.board.pk)}, page=10 * MOST)
            assert (last.page, last.next_page) == (MOST // PAGE_SIZE, None)
        for headers in ({}, {"HX-Request": "true"}):
            page = client.post(reverse("meetings:search"), {"words": "lumpectomie"}, headers=headers)
            count = re.search(r'results-count">([^<]+)<', page.content.decode())
            assert count is not None
            said = re.sub(r"[^\w ]", "", unescape(count[1])).split()
            assert (said[0], said[1:]) == (
                str(min(hits, MOST)),
                ["besluiten", *(["of", "meer"] if hits >= MOST else [])],
            )


def test_words_are_never_read_from_the_address(cast: Cast, browse: Client) -> None:
    decide(cast, "Opvolging.")
    assert browse.get(reverse("meetings:search") + "?words=lumpectomie").context["found"].total == 1


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ({"words": "x" * 10_240}, 422),
        ({"words": "a\0b"}, 422),
        ({"words": "'\"; drop -- \\ :* & | ! ( ) <-> \u202e 𝔘"}, 200),
        ({"words": "\"'"}, 200),
        ({"words": "or or -"}, 200),
        ({"words": "'''"}, 200),
        ({"words": "é" * 200}, 200),
        ({"words": "_ __ a_b"}, 200),
        ({"words": "²³ ١٢٣ Ⅷ"}, 200),
        ({"since": "2026-13-01"}, 422),
        ({"since": "9999-12-31"}, 422),
        ({"until": "9999-12-31"}, 422),
        ({"since": "2026-03-02", "until": "2026-03-01"}, 422),
        ({"board": "1"}, 422),
        ({"hospital": "' or 1=1"}, 422),
        ({"page": "99999999999999999999"}, 200),
        ({"page": "-1"}, 200),
        ({"page": "٣"}, 200),
    ],
)
def test_any_input_gets_an_answer(cast: Cast, browse: Client, data: dict[str, str], status: int) -> None:
    decide(cast)
    assert browse.post(reverse("meetings:search"), data).status_code == status


def test_nobody_searches_without_signing_in(cast: Cast, client: Client) -> None:
    answer = client.post(reverse("meetings:search"), {"words": "lumpectomie"})
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, reverse("account_login"))
