"""Looking back: words, names, numbers, boards, hospitals and periods; only what the person may see."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from cases.discussions import move_and_keep
from cases.models import Referral
from mdo.directory.models import Agreement, Board, Organisation
from mdo.kernel.acting import System, acting
from mdo.kernel.models import AuditEntry
from meetings import access
from meetings.models import Decision, FollowUp
from meetings.search import MOST, PAGE_SIZE, Found, Wanted, find, marked
from tests.cast import NAMES, PASSWORD, Cast, Member, acting_as
from tests.database import as_owner
from tests.factories import (
    BRUSSELS,
    make_case,
    make_decision,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    make_topic,
    tumour_data,
    writing,
)

MARCH = datetime(2026, 3, 18, 14, tzinfo=BRUSSELS)


@pytest.fixture(params=[(2000, 24), (-1, 24), (-1, 0)], ids=["a few", "by place and month", "by months"])
def each_way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each way in which the index is walked: a handful of decisions would only ever go the first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('mdo.search_few', %s, false), set_config('mdo.search_several', %s, false)",
            [str(number) for number in request.param],
        )
        yield
        cursor.execute("SELECT set_config('mdo.search_few', '', false), set_config('mdo.search_several', '', false)")


def decide(
    cast: Cast,
    text: str = "Borstsparende heelkunde.",
    *,
    hospital: Organisation | None = None,
    requester: Member | None = None,
    at: datetime = MARCH,
    board: Board | None = None,
    state: str = Decision.State.SIGNED,
    patient: dict[str, Any] | None = None,
    question: str = "Voorstel voor behandeling?",
    tumours: list[dict[str, Any]] | None = None,
    **values: Any,
) -> Decision:
    """A decision about a new case of `hospital` (the organiser's), taken by the breast board at `at`."""
    hospital = hospital or cast.organiser
    requester = requester or cast.requester
    board = board or cast.board
    case = make_case(hospital, requester.person, patient=make_patient(hospital, **(patient or {})), tumours=tumours)
    referral = make_referral(
        board, hospital, requester.person, case=case, status=Referral.Status.DISCUSSED, question=question
    )
    meeting = make_meeting(board, state="closed", starts_at=at)
    item = make_item(meeting, referral, state="discussed")
    return make_decision(item, state=state, text=text, **values)


def referral_of(decision: Decision) -> Referral:
    assert decision.item.referral is not None
    return decision.item.referral


def look(member: Member, words: str = "", **wanted: Any) -> Found:
    with acting_as(member) as person:
        return find(person, Wanted(words, **wanted), "nl")


def facets(found: Found) -> dict[str, dict[str, int]]:
    return {facet.name: {choice.words: choice.count for choice in facet.choices} for facet in found.facets}


def ids(found: Found) -> list[Any]:
    return [hit.decision.pk for hit in found.hits]


@pytest.mark.parametrize(
    ("words", "hits"),
    [
        ("sentinel", 1),  # the beginning of a word in a step
        ("sentinelprocedure", 1),
        ("SENTINELPROCEDURE lumpectomie", 1),  # every word, in any case
        ("sentinelprocedure mastectomie", 0),
        ("re-excisie", 1),
        ("réresectie geïndiceerd", 0),
        ("geindiceerd", 1),  # without its diaeresis
        ("coördinatie", 1),  # with one that the text has not
        ("bestraling", 1),  # Dutch: the text says "bestralingen"
        ("margins", 1),  # English: the text says "margin"
        ('"positieve snijvlakken"', 1),
        ('"snijvlakken positieve"', 0),
        ("mastectomie or lumpectomie", 1),
        ("lumpectomie -adjuvant", 0),
        ("lumpectomie -mastectomie", 1),
        ("zwangerschapswens", 1),  # in the question
        ("deelname studie", 1),  # in the reason for a deviation
        ("vandenbrOucke", 1),  # the patient
        ("Anaïs Vanden", 1),
        ("anais lumpectomie", 1),  # name and word together
        ("er/pr", 1),  # not a path to a file
        ("her2", 1),
        ("snijvlakken.adjuvant", 1),  # nor the name of a host
        ("???", 0),
        ("%", 0),
    ],
)
def test_words(cast: Cast, words: str, hits: int) -> None:
    decide(
        cast,
        "Re-excisie is geïndiceerd bij positieve snijvlakken (margin < 1 mm), ER/PR/HER2 herhalen.Adjuvant 15 bestralingen. Coordinatie door de BVK.",
        steps=[{"kind": "surgery", "text": "Lumpectomie met sentinelprocedure"}],
        deviation="Deelname aan een studie",
        question="Wat met haar zwangerschapswens?",
        patient={"family_name": "Vandenbroucke", "given_name": "Anaïs"},
    )
    decide(cast, "Opvolging.", steps=[])
    found = look(cast.chair, words)
    assert (found.total, len(found.hits)) == (hits, hits)


def test_the_line_of_a_hit(cast: Cast) -> None:
    decision = decide(
        cast,
        "Eerst <b>heelkunde</b>, dan bespreking van het resectiestuk.",
        steps=[{"kind": "surgery", "text": "Lumpectomie"}, {"kind": "radiotherapy", "text": ""}]
        + [{"kind": "endocrine", "text": "Letrozol"}] * 2,
        patient={"family_name": "D'Hondt", "given_name": "Rosa"},
    )
    hit = look(cast.requester, "heelkunde").hits[0]
    assert hit.decision == decision
    assert hit.title == "D'Hondt Rosa"
    assert [(step.label, step.text) for step in hit.steps] == [
        ("Heelkunde", "Lumpectomie"),
        ("Radiotherapie", ""),
        ("Endocriene therapie", "Letrozol"),
    ]
    assert hit.more_steps == 1
    assert hit.excerpt == "Eerst &lt;b&gt;<mark>heelkunde</mark>&lt;/b&gt;, dan bespreking van het resectiestuk."
    assert hit.replaced_by is None


def test_marks_in_the_text_itself_mark_nothing(cast: Cast) -> None:
    decide(cast, "Heelkunde \ue000<script>\ue001 en opvolging.")
    assert look(cast.chair, "opvolging").hits[0].excerpt == "Heelkunde &lt;script&gt; en <mark>opvolging</mark>."
    assert marked("a < b") == "a &lt; b"


@pytest.mark.parametrize(
    ("text", "excerpt"),
    [
        ("", ""),
        ("woord " * 100, "woord " * 52 + "woord …"),
        ("x" * 400, "x" * 320 + " …"),
        ("woord " * 100 + "\ue000hier\ue001 en daar", "… " + "woord " * 14 + "<mark>hier</mark> en daar"),
        ("\ue000" + "x" * 400 + "\ue001", "<mark>" + "x" * 319 + " …</mark>"),
    ],
)
def test_a_long_text_is_cut_around_the_first_hit(text: str, excerpt: str) -> None:
    assert marked(text) == excerpt


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize(
    ("typed", "searched"),
    [
        ("vermeersh", "vermeersch"),
        ("vermersch lumpectmoie", "vermeersch lumpectomie"),
        ("Vermeersch lumpectmie", "Vermeersch lumpectomie"),
        ("sentinelpocedure", "sentinelprocedure"),
        ("lumpectomie verbeersch", "lumpectomie vermeersch"),  # that name exists, of a patient nobody here may know
        ("claeis", ""),  # as near as any, and only in a decision of the outsider's
        ("65041235795", ""),  # a number is never mended
        ("pa21345", ""),  # nor is one that letters stand before: the nearest is another specimen
        ("lum vermeers", ""),  # beginnings are found as they are
    ],
)
def test_typing_errors_are_mended_by_words_of_visible_decisions(cast: Cast, typed: str, searched: str) -> None:
    decide(
        cast, "Lumpectomie met sentinelprocedure, PA21344.", patient={"family_name": "Vermeersch", "given_name": "Rosa"}
    )
    hidden = {"family_name": "Verbeersch", "given_name": "Claeys", "national_number": "65041235794"}
    decide(cast, "Lumpectomie.", hospital=cast.outside, requester=cast.outsider, patient=hidden)
    found = look(cast.chair, typed)
    assert (found.searched, found.total) == (searched, 1 if searched or typed.startswith("lum ") else 0)
    assert look(cast.outsider, "claeis").searched == "claeys"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Deux irradiations des ganglions axillaires", "irradiation ganglion axillaire"),
        ("Bestrahlungen der Lymphknoten, Empfehlungen folgen", "bestrahlung empfehlung"),
        ("Drie controles met mammografieën", "controle mammografie"),
        ("Two lymph nodes were removed", "node removing"),
    ],
)
def test_words_are_found_by_their_stems_in_four_languages(cast: Cast, text: str, words: str) -> None:
    decide(cast, text)
    found = look(cast.chair, words)
    assert (found.total, found.searched) == (1, "")


