"""Paste to structured over HTTP: what is proposed beside what stands, what is taken, and what never happens by itself."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import quote_from_bytes

import pytest
from django.test import Client

from cases.coding.proposals import propose
from cases.coding.proposals.comparing import read, together
from cases.dossiers import dossier
from cases.dossiers.proposed import merged, offers, proposal_map
from cases.forms import LONGEST_PASTE
from cases.models import Case, Discussion
from cases.views.edit import fingerprint
from mdo.directory.access import today
from mdo.directory.models import Person
from mdo.kernel import clock
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member
from tests.factories import make_case, make_referral, tumour_data, writing

HEAD = {"dossier": "breast", "version": 2}
PATHOLOGY = """Verslag 24B-118203. Afname: 04.03.2024
Naaldbiopsie linker borst, bovenste buitenkwadrant. Invasief carcinoom NST, graad 2.
Oestrogeenreceptor: positief (95 %). Progesteronreceptor: positief (40 %). HER2: 1+. Ki-67: 18 %."""
LETTER = "Mammacarcinoom links van 17 mm op echografie, cT1c cN0 cM0 (TNM 8)."


def sign_in(member: Member) -> Client:
    Person.objects.filter(pk=member.pk).update(language="en")
    client = Client()
    client.force_login(member.person)
    return client


@pytest.fixture
def secretary(cast: Cast) -> Client:
    return sign_in(cast.secretary)


@pytest.fixture
def case(cast: Cast) -> Case:
    made = make_case(cast.organiser, cast.requester.person, data=HEAD, tumours=[HEAD])
    make_referral(cast.board, cast.organiser, cast.requester.person, case=made, status="draft", question="Heelkunde?")
    return made


def stands(case: Case) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    with writing():
        found = Case.objects.get(pk=case.pk)
        return found.data, [tumour.data for tumour in found.tumours.order_by("position")]


def body(case: Case, **texts: str) -> dict[str, str]:
    with writing():
        found = Case.objects.get(pk=case.pk)
        seen = fingerprint(found, list(found.tumours.order_by("position")))
    return {"command_id": str(new_id()), "version": str(found.version), "seen": seen, "read": "1"} | texts


def shown(answer: Any) -> dict[str, Any]:
    """Everything that the page would send, as a browser does."""
    sheet, form = answer.context["sheet"], answer.context["form"]
    sent = {name: str(form[name].value() or "") for name in form.fields} | {"ticks": sheet.digest}
    for group in sheet.groups:
        sent[f"to-{group.number}"] = group.target
        for question in group.questions:
            for choice in question.choices:
                if choice.ticked:
                    sent[question.name] = choice.key
    kept = {text["keep"]: "on" for text in sheet.texts if text["kept"]}
    return sent | kept | {"number": [each.number for each in sheet.numbers if each.ticked]}


def choices(answer: Any) -> dict[str, list[tuple[str, str, bool]]]:
    """By question: the words, what taking it does, and whether it is ticked."""
    return {
        question.name.removeprefix("take-"): [(each.words, each.state, each.ticked) for each in question.choices]
        for group in answer.context["sheet"].groups
        for question in group.questions
    }


def test_what_is_ticked_becomes_the_dossier_and_nothing_else(cast: Cast, secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/paste/"
    assert secretary.get(address).status_code == 200
    before = stands(case)
    page = secretary.post(address, body(case, pathology=PATHOLOGY, letter=LETTER))
    assert page.status_code == 200
    assert stands(case) == before  # reading stores nothing
    assert choices(page)["1-laterality"] == [("left", "new", True)]
    assert choices(page)["1-incidence_date"] == [("Monday 4 March 2024", "new", False)]
    html = page.content.decode()
    assert re.search(
        r'<a class="said" data-keys="1-her2_ihc-1" id="said-1-her2_ihc-1" href="#offer-1-her2_ihc-1">1\+</a>', html
    )

    sent = shown(page) | {"take": "1", "more-wishes": "Wil werken", "more-performance_status": "1"}
    del sent["take-1-ki67"]
    answer = secretary.post(address, sent)
    assert (answer.status_code, answer["Location"]) == (302, f"/cases/{case.pk}/")
    data, [tumour] = stands(case)
    assert data == HEAD | {
        "clinical_summary": LETTER,
        "performance_status": "1",
        "pathology_findings": PATHOLOGY,
        "wishes": "Wil werken",
    }
    assert tumour == HEAD | {
        "laterality": "left",
        "topography": "C50.4",
        "morphology": "8500/3",
        "grade": "2",
        "clinical_tnm": {"edition": "8", "t": "cT1c", "n": "cN0", "m": "cM0"},
        "size_imaging": "17",
        "er_status": "positive",
        "er_percent": 95,
        "pr_status": "positive",
        "pr_percent": 40,
        "her2_ihc": "1+",
    }
    acts = AuditEntry.objects.filter(detail__case_id=str(case.pk)).exclude(action="case.read")
    assert list(acts.values_list("action", flat=True)) == ["case.change"]
    # The same button again does nothing twice.
    assert secretary.post(address, sent).status_code == 302
    assert stands(case) == (data, [tumour])


def test_report_numbers_of_a_text_are_kept_where_somebody_ticks_them(cast: Cast, secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/paste/"
    page = secretary.post(address, body(case, pathology="Biopt B-26-1184, revisie van H2026/04511. HER2 1+."))
    numbers = page.context["sheet"].numbers
    assert [(each.number, each.ticked) for each in numbers] == [("B-26-1184", True), ("H2026/04511", True)]
    refused = secretary.post(
        address, shown(page) | {"take": "1", "number": ["H2026/04511"], "more-wishes": "x" * 20_000}
    )
    assert [each.ticked for each in refused.context["sheet"].numbers] == [False, True]  # as they were sent
    assert secretary.post(address, shown(refused) | {"take": "1", "more-wishes": ""}).status_code == 302
    assert stands(case)[0]["pathology_numbers"] == "H2026/04511"
    page = secretary.post(address, body(case, pathology="Biopt B-26-1184. Née le 01/02/1931."))
    assert [(each.number, each.ticked) for each in page.context["sheet"].numbers] == [("B-26-1184", False)]
    sent = shown(page) | {"take": "1", "number": ["B-26-1184", "X-26-1", "wishes"]}  # only what was offered is taken
    assert secretary.post(address, sent).status_code == 302
    assert stands(case)[0]["pathology_numbers"] == "H2026/04511, B-26-1184"


def test_a_number_too_many_is_refused_by_the_name_of_its_question(cast: Cast, secretary: Client, case: Case) -> None:
    with writing():
        found = Case.objects.get(pk=case.pk)
        found.data["pathology_numbers"] = "B-25-" + "1" * 490
        found.save()
    address = f"/cases/{case.pk}/paste/"
    page = secretary.post(address, body(case, pathology="Biopt B-26-1184. HER2 1+."))
    (number,) = page.context["sheet"].numbers
    refused = secretary.post(address, shown(page) | {"take": "1"})
    (sentence,) = refused.context["form"].non_field_errors()
    assert (refused.status_code, sentence.partition(": ")[0]) == (422, number.label)


def test_what_stands_is_replaced_only_by_a_tick(cast: Cast, secretary: Client) -> None:
    case = make_case(
        cast.organiser, cast.requester.person, tumours=[tumour_data(her2_ihc="2+", her2_ish="pending", her2_low=None)]
    )
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="returned")
    address = f"/cases/{case.pk}/paste/"
    page = secretary.post(address, body(case, letter=LETTER + " HER2 3+, ER 95 %. In het linker letsel ER negatief."))
    found = choices(page)
    assert found["1-her2_ihc"] == [("3+", "change", False)]
    assert found["1-clinical_tnm"] == [("cT1c cN0 cM0 (TNM 8)", "same", False)]
    assert "The text contradicts itself" in page.content.decode()
    # Nothing ticked: nothing happens. One ticked: that one alone.
    refused = secretary.post(address, shown(page) | {"take": "1"})
    assert refused.status_code == 422
    assert "Tick what is to be taken over." in refused.content.decode()
    assert secretary.post(address, shown(refused) | {"take": "1", "take-1-her2_ihc": "1-her2_ihc-1"}).status_code == 302
    assert stands(case)[1][0] == tumour_data(her2_ihc="3+", her2_ish="pending", her2_low=None)


def test_contradicting_reports_tick_nothing_and_two_breasts_are_two_tumours(secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/paste/"
    page = secretary.post(
        address, body(case, pathology=PATHOLOGY, letter="Mammacarcinoom links, ER negatief, HER2 2+.")
    )
    assert choices(page)["1-er_status"] == [("positive", "new", False), ("negative", "new", False)]
    assert page.content.decode().count("contradiction") == 2
    both = "Links: invasief carcinoom NST, graad 2, linker borst.\nRechts: invasief lobulair carcinoom, graad 1, rechter borst."
    page = secretary.post(address, body(case, pathology=both))
    assert secretary.post(address, shown(page) | {"take": "1"}).status_code == 302
    assert [(one["laterality"], one["morphology"], one["grade"]) for one in stands(case)[1]] == [
        ("left", "8500/3", "2"),
        ("right", "8520/3", "1"),
    ]
    # The other way round they are found again, and nothing is left to take.
    page = secretary.post(address, body(case, pathology="\n".join(reversed(both.split("\n")))))
    assert {state for found in choices(page).values() for _words, state, _ticked in found} == {"same"}


def test_somebody_else_saved_in_between(cast: Cast, secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/paste/"
    mine = shown(secretary.post(address, body(case, pathology=PATHOLOGY))) | {"take": "1", "more-wishes": "Wil werken"}
    other = sign_in(cast.requester)
    theirs = shown(other.post(address, body(case, letter=LETTER)))
    assert other.post(address, theirs | {"take": "1"}).status_code == 302
    between = stands(case)
    answer = secretary.post(address, mine)
    assert answer.status_code == 409
    assert stands(case) == between
    html = answer.content.decode()
    assert "Somebody else changed this case." in html
    assert PATHOLOGY.splitlines()[0] in html
    assert "Wil werken</textarea>" in html
    assert choices(answer)["1-er_percent"] == [("95 %", "new", True)]
    assert choices(answer)["1-laterality"] == [("left", "same", True)]
    assert secretary.post(address, shown(answer) | {"take": "1", "more-wishes": "Wil werken"}).status_code == 302
    assert stands(case)[1][0]["her2_ihc"] == "1+"


def test_ticks_belong_to_the_texts_beside_which_they_stood(secretary: Client, case: Case) -> None:
    address = f"/cases/{case.pk}/paste/"
    sent = shown(secretary.post(address, body(case, pathology=PATHOLOGY))) | {"take": "1"}
    answer = secretary.post(address, sent | {"pathology": PATHOLOGY.replace("linker", "rechter")})
    assert answer.status_code == 422
    assert "The texts were changed." in answer.content.decode()
    assert stands(case)[1] == [HEAD]


def test_a_report_of_somebody_else_ticks_nothing(cast: Cast, secretary: Client, case: Case) -> None:
    own, other = case.patient.national_number, "61041200437"
    address = f"/cases/{case.pk}/paste/"
    page = secretary.post(address, body(case, pathology=f"INSZ {own}\n{PATHOLOGY}"))
    assert not page.context["sheet"].stranger
    page = secretary.post(
        address, body(case, pathology=f"INSZ 61.04.12-004.{97 - int(other[:9]) % 97:02d}\n{PATHOLOGY}")
    )
    assert page.context["sheet"].stranger
    born = case.patient.birth_date
    for words in (f"Geboren: {born:%d/%m/%Y}", f"Geboortedatum : {born:%d.%m.%y}"):
        assert not secretary.post(address, body(case, pathology=f"{words}\n{PATHOLOGY}")).context["sheet"].stranger, (
            words
        )
    other_day = born.replace(day=born.day % 28 + 1)
    page = secretary.post(address, body(case, pathology=f"Née le {other_day:%d/%m/%Y}\n{PATHOLOGY}"))
    assert page.context["sheet"].stranger
    assert not any(ticked for found in choices(page).values() for _words, _state, ticked in found)
    assert not any(text["kept"] for text in page.context["sheet"].texts)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("<script>alert(1)</script> <img src=x onerror=alert(1)> linker borst carcinoom ER 90 %", 200),
        ("mamma\0carcinoom \x07links\x1b[31m ER 90 %", 200),
        ("\u202eER 90 %\u2066 links mammacarcinoom\u2069", 200),
        ("1" * LONGEST_PASTE, 200),
        ("ER 90 %\ud800", 200),
        ("x" * 200_000, 422),
        ("ER 90 % " * 25_000, 422),
        ("  \n\t", 422),
    ],
)
def test_hostile_texts_get_a_clear_answer(
    secretary: Client, case: Case, caplog: pytest.LogCaptureFixture, text: str, status: int
) -> None:
    sent = body(case, pathology=text).items()
    content = "&".join(f"{name}={quote_from_bytes(value.encode('utf-8', 'surrogatepass'))}" for name, value in sent)
    answer = secretary.post(f"/cases/{case.pk}/paste/", content, content_type="application/x-www-form-urlencoded")
    html = answer.content.decode()
    assert answer.status_code == status
    assert "<script>alert" not in html
    assert "<img src=x" not in html
    assert not any(char in html for char in "\0\u202e\u2066\x1b")
    assert "ER 90" not in caplog.text
    if status == 422:
        assert 'class="errors"' in html
        assert "characters together" in html or "Paste a report" in html


def test_only_whoever_may_change_the_case_may_paste(cast: Cast, case: Case) -> None:
    for name, status in {"outsider": 404, "partnersecretary": 404, "privacy": 404, "requester": 200}.items():
        client = sign_in(cast.members[name])
        assert client.get(f"/cases/{case.pk}/paste/").status_code == status, name
        sent = body(case, pathology=PATHOLOGY) | {"take": "1"}
        assert client.post(f"/cases/{case.pk}/paste/", sent).status_code == (422 if status == 200 else status), name
    assert stands(case)[1] == [HEAD]


def test_a_discussed_case_is_closed(cast: Cast, secretary: Client) -> None:
    case = make_case(cast.organiser, cast.requester.person)
    make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="discussed")
    assert secretary.get(f"/cases/{case.pk}/paste/")["Location"] == f"/cases/{case.pk}/"
    assert secretary.post(f"/cases/{case.pk}/paste/", body(case, pathology=PATHOLOGY)).status_code == 422


def test_what_was_discussed_last_is_compared_with(cast: Cast, secretary: Client) -> None:
    then = tumour_data(her2_ihc="2+", her2_ish="pending", her2_low=None)
    case = make_case(cast.organiser, cast.requester.person, tumours=[then])
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="returned")
    with writing():
        last = Discussion.objects.create(
            hospital=case.hospital, case=case, referral=referral, outcome="postponed", at=clock.now(), dossier=case.dossier,
            dossier_version=case.dossier_version, data=case.data,
            tumours=[{"id": str(case.tumours.get().pk), "data": then | {"er_percent": 40}}],
        )  # fmt: skip
    page = secretary.post(f"/cases/{case.pk}/paste/", body(case, letter=LETTER + " HER2 3+, ER 95 %."))
    found = {
        question.key: question.choices[0] for group in page.context["sheet"].groups for question in group.questions
    }
    # Another answer than was discussed is flagged, also where the dossier says the new one by now; what was the same is not.
    assert {key: one.then for key, one in found.items() if one.then} == {"her2_ihc": "2+", "er_percent": "40 %"}
    assert page.context["sheet"].last == last
    html = page.content.decode()
    assert html.count("changed since the last discussion") == 2
    assert "Compared with what was discussed on" in html
    # A board that has nothing of the case yet compares with nothing.
    fresh = make_case(cast.organiser, cast.requester.person, tumours=[then])
    make_referral(cast.board, cast.organiser, cast.requester.person, case=fresh, status="returned")
    html = secretary.post(f"/cases/{fresh.pk}/paste/", body(fresh, letter=LETTER + " HER2 3+.")).content.decode()
    assert "changed since the last discussion" not in html


def test_categories_that_cannot_be_right_together_are_refused_and_nothing_is_lost(
    secretary: Client, case: Case
) -> None:
    address = f"/cases/{case.pk}/paste/"
    page = secretary.post(address, body(case, pathology=PATHOLOGY + "\npTis pN1a cM0"))
    [tnm] = [
        question.choices[0]
        for group in page.context["sheet"].groups
        for question in group.questions
        if question.key == "pathological_tnm"
    ]
    assert (tnm.ticked, tnm.refused) == (False, "A carcinoma in situ has no metastases: compare pTis with pN1a.")
    sent = shown(page) | {"take": "1", "take-1-pathological_tnm": tnm.key}
    before = stands(case)
    answer = secretary.post(address, sent)
    assert answer.status_code == 422
    html = answer.content.decode()
    assert "pTNM: A carcinoma in situ has no metastases: compare pTis with pN1a." in html
    assert "pTis pN1a cM0" in html
    assert stands(case) == before


# --- the map -----------------------------------------------------------------------------------------------------------


def offered(code: str = "breast", **texts: str) -> dict[str, Any]:
    found = [read(name, text) for name, text in texts.items()]
    given = offers(dossier(code), found, together(found), today=today())
    return {key: value for one in given for key, value in one.answers.items()}


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ({"pathology": "Mastectomie links. Invasief carcinoom NST van 24 mm, pT2(m) pN1a(sn)."}, {"size_pathology": "24", "pathological_tnm": {"edition": "8", "t": "pT2(m)", "n": "pN1a(sn)"}}),
        ({"letter": "Mammacarcinoom links, ypT1b ypN0, TNM 7."}, {"post_treatment_tnm": {"edition": "7", "t": "ypT1b", "n": "ypN0"}}),
        ({"imaging": "MRI linker borst: maligne massa van 34 mm, T2 N1."}, {"size_imaging": "34", "clinical_tnm": {"edition": "8", "t": "cT2", "n": "cN1"}}),
        ({"pathology": "Mammacarcinoom links. Schildwachtklieren: 1 van 3 klieren met metastase."}, {"sentinel_positive": 1, "sentinel_examined": 3}),
        ({"pathology": "Mammacarcinoom links. HER2 2+, FISH: niet geamplificeerd. 8550/3."}, {"her2_ihc": "2+", "her2_ish": "not_amplified", "morphology": "other", "morphology_other": "8550/3"}),
    ],
)  # fmt: skip
def test_a_value_fills_the_question_that_is_meant(texts: dict[str, str], expected: dict[str, Any]) -> None:
    found = offered(**texts)
    assert {key: found.get(key) for key in expected} == expected


def test_the_general_dossier_takes_what_it_asks() -> None:
    found = offered(
        "general",
        pathology="Rechter hemicolectomie: adenocarcinoom, C18.2, graad 2. pT3 pN1a. 2 van 18 klieren met metastase.",
    )
    assert found["topography"] == "C18.2"
    assert (found["nodes_positive"], found["nodes_examined"]) == (2, 18)
    assert "er_status" not in found
    assert set(proposal_map("general").texts) == {"pathology", "imaging", "letter"}


def test_a_classification_keeps_what_the_text_does_not_name() -> None:
    now = {"edition": "8", "t": "cT1c", "n": "cN0", "m": "cM0"}
    assert merged(now, {"edition": "8", "t": "cT2"}) == now | {"t": "cT2"}
    assert merged(now, {"edition": "7", "t": "cT2"}) == {"edition": "7", "t": "cT2"}


def test_proposals_of_a_report_come_at_once() -> None:
    propose(PATHOLOGY)
    begun = time.process_time()
    for _each in range(5):
        propose(PATHOLOGY + LETTER)
    assert (time.process_time() - begun) / 5 < 0.1
