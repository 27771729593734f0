"""Line ends, control and direction-override characters in every text that somebody types: none of them begins a line of its own in a
mail, a calendar, a message, a sheet or a header, and no page meets a fault.

Walks the models: each text field is typed by somebody (and is filled with `POISON`) or named in `MADE` and `CODES`, so a new one has to be put
somewhere.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from typing import Any

import docx
import openpyxl
import pytest
from django.apps import apps
from django.db import models, transaction
from django.test import Client
from django.urls import reverse
from icalendar import Calendar

from cases.models import Referral
from mdo.directory.models import Person
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from meetings import feeds, mails
from meetings.actions.reporting import make_report
from meetings.delivering import hl7
from meetings.delivering.documents import Document, decision_of
from meetings.delivering.routes import Hl7
from meetings.models import CalendarFeed, Decision, Delivery, DigestLine, Meeting, Report
from meetings.reports.making import made_anew
from tests.architecture.test_routes import OURS, filled, signed_in
from tests.architecture.world import HOUSE, World, make_world
from tests.cast import Cast
from tests.factories import PDF, writing

pytestmark = pytest.mark.slow

POISON = "a\r\nX-Injected: 1\u202e\x07\u2028b"
BEGINS = "X-In"  # with which a line of the shortest ones would begin
LINE_ENDS = re.compile("\r\n|[\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029]")
UNSEEN = set("\u202e\x07\u2028\x0b\x85")

# Fields that the program or another one makes, by name: ids, digests, names of files, what went wrong.
MADE = {
    "content_type", "device", "digest", "edition", "exported_digest", "key", "key_digest", "last_error", "message_id", "name_key", "nonce",
    "occasion", "password", "peer", "previous_digest", "process", "secret_name", "seen", "session", "sha256", "storage_name", "subject",
    "text_digest", "token_digest", "why", "word_name",
}  # fmt: skip
# Codes, and what its form lets in only in one shape: numbers, addresses, names of accounts.
CODES = {
    "call_link", "call_way", "chosen", "client_id", "discipline", "dossier", "email", "enterprise_number", "external_claim", "external_id",
    "holiday_country", "intent", "issuer", "kind", "language", "licence_number", "mail", "means", "national_number", "pacs_address", "phone",
    "postponed_reason", "rule", "rule_set", "service", "time_zone", "user_name", "username",
    "cases.Referral.reason", "meetings.FollowUp.reason", "directory.RecordSystem.authority", "directory.RecordSystem.receiving_facility",
    "directory.RecordSystem.sending_facility",
}  # fmt: skip


def typed() -> list[tuple[type[models.Model], models.Field[Any, Any]]]:
    """Every text field of the three apps that somebody types into."""
    return [
        (model, field)
        for label in ("directory", "cases", "meetings")
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, (models.CharField, models.TextField))
        and not field.choices
        and not field.primary_key
        and field.name not in MADE | CODES
        and f"{model._meta.label}.{field.name}" not in CODES
    ]


# Typed, and in no row of the world: shown on pages alone, or spelt out by a test of their own.
ELSEWHERE = {
    "cases.PreparationNote.text",
    "meetings.CallStay.name",
    "meetings.InformedStatement.informer",
    "meetings.InformedStatement.words",
    "meetings.Remark.text",
    "meetings.Voice.reason",
}


def poison() -> set[str]:
    """Fill every one of these fields of every row; the fields that were filled."""
    filled: set[str] = set()
    with writing():
        for model, field in typed():
            for number, key in enumerate(model._default_manager.values_list("pk", flat=True)):
                room = field.max_length or 1000
                text = POISON[:room] if len(POISON) + 4 > room else f"{POISON} {number}"
                with transaction.atomic():
                    model._default_manager.filter(pk=key).update(**{field.name: text})
                filled.add(f"{model._meta.label}.{field.name}")
        said = {"name": POISON, "discipline": "radiology", "organisation_name": POISON, "role": "member", "times": []}
        Decision.objects.update(
            attendance=[{**said, "person": str(new_id()), "profession": "physician", "organisation": str(new_id())}],
            voices=[{"kind": "dissent", "name": POISON, "discipline": "radiology", "reason": POISON}],
            steps=[{"kind": "surgery", "text": POISON}],
        )
    return filled


def wrong(text: str) -> list[str]:
    """The lines of ours that somebody else began, and the characters that nobody sees."""
    return [line for line in LINE_ENDS.split(text) if line.startswith(BEGINS)] + sorted(UNSEEN & set(text))


@pytest.fixture
def world(cast: Cast) -> World:
    world = make_world(cast)
    filled = poison()
    assert {f"{model._meta.label}.{field.name}" for model, field in typed()} - filled == ELSEWHERE
    return world


def mail_of(world: World, kind: str, **detail: Any) -> Any:
    """A mail of that kind to its reader, as it would leave; nothing is kept."""
    things = world.ours
    meeting = Meeting.objects.select_related("board__organiser").get(pk=things.meeting.pk)
    if kind == "call_in":
        meeting.state = Meeting.State.RUNNING
    reader = Person.objects.get(pk=world.cast.coordinator.pk)
    delivery = Delivery(
        id=new_id(), hospital=things.hospital, meeting=meeting, recipient=reader, kind=kind, occasion="test", detail=detail
    )  # fmt: skip
    delivery.message_id = mails.message_id(delivery.pk)
    return mails.compose(delivery)


def mails_of(world: World) -> Iterator[tuple[str, Any]]:
    things = world.ours
    with writing():
        Referral.objects.filter(pk=things.submitted.pk).update(status="returned")
    with acting(HOUSE, None, "test"):
        item = {"item": str(things.item.pk)}
        yield "invitation", mail_of(world, "invitation", sequence=9)
        yield "guest", mail_of(world, "invitation", sequence=9, **item, **{"as": "guest"})
        yield "cancellation", mail_of(world, "cancellation", sequence=9)
        yield "reports", mail_of(world, "reports", minutes=True, decisions=[str(things.decision.pk)])
        yield "corrected", mail_of(world, "reports", corrected=True, decisions=[str(things.decision.pk)])
        yield "letter", mail_of(world, "reports", letters=[str(things.report.pk)])
        yield "postponed", mail_of(world, "reports", postponed=[str(things.case.pk)])
        yield "returned", mail_of(world, "returned", referral=str(things.submitted.pk), case=str(things.case.pk))
        yield "call_in", mail_of(world, "call_in", **item)
        yield "guest_link", mail_of(world, "guest_link", guest=str(things.invitation.pk))


def digest(world: World) -> Any:
    things = world.ours
    with writing():
        row = Delivery.objects.create(
            hospital=things.hospital, recipient=world.cast.coordinator.person, kind="digest", occasion="x", message_id="<x@x>", due_at=now()
        )  # fmt: skip
        DigestLine.objects.create(
            hospital=things.hospital, meeting=things.decided, person=row.recipient, kind="signature", occasion="rule", delivery=row
        )  # fmt: skip
    with acting(HOUSE, None, "test"):
        return mails.compose(Delivery.objects.select_related("recipient").get(pk=row.pk))


def test_no_text_begins_a_line_in_a_mail_or_its_calendar(world: World) -> None:
    for name, message in [*mails_of(world), ("digest", digest(world))]:
        assert not isinstance(message, str), (name, message)
        raw = message.message()
        headers = [f"{key}: {value}" for part in raw.walk() for key, value in part.items()]
        assert not [key for part in raw.walk() for key in part if key.startswith(BEGINS)], name
        texts = [message.subject, message.body, *map(str, message.to), *headers]
        assert [found for text in texts for found in wrong(text)] == [], name
        assert "X-Injected" in message.body, name  # it was there, in the middle of a line
        for content, _kind in message.alternatives:
            calendar(content, name)


def calendar(content: str, name: str) -> None:
    assert not UNSEEN & set(content), name
    read = Calendar.from_ical(content)
    assert not [each for part in read.walk() for each in part if each.startswith("X-IN")], name
    assert not [line for line in content.split("\r\n") if line.startswith(BEGINS)], name
    assert "\n" not in content.replace("\r\n", ""), name
    assert "\r" not in content.replace("\r\n", ""), name


def test_without_the_cleaning_a_mail_would_have_such_a_line(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control."""
    monkeypatch.setattr(mails, "one_line", lambda text: text)
    with acting(HOUSE, None, "test"):
        message = mail_of(world, "call_in", item=str(world.ours.item.pk))
    assert wrong(message.body)
    assert wrong(message.subject)