def test_words_that_say_nothing_do_not_hinder(cast: Cast) -> None:
    decide(cast, "Bestraling van de borst.")
    decide(cast, "Opvolging.")
    assert [look(cast.chair, words).total for words in ("de bestraling van een borst", "van de", "een", "the")] == [
        1,
        1,
        0,
        0,
    ]


def test_what_did_we_decide_for_her_in_march(cast: Cast) -> None:
    hers = {"family_name": "Vermeersch", "given_name": "April"}
    earlier = decide(cast, at=MARCH.replace(year=2024), patient=hers)
    march = decide(cast, patient=hers)
    decide(cast, at=MARCH.replace(month=5), patient=hers)
    for words, hits, period in (
        ("vermeersch maart", [march.pk, earlier.pk], "maart"),
        ("März Vermeersch", [march.pk, earlier.pk], "maart"),
        ("vermeersh march 2026", [march.pk], "maart 2026"),
        ("in maart 2024", [earlier.pk], "maart 2024"),
        ("maart", [], ""),
    ):
        with translation.override("nl"):
            found = look(cast.chair, words)
        assert (ids(found), found.period) == (hits, period), words
    assert (look(cast.chair, "april vermeersch").total, look(cast.chair, "april vermeersch").period) == (
        3,
        "",
    )  # her name


