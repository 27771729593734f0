"""Whether the patient knows: said in rows that stay; the letter to the GP says it, and the summary for the patient waits for it."""

import json
from datetime import date, timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone, translation
from pypdf import PdfReader

from cases.coding.words import LANGUAGES
from cases.models import Patient
from mdo.directory.models import Person
from mdo.kernel import clock
from mdo.kernel.errors import Denied, Invalid, NotFound, Refused, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import chain, informing, waiting
from meetings.actions.informing import hand_over_summary, inform_patient
from meetings.actions.signing import correct_decision, sign_decisions
from meetings.informing import access
from meetings.models import Decision, Delivery, Handover, InformedStatement, Meeting, Report
from meetings.reports.plain import intent_sentence, plain_words, step_sentence
from tests.cast import Cast, Member, acting_as
from tests.factories import (
    make_case,
    make_decision,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    make_topic,
    writing,
)
from tests.meetings.acts import audited, by_house, call, house
from tests.meetings.test_documents_docx import docx_text
from tests.meetings.test_reporting import client_of, make_all, stored, text_of
from tests.parts import MailServer

SECRET = "Zeldzaamheid van de nier"  # free text of the decision, which no patient's summary may hold


@pytest.fixture
def patient(cast: Cast) -> Patient:
    with writing():
        Person.objects.filter(pk=cast.guest.pk).update(language="fr")
    return make_patient(
        cast.organiser, family_name="Vandersmissen", given_name="Rosa", gp=cast.guest.person, gp_name="", language="de"
    )


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    return make_meeting(cast.board, state=Meeting.State.CLOSED)


@pytest.fixture
def decision(cast: Cast, patient: Patient, meeting: Meeting) -> Decision:
    """Recorded, not signed yet: the requester informs the patient."""
    case = make_case(cast.organiser, cast.requester.person, patient=patient)
    referral = make_referral(cast.board, cast.organiser, cast.requester.person, case=case, status="discussed")
    action = {
        "id": str(new_id()),
        "text": SECRET,
        "owner": str(cast.chair.pk),
        "name": "dr. Els Chair",
        "due": "2027-01-08",
    }
    return make_decision(
        make_item(meeting, referral, state="discussed"),
        recorded_by=cast.chair.person,
        text=SECRET,
        steps=[{"kind": "surgery", "text": SECRET}, {"kind": "radiotherapy", "text": ""}],
        agreed={"informs": "requester", "actions": [action]},
    )


def sign(cast: Cast, decision: Decision) -> Decision:
    with house():
        digest = chain.seen(Decision.objects.get(pk=decision.pk))
    call(sign_decisions, cast.coordinator, meeting_id=decision.meeting_id, decisions=[(decision.pk, digest)])
    with house():
        return Decision.objects.select_related("case__patient", "meeting").get(pk=decision.pk)


@pytest.fixture
def signed(cast: Cast, decision: Decision) -> Decision:
    return sign(cast, decision)


def inform(by: Member, decision: Decision, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "decision_id": decision.pk,
        "statement_id": new_id(),
        "version": 0,
        "informed": True,
        "informer": "dr. Mia Maes",
        "informed_on": timezone.localdate(clock.now()),
        "manner": "phone",
        "words": "",
    }
    return call(inform_patient, by, **{**values, **changes})


def kinds(decision: Decision) -> list[tuple[str, str, str]]:
    rows = Report.objects.filter(decision=decision, edition="signed").order_by("created_at", "kind")
    return [(row.kind, row.language, row.state) for row in rows]


def pdf_text(answer: Any) -> str:
    assert answer.status_code == 200
    return text_of(answer.content)


def letters(decision: Decision) -> list[str]:
    rows = Report.objects.filter(decision=decision, kind="letter").exclude(storage_name="").order_by("created_at", "pk")
    return [text_of(stored(row)) for row in rows]


