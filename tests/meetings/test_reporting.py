"""After the meeting: reports and minutes are made once, announced by one mail for each person, and served only to the entitled."""

from datetime import timedelta
from email.message import EmailMessage
from io import BytesIO
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pypdf import PdfReader

from cases.models import Referral
from mdo.directory.models import Person
from mdo.kernel import clock
from mdo.kernel.errors import Denied
from mdo.kernel.models import AuditEntry
from mdo.kernel.storage import storage
from meetings import chain
from meetings.actions import sitting
from meetings.actions.mailing import deliver
from meetings.actions.reporting import give_up_report, make_report
from meetings.actions.signing import sign_decisions
from meetings.models import AgendaItem, Decision, Delivery, Meeting, Reminder, Report
from meetings.reminded import manner_of
from tests.cast import Cast, Member, acting_as, seat
from tests.factories import (
    make_case,
    make_decision,
    make_item,
    make_lease,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)
from tests.meetings.acts import audited, by_house, call, house
from tests.meetings.test_documents_docx import docx_text
from tests.parts import MailServer


def case_on(meeting: Meeting, cast: Cast, family: str, hospital: Any = None, requester: Any = None) -> AgendaItem:
    hospital, requester = hospital or cast.organiser, requester or cast.requester.person
    case = make_case(hospital, requester, patient=make_patient(hospital, family_name=family, given_name="Rosa"))
    referral = make_referral(
        cast.board, hospital, requester, case=case, status=Referral.Status.SCHEDULED, question=f"Vraag van {family}?"
    )
    return make_item(meeting, referral)


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    """A running meeting: two decided cases (of the organiser and of the partner), a topic, and one that is not reached."""
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    for member in (cast.chair, cast.radiologist, cast.partner):
        make_lease(meeting, member.person, member.organisation)
    own = case_on(meeting, cast, "Eigenaar")
    partners = case_on(meeting, cast, "Partnerpatient", cast.partner_hospital, cast.partner.person)
    for item in (own, partners):
        present = [
            {
                "person": str(cast.chair.pk),
                "name": cast.chair.person.display_name,
                "profession": "physician",
                "discipline": "surgery",
                "organisation": str(cast.organiser.pk),
                "organisation_name": cast.organiser.name,
                "role": "chair",
                "times": [[meeting.starts_at.isoformat(), None, "video"]],
            }
        ]
        quorum = {"board": {"met": True, "have": 3, "need": 3}, "billing": {"met": False, "have": 2, "need": 4}}
        make_decision(
            item,
            recorded_by=cast.chair.person,
            attendance=present,
            quorum=quorum,
            text=f"Besluit bij item {item.position}.",
        )
        with writing():
            spans = [[meeting.starts_at.isoformat(), clock.now().isoformat()]]
            AgendaItem.objects.filter(pk=item.pk).update(state="discussed", open_intervals=spans)
            Referral.objects.filter(pk=item.referral_id).update(status="discussed")
    make_item(meeting)
    case_on(meeting, cast, "Nietbereikt")
    return meeting


@pytest.fixture
def closed(cast: Cast, meeting: Meeting) -> Meeting:
    call(sitting.close_meeting, cast.chair, meeting_id=meeting.pk)
    return Meeting.objects.get(pk=meeting.pk)


def make_all() -> None:
    with house():
        ids = list(Report.objects.filter(state="waiting").order_by("pk").values_list("pk", flat=True))
    for row_id in ids:
        by_house(make_report, report_id=row_id)


def send_all() -> None:
    with house():
        ids = list(Delivery.objects.filter(state="waiting").order_by("pk").values_list("pk", flat=True))
    for row_id in ids:
        by_house(deliver, delivery_id=row_id)


def text_of(content: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages).split())


def stored(report: Report) -> bytes:
    with storage.open(report.storage_name) as file:
        return bytes(file.read())


def test_closing_orders_reports_minutes_and_a_reminder(cast: Cast, closed: Meeting) -> None:
    rows = Report.objects.order_by("kind", "hospital__name").values_list("kind", "edition", "language", "state")
    assert list(rows) == [
        ("case", "recorded", "nl", "waiting"),
        ("case", "recorded", "nl", "waiting"),
        ("minutes", "recorded", "nl", "waiting"),
    ]
    assert closed.closed_at is not None
    hours = manner_of(closed).hours
    assert dict(Reminder.objects.values_list("kind", "due_at")) == {
        kind: hours.allowed(hours.local(hours.day(closed.closed_at + timedelta(days=days)), hours.send_at))
        for kind, days in (("signature", 2), ("follow_up", 30))
    }


