"""The summary for the patient waits until they know, and holds plain sentences alone."""

import pytest
from django.urls import reverse
from django.utils import translation

from cases.coding.words import LANGUAGES
from cases.models import Patient
from mdo.directory.models import Person
from mdo.kernel.errors import RuleBroken
from mdo.kernel.ids import new_id
from meetings import informing
from meetings.actions.informing import hand_over_summary
from meetings.informing import access
from meetings.models import Decision, Handover, InformedStatement, Report
from meetings.reports.plain import intent_sentence, plain_words, step_sentence
from tests.cast import Cast, acting_as
from tests.factories import (
    writing,
)
from tests.meetings.acts import audited, call, house
from tests.meetings.informing.acts import SECRET, inform, pdf_text, sign
from tests.meetings.test_documents_docx import docx_text
from tests.meetings.test_reporting import client_of, make_all, stored, text_of


def test_who_took_part_keeps_a_summary_without_the_words_that_were_taken_back(cast: Cast, decision: Decision) -> None:
    with writing():
        Decision.objects.update(agreed={"informs": "informed"})
    sign(cast, decision)
    make_all()
    inform(cast.requester, decision, words="Wir rufen Sie an.")
    make_all()
    client, address = client_of(cast.requester), reverse("meetings:summary", args=[decision.pk])
    assert "Wir rufen Sie an." in pdf_text(client.get(address))
    again = {"command_id": new_id(), "statement_id": new_id(), "version": 1, "taken_back": "true"}
    assert client.post(reverse("meetings:informed", args=[decision.pk]), again).status_code == 303
    assert client.get(address).status_code == 404  # it is being made anew
    make_all()
    with translation.override("de"):
        there = translation.gettext("You took part in the meeting.")
    text = pdf_text(client.get(address))
    assert (there in text, "Wir rufen Sie an." in text) == (True, False)


def test_the_summary_is_closed_until_it_was_said(cast: Cast, signed: Decision) -> None:
    address = reverse("meetings:summary", args=[signed.pk])
    with acting_as(cast.requester) as person, pytest.raises(RuleBroken):
        access.access_summary_of(person, signed.pk)
    page = client_of(cast.requester).get(address)
    assert page.status_code == 422
    with translation.override("nl"):
        assert informing.closed_sentence() in page.content.decode().replace("&#x27;", "'")
    inform(cast.requester, signed)
    assert client_of(cast.requester).get(address).status_code == 404  # it is being made
    make_all()
    assert client_of(cast.requester).get(address).status_code == 200
    inform(cast.requester, signed, version=1, informed=False)
    assert client_of(cast.requester).get(address).status_code == 422