def test_no_text_begins_a_line_in_a_calendar_to_subscribe_to(world: World) -> None:
    with writing():
        feed = CalendarFeed.objects.create(person=world.cast.chair.person)
    answer = Client().get(reverse("meetings:feed", args=[feeds.token(feed)]))
    assert answer["Content-Type"].startswith("text/calendar")
    content = answer.content.decode()
    assert "X-Injected" in content.replace("\r\n ", "")
    calendar(content, "feed")


@pytest.mark.parametrize("form", ["MDM^T02", "ORU^R01"])
@pytest.mark.parametrize("charset", ["UNICODE UTF-8", "8859/1"])
def test_no_text_begins_a_segment_or_a_field_of_a_message(world: World, form: Any, charset: Any) -> None:
    with acting(HOUSE, None, "test"):
        decision = decision_of(world.ours.report)
        decision.signed_by, decision.signed_at = Person.objects.get(pk=world.cast.chair.pk), now()
        report = world.ours.report
        document = Document(
            new_id(), report.pk, "case", "nl", decision, Person.objects.get(pk=world.cast.guest.pk), PDF, now()
        )
        message = hl7.message(document, Hl7(address="mllp://hl7.example.org:2575", form=form, charset=charset), now())
    text = message.decode("utf-8" if charset.startswith("UNICODE") else "latin-1")
    segments = text.removesuffix("\r").split("\r")
    expected = ["MSH", "EVN", "PID", "PV1", "TXA", "OBX"] if form == "MDM^T02" else ["MSH", "PID", "OBR", "OBX"]
    assert [segment.split("|")[0] for segment in segments] == expected
    assert "X-Injected" in text
    assert not (UNSEEN | {"\n"}) & set(text)