def test_the_tumours_as_they_were_discussed_are_facets(cast: Cast) -> None:
    decision = decide(cast)
    decide(
        cast,
        tumours=[
            tumour_data(topography="C34.1", er_status=None),
            tumour_data(er_status="negative", pr_status="negative"),
        ],
    )
    assert facets(look(cast.chair)) == {
        "topography": {"C50 Borst": 2, "C34 Long": 1},
        "receptors": {"HR+ / HER2−": 2, "Triple-negatief": 1},
    }
    assert ids(look(cast.chair, chosen={"receptors": "triple_negative", "stage": "I"})) != [decision.pk]
    with writing():
        referral = referral_of(decision)
        move_and_keep(referral)
        tumour = referral.case.tumours.get()
        tumour.data = {**tumour.data, "topography": "C18.0"}
        tumour.save(update_fields=["data", "profile"])
        referral.save()
    assert facets(look(cast.chair))["topography"] == {"C50 Borst": 2, "C34 Long": 1}


def test_whether_it_was_done_stands_in_the_line(cast: Cast) -> None:
    decision, other = decide(cast), decide(cast)
    with writing():
        follow_up = FollowUp.objects.create(
            hospital=cast.organiser,
            board=cast.board,
            case_id=decision.case_id,
            item=decision.item,
            decision=decision,
            due_on=MARCH.date(),
        )
        follow_up.outcome, follow_up.answered_at = FollowUp.Outcome.CARRIED_OUT, MARCH
        follow_up.save()
    found = look(cast.chair, chosen={"outcome": "carried_out"})
    assert [(hit.decision.pk, hit.follow_up and hit.follow_up.outcome) for hit in found.hits] == [
        (decision.pk, "carried_out")
    ]
    assert {hit.decision.pk: bool(hit.follow_up) for hit in look(cast.chair).hits} == {
        decision.pk: True,
        other.pk: False,
    }