def test_what_is_said_is_kept_and_what_is_taken_back_too(cast: Cast, signed: Decision) -> None:
    done = inform(cast.requester, signed, words="  Alles komt goed uit.  ")
    assert [event.model_dump() for event in done.events] == [
        {
            "meeting_id": signed.meeting_id,
            "item_id": signed.item_id,
            "decision_id": signed.pk,
            "informed": True,
            "version": 1,
        }
    ]
    inform(cast.coordinator, signed, version=1, informed=False, informer="ignored")
    inform(cast.secretary, signed, version=2, informer="dr. An Anders", manner="")
    with house():
        rows = InformedStatement.objects.order_by("number").values_list(
            "number", "informed", "informer", "how", "words"
        )
        assert list(rows) == [
            (1, True, "dr. Mia Maes", "phone", "Alles komt goed uit."),
            (2, False, "", "", ""),
            (3, True, "dr. An Anders", "", ""),
        ]
        assert informing.informed(signed).said
    who = [cast.requester, cast.coordinator, cast.secretary]
    assert audited("decision.inform_patient") == [(each.pk, cast.organiser.pk, "ok") for each in who]
    assert "Alles" not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_no_row_can_be_changed(cast: Cast, signed: Decision) -> None:
    inform(cast.requester, signed)
    with pytest.raises(Exception, match="permission denied"), house(), connection.cursor() as cursor:
        cursor.execute("UPDATE meetings_informedstatement SET informed = false, informer = ''")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"informer": "  "}, "informer"),
        ({"informer": "x" * 201}, "informer"),
        ({"informed_on": None}, "informed_on"),
        ({"informed_on": date(2020, 1, 1)}, "informed_on"),
        ({"informed_on": date(2199, 1, 1)}, "informed_on"),
        ({"manner": "pigeon"}, "manner"),
        ({"words": "x" * 4001}, "words"),
    ],
)
def test_what_is_wrong_is_said_by_field(cast: Cast, signed: Decision, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        inform(cast.requester, signed, **changes)
    assert set(refused.value.errors) == {field}


def test_the_rules(cast: Cast, decision: Decision) -> None:
    with pytest.raises(RuleBroken):
        inform(cast.requester, decision)  # not signed yet
    sign(cast, decision)
    with pytest.raises(RuleBroken):
        inform(cast.requester, decision, informed=False)  # nobody said it
    with pytest.raises(Stale) as stale:
        inform(cast.requester, decision, version=3)
    assert stale.value.current == 0
    inform(cast.requester, decision)
    with pytest.raises(Stale):
        inform(cast.requester, decision)


MAY = {
    "chair": None, "coordinator": None, "secretary": None, "requester": None, "radiologist": None,
    "partner": Denied, "partnersecretary": NotFound, "guest": NotFound, "observer": NotFound, "outsider": NotFound,
    "privacy": NotFound, "admin": NotFound, "datamanager": NotFound,
}  # fmt: skip


def test_who_may_say_it(cast: Cast, signed: Decision) -> None:
    found: dict[str, Any] = {}
    for name, member in cast.members.items():
        try:
            with acting_as(member) as person:
                access.access_decision_for_informing(person, signed.pk)
            found[name] = None
        except Refused as refusal:
            found[name] = type(refusal)
    assert found == MAY


def test_a_topic_has_no_patient(cast: Cast, meeting: Meeting) -> None:
    topic = make_decision(make_item(meeting, topic=make_topic(cast.board), state="discussed"))
    with acting_as(cast.chair) as person:
        with pytest.raises(Denied):
            access.access_decision_for_informing(person, topic.pk)
        for paper in (access.access_letter_of, access.access_summary_of):
            with pytest.raises(NotFound):
                paper(person, topic.pk)


def test_a_draft_is_nothing_to_tell(cast: Cast, decision: Decision) -> None:
    with writing():
        Decision.objects.filter(pk=decision.pk).update(state="draft")
    with acting_as(cast.chair) as person, pytest.raises(NotFound):
        access.access_decision_for_informing(person, decision.pk, lock=False)


def to_inform(member: Member) -> int:
    with acting_as(member) as person:
        return access.visible_to_inform(person).count()


def test_the_requester_is_asked_until_it_was_said(cast: Cast, signed: Decision) -> None:
    assert {name: to_inform(each) for name, each in cast.members.items() if to_inform(each)} == {"requester": 1}
    with acting_as(cast.requester) as person:
        assert waiting.today(person).to_inform == 1
        assert not waiting.today(person).nothing_waits
    page = client_of(cast.requester).get(reverse("meetings:follow_up"))
    assert "Vandersmissen" in page.content.decode()
    inform(cast.requester, signed)
    assert to_inform(cast.requester) == 0
    inform(cast.requester, signed, version=1, informed=False)
    assert to_inform(cast.requester) == 1
    with clock.frozen(clock.now() + informing.ASKED_FOR + timedelta(hours=1)):
        assert to_inform(cast.requester) == 0
    with writing():
        Patient.objects.update(deceased_on=date(2026, 1, 1))
    assert to_inform(cast.requester) == 0


def test_each_reader_gets_their_own_language(cast: Cast, signed: Decision) -> None:
    assert kinds(signed) == [("case", "nl", "waiting"), ("letter", "fr", "waiting")]
    recipients = dict(Report.objects.filter(edition="signed", decision=signed).values_list("kind", "recipient"))
    assert recipients == {"case": cast.requester.pk, "letter": cast.guest.pk}
    make_all()
    inform(cast.requester, signed)
    make_all()
    assert kinds(signed)[2:] == [("letter", "fr", "done"), ("summary", "de", "done")]


def test_the_letter_says_whether_the_patient_knows(cast: Cast, signed: Decision) -> None:
    make_all()
    inform(cast.requester, signed)
    make_all()
    inform(cast.requester, signed, version=1, informed=False)
    make_all()
    first, told, again = letters(signed)
    with translation.override("fr"):
        unsaid = translation.gettext("The patient is not informed yet.")
    assert [unsaid in each for each in (first, told, again)] == [True, False, True]
    assert "dr. Mia Maes" in told
    for text in (first, told, again):
        for words in ("Vandersmissen", cast.guest.person.last_name, SECRET, cast.coordinator.person.last_name):
            assert words in text


def test_a_letter_that_was_overtaken_is_not_made(cast: Cast, signed: Decision) -> None:
    inform(cast.requester, signed)
    inform(cast.requester, signed, version=1, informed=False)
    make_all()
    assert kinds(signed) == [
        ("case", "nl", "done"), ("letter", "fr", "dropped"), ("letter", "fr", "dropped"), ("summary", "de", "dropped"),
        ("letter", "fr", "done"),
    ]  # fmt: skip


def test_without_a_gp_there_is_no_letter_and_a_name_alone_is_enough(cast: Cast, decision: Decision) -> None:
    with writing():
        Patient.objects.update(gp=None, gp_name="")
    sign(cast, decision)
    assert kinds(decision) == [("case", "nl", "waiting")]
    with writing():
        Patient.objects.update(gp_name="dr. Naam Alleen", language="tr")
    inform(cast.requester, decision)
    make_all()
    assert "dr. Naam Alleen" in letters(decision)[0]
    assert kinds(decision)[1:] == [("letter", "nl", "done"), ("summary", "nl", "done")]


def test_a_patient_who_took_part_knows(cast: Cast, decision: Decision) -> None:
    with writing():
        Decision.objects.update(agreed={"informs": "informed"})
    sign(cast, decision)
    make_all()
    assert [kind for kind, _language, _state in kinds(decision)] == ["case", "letter", "summary"]
    assert client_of(cast.requester).get(reverse("meetings:summary", args=[decision.pk])).status_code == 200
    assert to_inform(cast.requester) == 0


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


def correct(cast: Cast, decision: Decision) -> Decision:
    key = new_id()
    call(
        correct_decision, cast.coordinator, decision_id=decision.pk, correction_id=key, version=0, text="Anders.",
        steps=[{"kind": "surgery", "text": ""}], reason="Vergissing",
    )  # fmt: skip
    with house():
        return Decision.objects.get(pk=key)


def test_a_correction_has_to_be_told_anew(cast: Cast, signed: Decision) -> None:
    inform(cast.requester, signed)
    make_all()
    corrected = sign(cast, correct(cast, signed))
    with house():
        known = informing.informed(corrected)
    assert (known.said, known.earlier is not None, known.number) == (False, True, 0)
    assert to_inform(cast.requester) == 1
    make_all()
    with translation.override("fr"):
        words = translation.gettext(
            "Please do not tell the patient about this recommendation until the hospital has done so."
        )
    assert words in letters(corrected)[-1]
    answer = client_of(cast.requester).get(reverse("meetings:summary", args=[corrected.pk]))
    assert answer.status_code == 422
    with pytest.raises(RuleBroken):
        inform(cast.requester, signed, version=1)  # replaced


# --- the summary ---------------------------------------------------------------------------------------------------------


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


# --- the document of FHIR inside of the file ------------------------------------------------------------------------------


def test_report_and_letter_carry_the_document_for_programs(cast: Cast, signed: Decision) -> None:
    inform(cast.requester, signed)
    make_all()
    for kind, language in (("case", "nl"), ("letter", "fr")):
        reader = PdfReader(BytesIO(stored(Report.objects.get(kind=kind, edition="signed", state="done"))))
        (attached,) = reader.attachment_list
        bundle = json.loads(attached.content)
        assert (bundle["resourceType"], bundle["type"], bundle["language"]) == ("Bundle", "document", language)
        assert {each["resource"]["resourceType"] for each in bundle["entry"]} >= {"Composition", "CarePlan", "Patient"}
        root: Any = reader.trailer["/Root"]
        (file,) = (each.get_object() for each in root["/AF"])
        assert (file["/AFRelationship"], file["/EF"]["/F"]["/Subtype"]) == ("/Alternative", "/application/fhir+json")
    summary = PdfReader(BytesIO(stored(Report.objects.get(kind="summary"))))
    assert list(summary.attachment_list) == []


def test_a_draft_carries_none(cast: Cast, decision: Decision) -> None:
    with writing():
        Report.objects.create(
            hospital=cast.organiser,
            kind="case",
            meeting=decision.meeting,
            decision=decision,
            edition="recorded",
            due_at=clock.now(),
        )
    make_all()
    assert list(PdfReader(BytesIO(stored(Report.objects.get()))).attachment_list) == []


def test_report_and_letter_are_there_as_docx(cast: Cast, signed: Decision) -> None:
    make_all()
    client = client_of(cast.requester)
    for name in ("report", "letter"):
        answer = client.get(reverse(f"meetings:{name}_docx", args=[signed.pk]))
        assert (
            answer["Content-Disposition"] == f'attachment; filename="{name}-{signed.meeting.starts_at:%Y-%m-%d}.docx"'
        )
        assert "Vandersmissen" in docx_text(answer.content)
    with writing():
        Report.objects.update(word_name="")  # as reports were before
    assert client.get(reverse("meetings:report_docx", args=[signed.pk])).status_code == 404
    assert client.get(reverse("meetings:report", args=[signed.pk])).status_code == 200


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


# --- who gets which paper ------------------------------------------------------------------------------------------------

PAPERS = {
    "chair": (200, 200), "coordinator": (200, 200), "secretary": (200, 200), "requester": (200, 200),
    "radiologist": (200, 200), "partner": (403, 403), "partnersecretary": (404, 404), "observer": (404, 404),
    "guest": (404, 404), "outsider": (404, 404), "privacy": (404, 404), "admin": (404, 404),
    "datamanager": (404, 404),
}  # fmt: skip


def test_who_gets_which_paper(cast: Cast, signed: Decision) -> None:
    inform(cast.requester, signed)
    make_all()
    for end in ("", "_docx"):
        paths = [reverse(f"meetings:{name}{end}", args=[signed.pk]) for name in ("letter", "summary")]
        found = {
            name: tuple(client_of(each).get(path).status_code for path in paths) for name, each in cast.members.items()
        }
        assert found == PAPERS


def test_the_gp_reads_the_letter_about_the_own_patient(cast: Cast, signed: Decision) -> None:
    make_all()
    letter = Report.objects.get(kind="letter")
    address = reverse("meetings:letter_to_gp", args=[letter.pk])
    found = {name: client_of(each).get(address).status_code for name, each in cast.members.items()}
    assert found == {**dict.fromkeys(cast.members, 404), "guest": 200}
    reads = AuditEntry.objects.filter(action="letter.read", actor_id=cast.guest.pk)
    assert [(each.object_id, each.hospital_id) for each in reads] == [(letter.pk, cast.organiser.pk)]
    other = Report.objects.get(kind="case", edition="signed")
    assert client_of(cast.guest).get(reverse("meetings:letter_to_gp", args=[other.pk])).status_code == 404
    with writing():
        Patient.objects.update(gp=None, gp_name="dr. Anders")
    assert client_of(cast.guest).get(address).status_code == 404  # the patient is theirs no more


def test_a_gp_with_an_account_hears_of_it_without_a_name(cast: Cast, signed: Decision, smtp: MailServer) -> None:
    from meetings.actions.mailing import deliver

    make_all()
    row = Delivery.objects.get(recipient=cast.guest.person)
    letter = Report.objects.get(kind="letter")
    assert row.detail == {"letters": [str(letter.pk)]}
    by_house(deliver, delivery_id=row.pk)
    (mail,) = smtp.messages
    words = f"{mail['Subject']} {mail.get_content()}"
    assert reverse("meetings:letter_to_gp", args=[letter.pk]) in words
    for canary in ("Vandersmissen", "Rosa", SECRET):
        assert canary not in words


def test_a_gp_without_an_account_gets_no_mail(cast: Cast, decision: Decision) -> None:
    with writing():
        Person.objects.filter(pk=cast.guest.pk).update(password="!")
    sign(cast, decision)
    make_all()
    assert not Delivery.objects.filter(recipient=cast.guest.person).exists()


# --- the page ------------------------------------------------------------------------------------------------------------


def test_the_page_says_it_in_two_steps_and_keeps_what_was_typed(cast: Cast, signed: Decision) -> None:
    client, address = client_of(cast.requester), reverse("meetings:informed", args=[signed.pk])
    page = client.get(reverse("meetings:decision", args=[signed.pk])).content.decode()
    assert address in page
    assert reverse("meetings:summary", args=[signed.pk]) not in page
    form = client.get(address).context["form"]
    assert form.initial["informer"] == cast.requester.person.display_name
    sent = {name: form[name].value() for name in form.fields}
    wrong = client.post(address, {**sent, "informer": "", "words": "Blijft staan"})
    assert (wrong.status_code, "Blijft staan" in wrong.content.decode()) == (422, True)
    done = client.post(address, {**sent, "words": "Tot maandag."})
    assert done.status_code == 303
    late = client.post(address, {**sent, "statement_id": new_id(), "command_id": new_id(), "words": "Te laat"})
    assert (late.status_code, "Te laat" in late.content.decode()) == (409, True)
    make_all()
    page = client.get(reverse("meetings:decision", args=[signed.pk])).content.decode()
    assert reverse("meetings:summary", args=[signed.pk]) in page
    assert "Tot maandag." in page
    again = {"command_id": new_id(), "statement_id": new_id(), "version": 1, "taken_back": "true"}
    assert client.post(address, again).status_code == 303
    with house():
        assert not informing.informed(signed).said


@pytest.mark.parametrize("name", ["informed", "handover"])
def test_each_page_that_draws_the_patient_leaves_a_trace(cast: Cast, signed: Decision, name: str) -> None:
    """A read row for each look, as the decision's own page writes one; none for whoever is refused."""
    assert signed.case is not None
    address = reverse(f"meetings:{name}", args=[signed.pk])
    for _twice in range(2):
        page = client_of(cast.secretary).get(address)
        assert (page.status_code, "Vandersmissen" in page.content.decode()) == (200, True)
    assert client_of(cast.partner).get(address).status_code == 403
    read = AuditEntry.objects.filter(action="decision.read").values_list(
        "actor_id", "object_id", "hospital_id", "patient_id", "outcome"
    )
    assert list(read) == [(cast.secretary.pk, signed.pk, cast.organiser.pk, signed.case.patient_id, "ok")] * 2


def test_the_page_is_no_dead_end(cast: Cast, signed: Decision) -> None:
    """Saved, back, other words, saved: refused once, then it can be saved. The same for handing over, and for taking back what somebody else
    took back already."""

    def sent(page: Any) -> dict[str, Any]:
        form = page.context["form"]
        values = {name: form[name].value() for name in form.fields}
        return {name: "" if value is None else value for name, value in values.items()}

    client, address = client_of(cast.requester), reverse("meetings:informed", args=[signed.pk])
    first = sent(client.get(address))
    assert client.post(address, {**first, "words": "Erst."}).status_code == 303
    refused = client.post(address, {**first, "words": "Dann."})
    assert (refused.status_code, sent(refused)["words"]) == (409, "Dann.")
    assert client.post(address, sent(refused)).status_code == 303
    with house():
        assert informing.informed(signed).statement.words == "Dann."  # type: ignore[union-attr]
    make_all()
    giving = reverse("meetings:handover", args=[signed.pk])
    first = {**sent(client.get(giving)), "way": "hand"}
    assert client.post(giving, first).status_code == 303
    refused = client.post(giving, {**first, "way": "post"})
    assert refused.status_code == 409
    assert client.post(giving, sent(refused)).status_code == 303
    with house():
        assert sorted(Handover.objects.values_list("way", flat=True)) == ["hand", "post"]
    again = client.get(address).context["again"]
    late = {name: again[name].value() for name in again.fields}
    inform(cast.secretary, signed, version=2, words="Schon anders.")
    refused = client.post(address, {**late, "taken_back": "true"})
    assert (refused.status_code, bool(refused.context["errors"])) == (409, True)
    shown = sent(refused)
    assert (shown["words"], shown["version"], shown["informer"]) == ("Schon anders.", 3, "dr. Mia Maes")
    assert client.post(address, {**shown, "words": "Zuletzt."}).status_code == 303
    broken = client.post(address, {"taken_back": "true"})
    assert (broken.status_code, bool(broken.context["errors"])) == (422, True)


@pytest.mark.parametrize(
    ("agreed", "name"),
    [
        ({"informs": "gp"}, "guest"),
        ({"informs": "coordinator"}, "coordinator"),
        ({}, "requester"),
        ({"informs": "nurse"}, ""),
        ({"informs": "other", "informs_who": "zr. Ann"}, "zr. Ann"),
    ],
)
def test_who_is_proposed(cast: Cast, decision: Decision, agreed: dict[str, str], name: str) -> None:
    with writing():
        Decision.objects.update(agreed=agreed)
    sign(cast, decision)
    with acting_as(cast.chair) as person:
        found = informing.informer(access.access_decision_for_informing(person, decision.pk))
    assert found == (cast.members[name].person.display_name if name in cast.members else name)