def test_a_report_holds_the_decision_and_nothing_of_another_case(cast: Cast, closed: Meeting) -> None:
    row = Report.objects.get(kind="case", hospital=cast.organiser)
    done = by_house(make_report, report_id=row.pk)
    assert [event.model_dump() for event in done.events] == [
        {"meeting_id": closed.pk, "report_id": row.pk, "edition": "recorded"}
    ]
    row.refresh_from_db()
    content = stored(row)
    text = text_of(content)
    assert (row.state, row.size, len(row.sha256)) == ("done", len(content), 64)
    for words in ("Eigenaar", "Vraag van Eigenaar?", "Besluit bij item 1.", "Lumpectomie", cast.chair.person.last_name):
        assert words in text
    for canary in ("Partnerpatient", "item 2", "Nietbereikt", "Goossens"):
        assert canary not in text
    assert audited("report.make") == [(audited("report.make")[0][0], cast.organiser.pk, "ok")]
    assert by_house(make_report, report_id=row.pk).events == ()
    name = Report.objects.get(pk=row.pk).storage_name
    assert str(row.pk.hex) not in name


def test_the_minutes_hold_everything(cast: Cast, closed: Meeting) -> None:
    row = Report.objects.get(kind="minutes")
    by_house(make_report, report_id=row.pk)
    row.refresh_from_db()
    text = text_of(stored(row))
    for words in (
        "Eigenaar",
        "Partnerpatient",
        "Nietbereikt",
        "Besluit bij item 2.",
        "MRI",
        "Vandecasteele",
        "Goossens",
    ):
        assert words in text


def test_one_mail_for_each_person(cast: Cast, closed: Meeting, smtp: MailServer) -> None:
    make_all()
    found = {
        name: sorted(set(detail) - {"for"})
        for name, detail in Delivery.objects.filter(kind="reports").values_list("recipient__username", "detail")
    }
    assert found == {
        "requester": ["decisions", "postponed"],
        "partner": ["decisions", "minutes"],
        "chair": ["minutes"],
        "coordinator": ["minutes"],
        "secretary": ["minutes"],
        "radiologist": ["minutes"],
        "partnersecretary": ["minutes"],
    }
    send_all()
    assert len(smtp.messages) == 7
    (requesters,) = smtp.to("requester@example.org")
    (partners,) = smtp.to("partner@example.org")
    own = Decision_ids(cast)
    assert (own["organiser"] in body(requesters), own["partner"] in body(requesters)) == (True, False)
    assert (own["organiser"] in body(partners), own["partner"] in body(partners)) == (False, True)
    assert ("minutes.pdf" in body(requesters), "minutes.pdf" in body(partners)) == (False, True)
    for message in smtp.messages:
        for canary in ("Eigenaar", "Partnerpatient", "Nietbereikt", "Lumpectomie", "R.E."):
            assert canary not in f"{message['Subject']} {body(message)}"


def Decision_ids(cast: Cast) -> dict[str, str]:
    with house():
        found = dict(Decision.objects.values_list("hospital__name", "pk"))
    return {"organiser": str(found[cast.organiser.name]), "partner": str(found[cast.partner_hospital.name])}


def body(message: EmailMessage) -> str:
    return str(message.get_content())


def test_a_partner_who_may_not_see_every_item_gets_no_minutes(cast: Cast, closed: Meeting) -> None:
    from mdo.directory.models import Agreement, AgreementBoard, AgreementParty, Person

    # The third hospital has an agreement with the organiser only, so it may not know of the partner's case.
    person = Person.objects.create(
        username="third", first_name="Liesbet", last_name="Coppens", email="third@example.org"
    )
    seat(person, cast.board, cast.third, "member")
    AgreementParty.objects.filter(organisation=cast.third).delete()
    pair = Agreement.objects.create(
        network=cast.network, title="Twee", status="signed", starts_on=(clock.now() - timedelta(days=9)).date()
    )
    AgreementBoard.objects.create(agreement=pair, board=cast.board)
    for organisation in (cast.organiser, cast.third):
        AgreementParty.objects.create(agreement=pair, organisation=organisation, signed_on=pair.starts_on)
    make_all()
    told = set(Delivery.objects.filter(detail__minutes=True).values_list("recipient__username", flat=True))
    assert "third" not in told
    assert "partner" in told
    client = Client()
    client.force_login(person)
    assert client.get(reverse("meetings:minutes", args=[closed.pk])).status_code == 403