def test_without_the_rule_it_would_open(cast: Cast, signed: Decision, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: what keeps it closed is the rule, not the lack of a file."""
    inform(cast.requester, signed)
    make_all()
    inform(cast.requester, signed, version=1, informed=False)
    with house():
        first = InformedStatement.objects.get(number=1)
    monkeypatch.setattr(informing, "informed", lambda _decision: informing.Informed(first, took_part=False))
    assert client_of(cast.requester).get(reverse("meetings:summary", args=[signed.pk])).status_code == 200


def test_the_summary_is_given_to_the_patient_and_it_is_said_by_whom(cast: Cast, signed: Decision) -> None:
    """Closed until they are informed; then noted with who, when and which print, on the decision's page and among the deliveries."""
    address = reverse("meetings:handover", args=[signed.pk])
    client = client_of(cast.requester)
    given = {"command_id": new_id(), "handover_id": new_id(), "way": "hand"}
    assert (client.get(address).status_code, client.post(address, given).status_code) == (200, 422)
    with pytest.raises(RuleBroken):
        call(hand_over_summary, cast.requester, decision_id=signed.pk, handover_id=new_id(), way="hand")
    inform(cast.requester, signed)
    with pytest.raises(RuleBroken):  # it is being made
        call(hand_over_summary, cast.requester, decision_id=signed.pk, handover_id=new_id(), way="hand")
    make_all()
    kept = client_of(cast.secretary).get(reverse("meetings:deliveries", args=[signed.meeting_id]))
    assert kept.context["kept"] == 1
    assert client.post(address, {**given, "way": "pigeon"}).status_code == 422
    for _twice in range(2):
        assert client.post(address, given).status_code == 303
    with house():
        (row,) = Handover.objects.filter(decision=signed)
        assert (row.way, row.handed_by_id, row.report.kind) == ("hand", cast.requester.pk, "summary")
    assert audited("decision.hand_over_summary") == [(cast.requester.pk, cast.organiser.pk, "ok")]
    Person.objects.filter(pk=cast.requester.pk).update(language="en")
    page = client.get(reverse("meetings:decision", args=[signed.pk])).content.decode()
    assert (address in page, "Handed over on paper" in page) == (True, True)
    listed = client_of(cast.secretary).get(reverse("meetings:deliveries", args=[signed.meeting_id]))
    assert [line.state for line in listed.context["lines"] if line.channel == "handover"] == ["given"]
    assert listed.context["kept"] == 0
    for name, status in (("partner", 403), ("partnersecretary", 404), ("outsider", 404), ("datamanager", 404)):
        assert client_of(cast.members[name]).get(address).status_code == status, name
        assert client_of(cast.members[name]).post(address, given).status_code == status, name
    # Closed again when it is taken back; that it was given stays.
    inform(cast.requester, signed, version=1, informed=False)
    assert client.post(address, {**given, "command_id": new_id(), "handover_id": new_id()}).status_code == 422
    with house():
        assert Handover.objects.count() == 1


def test_words_that_changed_are_not_given_as_they_were(cast: Cast, signed: Decision) -> None:
    """Until the worker made the new summary, the one before it is neither opened nor noted as given, nor counted among those to give."""
    client, address = client_of(cast.requester), reverse("meetings:summary", args=[signed.pk])
    deliveries = reverse("meetings:deliveries", args=[signed.meeting_id])

    def offered() -> tuple[int, bool, bool, int]:
        handing = client.get(reverse("meetings:handover", args=[signed.pk])).context["made"]
        shown = client.get(reverse("meetings:decision", args=[signed.pk])).content.decode()
        kept = client_of(cast.secretary).get(deliveries).context["kept"]
        return client.get(address).status_code, handing, f'"{address}' in shown, kept

    inform(cast.requester, signed, words="Alte Worte.")
    make_all()
    assert offered() == (200, True, True, 1)
    inform(cast.requester, signed, version=1, words="Neue Worte.")
    assert offered() == (404, False, False, 0)
    with pytest.raises(RuleBroken):
        call(hand_over_summary, cast.requester, decision_id=signed.pk, handover_id=new_id(), way="hand")
    make_all()
    assert offered() == (200, True, True, 1)
    assert "Neue Worte." in pdf_text(client.get(address))
    call(hand_over_summary, cast.requester, decision_id=signed.pk, handover_id=new_id(), way="hand")
    with house():
        assert Handover.objects.get().report.statement.number == 2  # type: ignore[union-attr]


def test_the_summary_holds_plain_sentences_and_no_text_about_the_patient(cast: Cast, signed: Decision) -> None:
    inform(cast.requester, signed, words="Wir rufen Sie an.")
    make_all()
    text = text_of(stored(Report.objects.get(kind="summary")))
    for words in ("Vandersmissen", step_sentence("surgery", "de"), step_sentence("radiotherapy", "de"),
                  intent_sentence("curative", "de"), "dr. Els Chair", "8. Januar 2027", "Wir rufen Sie an.",
                  cast.requester.person.last_name):  # fmt: skip
        assert words in text
    assert SECRET not in text


def test_every_kind_of_step_and_aim_has_its_sentence_in_every_language() -> None:
    from cases.dossiers.board_kinds import board_kinds

    kinds = list(board_kinds())
    steps = {code for kind in kinds for code, _words in kind.choices("steps", "en")}
    intents = {code for kind in kinds for code, _words in kind.choices("intents", "en")}
    assert {each.code for each in plain_words().steps} >= steps
    assert {each.code for each in plain_words().intents} >= intents
    for language in LANGUAGES:
        assert len({step_sentence(code, language) for code in steps}) == len(steps)
    assert step_sentence("unheard-of", "en") == step_sentence("other", "en")
    assert intent_sentence("", "en") == ""


def test_the_summary_is_there_as_docx_in_the_patients_language(cast: Cast, signed: Decision) -> None:
    with writing():
        Patient.objects.update(language="fr")
    address = reverse("meetings:summary_docx", args=[signed.pk])
    client = client_of(cast.requester)
    assert client.get(address).status_code == 422  # closed until they know
    inform(cast.requester, signed)
    make_all()
    with house():
        before = list(Report.objects.order_by("pk").values())
    text = docx_text(client.get(address).content)
    assert "Vandersmissen" in text
    assert "Ce qui est recommandé pour vous" in text
    assert SECRET not in text
    with house():
        assert list(Report.objects.order_by("pk").values()) == before
