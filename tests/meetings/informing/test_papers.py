"""The letter to the GP and the report: what they say, in whose language, with which document inside, and who gets them."""

import json
from io import BytesIO
from typing import Any

from django.urls import reverse
from django.utils import translation
from pypdf import PdfReader

from cases.models import Patient
from mdo.directory.models import Person
from mdo.kernel import clock
from mdo.kernel.models import AuditEntry
from meetings.models import Decision, Delivery, Report
from tests.cast import Cast
from tests.factories import (
    writing,
)
from tests.meetings.acts import by_house
from tests.meetings.informing.acts import SECRET, inform, kinds, letters, sign
from tests.meetings.test_documents_docx import docx_text
from tests.meetings.test_reporting import client_of, make_all, stored
from tests.parts import MailServer


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
