"""Looking back: words, names, numbers, boards, hospitals and periods; only what the person may see."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.utils import translation

from cases.discussions import move_and_keep
from cases.models import Referral
from mdo.directory.models import Board, Organisation
from meetings.models import Decision, FollowUp
from meetings.search import MOST, Found, Wanted, find, marked
from tests.cast import Cast, Member, acting_as
from tests.factories import (
    BRUSSELS,
    make_case,
    make_decision,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    tumour_data,
    writing,
)

MARCH = datetime(2026, 3, 18, 14, tzinfo=BRUSSELS)


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