def test_the_last_report_announces_even_when_another_was_given_up(cast: Cast, closed: Meeting) -> None:
    rows = list(Report.objects.order_by("kind"))
    for row in rows[:2]:
        by_house(make_report, report_id=row.pk)
    assert not Delivery.objects.filter(kind="reports").exists()
    with writing():
        Report.objects.filter(pk=rows[2].pk).update(state="given_up")
    by_house(give_up_report, report_id=rows[2].pk)
    assert Delivery.objects.filter(kind="reports").count() == 7
    by_house(give_up_report, report_id=rows[2].pk)
    assert Delivery.objects.filter(kind="reports").count() == 7


def test_only_the_house_makes_reports(cast: Cast, closed: Meeting) -> None:
    row = Report.objects.all()[0]
    for action in (make_report, give_up_report):
        with pytest.raises(Denied), acting_as(cast.secretary) as person:
            action(by=person, report_id=row.pk)


# --- who may have the files --------------------------------------------------------------------------------------------

REPORT = {
    # name: (the organiser's case, the partner's case, the minutes)
    "chair": (200, 200, 200),
    "coordinator": (200, 200, 200),
    "secretary": (200, 200, 200),
    "requester": (200, 404, 403),
    "radiologist": (200, 403, 200),  # a member discusses every case and gets the reports of the own hospital
    "partner": (403, 200, 200),
    "partnersecretary": (404, 200, 200),
    "observer": (404, 404, 403),
    "guest": (404, 404, 404),
    "outsider": (404, 404, 404),
    "privacy": (404, 404, 404),
    "admin": (404, 404, 404),
    "datamanager": (404, 404, 404),
}


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member.person)
    return client


def test_who_gets_which_document(cast: Cast, closed: Meeting) -> None:
    make_all()
    ids = Decision_ids(cast)
    paths = [
        reverse("meetings:report", args=[ids["organiser"]]),
        reverse("meetings:report", args=[ids["partner"]]),
        reverse("meetings:minutes", args=[closed.pk]),
    ]
    found = {name: tuple(status(client_of(member), path) for path in paths) for name, member in cast.members.items()}
    assert found == REPORT


def status(client: Client, path: str) -> int:
    answer = client.get(path)
    close(answer)
    return int(answer.status_code)


def close(answer: Any) -> None:
    """Close the file behind an answer, as a server does. Not the answer: that would close the test's database connection."""
    for each in getattr(answer, "_resource_closers", ()):
        each()


def test_how_a_document_is_served(cast: Cast, closed: Meeting) -> None:
    make_all()
    ids = Decision_ids(cast)
    answer: Any = client_of(cast.requester).get(reverse("meetings:report", args=[ids["organiser"]]))
    content = answer.content
    close(answer)
    assert content.startswith(b"%PDF-")
    assert int(answer["Content-Length"]) == len(content)
    assert answer["Content-Disposition"] == f'inline; filename="report-{closed.starts_at:%Y-%m-%d}.pdf"'
    assert ("no-store" in answer["Cache-Control"], answer["X-Content-Type-Options"]) == (True, "nosniff")
    reads = AuditEntry.objects.filter(action="decision.read", actor_id=cast.requester.pk)
    assert [(each.object_id, each.hospital_id) for each in reads] == [
        (next(iter(reads)).object_id, cast.organiser.pk),
    ]


def test_before_it_is_made_there_is_no_document(cast: Cast, closed: Meeting) -> None:
    ids = Decision_ids(cast)
    assert client_of(cast.chair).get(reverse("meetings:report", args=[ids["organiser"]])).status_code == 404
    assert client_of(cast.chair).get(reverse("meetings:minutes", args=[closed.pk])).status_code == 404


def test_a_damaged_file_is_said_to_be_so(cast: Cast, closed: Meeting) -> None:
    make_all()
    row = Report.objects.get(kind="minutes")
    path = storage.path(row.storage_name)
    with open(path, "r+b") as file:
        file.truncate(40)
    assert client_of(cast.chair).get(reverse("meetings:minutes", args=[closed.pk])).status_code == 503


# --- in the reader's language ------------------------------------------------------------------------------------------

SIGNATURE = {"nl": "Handtekening", "fr": "Signature", "de": "Unterschrift", "en": "Signature"}
KEPT = {"fr": "(Nederlands)", "de": "(Nederlands)", "en": "(Nederlands)"}


def speaking(member: Member, language: str) -> Client:
    with writing():
        Person.objects.filter(pk=member.pk).update(language=language)
    return client_of(member)


def rows_of() -> list[dict[str, Any]]:
    with house():
        return list(Report.objects.order_by("pk").values())