@pytest.mark.usefixtures("each_way")
def test_a_national_number_is_found_exactly(cast: Cast) -> None:
    hers = decide(cast, patient={"national_number": "65041235794", "birth_date": date(1965, 4, 12)})
    decide(cast)
    for typed in ("65.04.12-357.94", "65041235794", " 65 04 12 357 94 "):
        assert ids(look(cast.chair, typed)) == [hers.pk]
    assert ids(look(cast.chair, "65.04.12-357.9")) == []
    assert ids(look(cast.outsider, "65.04.12-357.94")) == []


@pytest.mark.usefixtures("each_way")
def test_period_board_and_hospital(cast: Cast) -> None:
    other = Board.objects.create(network=cast.network, organiser=cast.organiser, name="Long-MOC")
    cast_roles = [cast.chair, cast.secretary]
    for member in cast_roles:
        member.person.board_roles.create(
            board=other, organisation=cast.organiser, role="chair", valid_from=MARCH - timedelta(days=400)
        )
    first = decide(cast, at=datetime(2026, 3, 1, 0, 0, tzinfo=BRUSSELS))
    last = decide(cast, at=datetime(2026, 3, 31, 23, 59, tzinfo=BRUSSELS), hospital=cast.partner_hospital)
    april = decide(cast, at=datetime(2026, 4, 1, 0, 0, tzinfo=BRUSSELS))
    lung = decide(cast, board=other)
    march: dict[str, Any] = {"since": date(2026, 3, 1), "until": date(2026, 3, 31)}
    assert ids(look(cast.chair)) == [april.pk, last.pk, lung.pk, first.pk]  # newest first
    assert ids(look(cast.chair, **march)) == [last.pk, lung.pk, first.pk]
    assert ids(look(cast.chair, since=date(2026, 4, 1))) == [april.pk]
    assert ids(look(cast.chair, until=date(2026, 3, 1))) == [first.pk]
    assert ids(look(cast.chair, chosen={"board": str(other.pk)})) == [lung.pk]
    found = look(cast.chair, chosen={"hospital": str(cast.partner_hospital.pk)})
    assert ids(found) == [last.pk]
    # Each facet counts under what was chosen of the others, so that another value of it can be chosen.
    assert facets(look(cast.chair)) == {
        "board": {"Borst-MOC": 3, "Long-MOC": 1},
        "hospital": {"AZ Sint-Godelieve": 3, "Ziekenhuis De Linde": 1},
    }
    assert facets(found) == {"hospital": {"AZ Sint-Godelieve": 3, "Ziekenhuis De Linde": 1}}
    assert [choice.words for facet in found.facets for choice in facet.choices if choice.chosen] == [
        "Ziekenhuis De Linde"
    ]
    assert ids(look(cast.chair, chosen={"board": str(cast.outside.pk)})) == []  # an id of something else
    assert ids(look(cast.chair, chosen={"step": "surgery", "board": str(cast.board.pk)})) == [
        april.pk,
        last.pk,
        first.pk,
    ]
    assert ids(look(cast.chair, chosen={"step": "chemotherapy"})) == []