def test_documents_hold_no_character_that_nobody_sees(world: World) -> None:
    things = world.ours
    with writing():
        minutes = Report.objects.create(
            hospital=things.hospital, kind="minutes", meeting=things.decided, edition="recorded", due_at=now()
        )
    with acting(HOUSE, None, "test"):
        for row in (things.report, minutes):
            make_report(by=HOUSE, report_id=row.pk)
            row.refresh_from_db()
            for language in ("nl", "fr"):
                document = docx.Document(io.BytesIO(made_anew(row, language, as_word=True)))
                text = "".join(node.text or "" for node in document.element.body.iter() if node.tag.endswith("}t"))
                assert "X-Injected" in text, row.kind
                assert not UNSEEN & set(text), row.kind


def sheet(content: bytes) -> list[str]:
    book = openpyxl.load_workbook(io.BytesIO(content))
    return [str(cell.value) for page in book for row in page.iter_rows() for cell in row if cell.value is not None]


def test_no_text_begins_a_row_of_a_sheet(world: World) -> None:
    client = signed_in(world.cast.chair.person)
    found = client.get(reverse("meetings:figures_csv", args=[world.ours.board.pk]))
    text = found.content.decode("utf-8-sig")
    cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=";") for cell in row]
    assert any("X-Injected" in cell for cell in cells)
    assert [each for cell in cells for each in wrong(cell)] == []
    assert [line for line in LINE_ENDS.split(text) if line.startswith(BEGINS)] == []
    cells = sheet(client.get(reverse("meetings:figures_xlsx", args=[world.ours.board.pk])).content)
    assert any("X-Injected" in cell for cell in cells)
    assert [each for cell in cells for each in wrong(cell)] == []


@pytest.mark.parametrize("who", ["chair", "secretary", "requester", "partner", "guest", "admin"])
def test_no_page_meets_a_fault_and_no_header_is_injected(world: World, who: str) -> None:
    client = signed_in(world.cast.members[who].person)
    faults: dict[str, object] = {}
    for route in OURS:
        response = client.get(filled(route, world.ours.ids, world.ours.person))
        injected = [name for name, value in response.items() if name.startswith(BEGINS) or wrong(value)]
        if response.status_code >= 500 or injected:
            faults[str(route)] = (response.status_code, injected)
    assert faults == {}