@pytest.mark.parametrize("language", ["fr", "de", "en"])
def test_everybody_reads_in_their_own_language(cast: Cast, closed: Meeting, language: str) -> None:
    make_all()
    ids, before = Decision_ids(cast), rows_of()
    client = speaking(cast.coordinator, language)
    for path in (
        reverse("meetings:report", args=[ids["organiser"]]),
        reverse("meetings:minutes", args=[closed.pk]),
    ):
        answer = client.get(path)
        text = text_of(answer.content)
        assert SIGNATURE[language].upper() in text
        assert "Besluit bij item 1." in text  # what was typed stays as it was typed
        assert KEPT[language] in text
        assert f"-{language}.pdf" in answer["Content-Disposition"]
        kept = client.get(f"{path}?language=nl")
        assert kept.content in [stored(row) for row in Report.objects.all()]
        assert f"{closed.starts_at:%Y-%m-%d}.pdf" in kept["Content-Disposition"]
    assert rows_of() == before  # nothing is kept, ordered or numbered anew


def test_another_language_than_the_own_and_none_that_there_is_not(cast: Cast, closed: Meeting) -> None:
    make_all()
    ids = Decision_ids(cast)
    client = client_of(cast.coordinator)
    for name, key in (("report", ids["organiser"]), ("report_docx", ids["organiser"]), ("minutes", closed.pk)):
        path = reverse(f"meetings:{name}", args=[key])
        assert client.get(f"{path}?language=de").status_code == 200
        assert {client.get(f"{path}?language={each}").status_code for each in ("es", "../nl", "nl-BE", "%00")} == {404}
    text = docx_text(client.get(reverse("meetings:report_docx", args=[ids["organiser"]]) + "?language=fr").content)
    assert "Recommandation" in text
    assert KEPT["fr"] in text


def test_who_may_not_have_a_document_gets_it_in_no_language(cast: Cast, closed: Meeting) -> None:
    make_all()
    ids = Decision_ids(cast)
    paths = [
        reverse("meetings:report", args=[ids["organiser"]]),
        reverse("meetings:report", args=[ids["partner"]]),
        reverse("meetings:minutes", args=[closed.pk]),
    ]
    docx = [path.replace(".pdf", ".docx") for path in paths]
    for found in (paths, docx):
        given = {
            name: tuple(client_of(member).get(f"{path}?language=fr").status_code for path in found)
            for name, member in cast.members.items()
        }
        assert given == REPORT
    assert {status(client_of(cast.radiologist), docx[2]), status(client_of(cast.requester), docx[2])} == {200, 403}


def test_of_a_report_of_another_hospital_only_that_case_gets_in(cast: Cast, closed: Meeting) -> None:
    make_all()
    ids = Decision_ids(cast)
    answer = client_of(cast.partner).get(reverse("meetings:report", args=[ids["partner"]]) + "?language=fr")
    text = text_of(answer.content)
    assert "Besluit bij item 2." in text
    for canary in ("Eigenaar", "item 1.", "Nietbereikt"):
        assert canary not in text


def test_the_pages_offer_each_language(cast: Cast, closed: Meeting) -> None:
    make_all()
    ids = Decision_ids(cast)
    client = client_of(cast.coordinator)
    decision = client.get(reverse("meetings:decision", args=[ids["organiser"]])).content.decode()
    agenda = client.get(reverse("meetings:agenda", args=[closed.pk])).content.decode()
    for language in ("nl", "fr", "de", "en"):
        assert f"{reverse('meetings:report', args=[ids['organiser']])}?language={language}" in decision
        assert f"{reverse('meetings:minutes', args=[closed.pk])}?language={language}" in agenda
    assert "zoals verstuurd" not in decision  # a draft
    with house():
        seen = [(each.pk, chain.seen(each)) for each in Decision.objects.filter(pk=ids["organiser"])]
    call(sign_decisions, cast.coordinator, meeting_id=closed.pk, decisions=seen)
    make_all()
    signed = client.get(reverse("meetings:decision", args=[ids["organiser"]])).content.decode()
    assert signed.count("zoals verstuurd") == 1
    assert reverse("meetings:minutes_docx", args=[closed.pk]) in agenda


def test_minutes_as_docx_say_what_the_pdf_says(cast: Cast, closed: Meeting) -> None:
    make_all()
    before = rows_of()
    answer = client_of(cast.coordinator).get(reverse("meetings:minutes_docx", args=[closed.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="minutes-{closed.starts_at:%Y-%m-%d}.docx"'
    text = docx_text(answer.content)
    for words in (
        "Eigenaar",
        "Partnerpatient",
        "Nietbereikt",
        "Besluit bij item 2.",
        "Lumpectomie",
        "MRI",
        "Vandecasteele",
        "(Nederlands)",
    ):
        assert words in text
    assert "{{" not in text
    assert rows_of() == before