@pytest.mark.usefixtures("each_way")
def test_everybody_finds_what_they_may_read(cast: Cast) -> None:
    """Each member of the cast finds exactly the decisions that `visible_decisions` gives them, and the outsider none."""
    own = decide(cast)
    colleague = decide(cast, requester=cast.radiologist)
    partner = decide(cast, hospital=cast.partner_hospital, requester=cast.partner)
    outside = decide(cast, hospital=cast.outside, requester=cast.outsider)
    withdrawn = decide(cast, hospital=cast.third, requester=cast.partner)
    with writing():
        referral = referral_of(withdrawn)
        referral.status = Referral.Status.WITHDRAWN
        referral.save()
    topic = make_decision(
        make_item(make_meeting(cast.board, state="closed", starts_at=MARCH), topic=make_topic(cast.board))
    )
    draft = decide(cast, state=Decision.State.DRAFT)
    everything = {own.pk, colleague.pk, partner.pk, topic.pk}
    expected = {
        "chair": everything,
        "coordinator": everything,
        "secretary": everything,
        "radiologist": everything,
        "partner": everything,
        "requester": {own.pk},
        "partnersecretary": {partner.pk},
        "outsider": {outside.pk},  # the own patient's, never through the board
        "guest": set(),
        "privacy": set(),
        "admin": set(),
        "datamanager": set(),
        "observer": set(),
    }
    found = {name: set(ids(look(getattr(cast, name)))) for name in NAMES}
    assert found == expected
    for name in NAMES:
        with acting_as(getattr(cast, name)) as person:
            visible = access.visible_decisions(person).exclude(state=Decision.State.DRAFT)
            assert set(visible.values_list("pk", flat=True)) == expected[name]
    assert draft.pk not in set().union(*found.values())


def test_the_outsider_finds_nothing_of_others(cast: Cast) -> None:
    decide(cast, "Lumpectomie", patient={"family_name": "Vermeersch", "national_number": "65041235794"})
    assert [look(cast.outsider, words).total for words in ("lumpectomie", "vermeersch", "65041235794", "")] == [0] * 4


@pytest.mark.usefixtures("each_way")
def test_an_ended_agreement_ends_what_partners_find(cast: Cast) -> None:
    own = decide(cast, hospital=cast.partner_hospital, requester=cast.partner)
    other = decide(cast)
    assert set(ids(look(cast.partner))) == {own.pk, other.pk}
    Agreement.objects.update(ends_on=date(2026, 1, 1))
    assert ids(look(cast.partner)) == [own.pk]  # the requester of it
    assert ids(look(cast.chair)) == [other.pk]


@pytest.mark.usefixtures("each_way")
def test_somebody_who_left_finds_nothing(cast: Cast) -> None:
    decide(cast)
    cast.requester.person.is_active = False
    cast.requester.person.save()
    assert look(cast.requester).total == 0


def test_the_index_follows_case_referral_and_patient(cast: Cast) -> None:
    decision = decide(cast, patient={"family_name": "Desmet", "given_name": "Hilde"})
    referral = referral_of(decision)
    with writing():
        patient = referral.case.patient
        patient.family_name, patient.national_number = "Öztürk", "12031524691"
        patient.save()
        referral.question = "Nagaan of tamoxifen kan"
        referral.requester = cast.radiologist.person
        referral.save()
        referral.case.requester = cast.radiologist.person
        referral.case.save()
    assert [look(cast.chair, words).total for words in ("desmet", "ozturk", "12031524691", "tamoxifen")] == [0, 1, 1, 1]
    assert look(cast.requester).total == 0
    with writing():
        second = make_referral(
            Board.objects.create(network=cast.network, organiser=cast.third, name="Genetica-MOC"),
            cast.organiser,
            cast.requester.person,
            case=referral.case,
        )
    assert look(cast.requester).total == 1
    with writing():
        second.delete()
    assert look(cast.requester).total == 0


def test_what_was_replaced_says_so(cast: Cast) -> None:
    old = decide(cast, "Mastectomie")
    with writing():
        Decision.objects.filter(pk=old.pk).update(state=Decision.State.REPLACED)
    new = make_decision(old.item, state=Decision.State.SIGNED, text="Lumpectomie", replaces=old, version=2)
    found = {hit.decision.pk: (hit.decision.state, hit.replaced_by) for hit in look(cast.chair).hits}
    assert found == {old.pk: ("replaced", new.pk), new.pk: ("signed", None)}
    correcting = make_decision(new.item, state=Decision.State.DRAFT, replaces=new, version=3)
    assert {hit.decision.pk: hit.replaced_by for hit in look(cast.chair).hits}[new.pk] is None
    assert correcting.pk not in ids(look(cast.chair))


@pytest.mark.usefixtures("each_way")
def test_pages(cast: Cast, django_assert_num_queries: Any) -> None:
    made = [decide(cast, at=MARCH + timedelta(minutes=n)).pk for n in range(30)][::-1]
    assert ids(look(cast.chair)) == made[:20]
    second = look(cast.chair, page=2)
    assert ids(second) == made[20:]
    assert (second.first, second.last, second.total, second.previous_page, second.next_page) == (21, 30, 30, 1, None)
    assert (look(cast.chair).previous_page, look(cast.chair).next_page) == (None, 2)
    assert ids(look(cast.chair, page=MOST)) == made[20:]  # beyond the end: the last one
    with acting_as(cast.chair) as person, django_assert_num_queries(6):
        find(person, Wanted("heelkunde"), "nl")


def test_one_line_costs_as_much_as_thirty(cast: Cast, django_assert_num_queries: Any) -> None:
    decide(cast)
    with acting_as(cast.chair) as person, django_assert_num_queries(6):
        find(person, Wanted("heelkunde"), "nl")


def test_each_search_leaves_a_trace_without_its_words(cast: Cast) -> None:
    own = decide(cast, patient={"family_name": "Vermeersch"})
    partner = decide(
        cast, hospital=cast.partner_hospital, requester=cast.partner, patient={"family_name": "Vermeersch"}
    )
    look(cast.chair, "vermeersch")
    look(cast.privacy, "vermeersch")
    rows = AuditEntry.objects.filter(action="decision.search").order_by("id")
    assert [(row.actor_id, row.hospital_id, row.organisation_id, row.outcome, row.detail) for row in rows] == [
        (cast.chair.pk, hospital, cast.organiser.pk, "ok", {"found": 2, "shown": [str(decision.pk)]})
        for hospital, decision in sorted(
            [(cast.organiser.pk, own), (cast.partner_hospital.pk, partner)],
            key=lambda pair: pair[1].pk,
            reverse=True,
        )
    ] + [(cast.privacy.pk, None, cast.organiser.pk, "ok", {"found": 0, "shown": []})]


def test_the_index_is_closed_to_the_program(cast: Cast) -> None:
    decide(cast)
    for statement in (
        "SELECT * FROM meetings_decisionindex",
        "DELETE FROM meetings_decisionindex",
        "SELECT mdo_index_decision(gen_random_uuid())",
        "SELECT mdo_index_decisions('{}')",
        "SELECT * FROM meetings_vocabulary",
        "SELECT mdo_mended_words('{lumpectmie}', '{}', null, null)",
        "SELECT mdo_decision_hits(null, '{}', null, null, 1)",
        "SELECT mdo_expected_hits('word')",
    ):
        with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
        assert refused.value.__cause__.sqlstate == "42501"  # type: ignore[union-attr]
    assert Found is not None


def test_outside_of_a_door_nothing_is_found(cast: Cast) -> None:
    decide(cast)
    arguments = "'', '{}', '', '{}', null, null, 20, 0"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT ids, total FROM mdo_search_decisions({arguments})")
        assert cursor.fetchone() == ([], 0)
    with acting(System("test"), None, "work"), connection.cursor() as cursor:
        cursor.execute(f"SELECT total FROM mdo_search_decisions({arguments})")
        assert cursor.fetchone() == (1,)


# --- the page ----------------------------------------------------------------------------------------------------------


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
