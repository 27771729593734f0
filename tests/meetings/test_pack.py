"""The paper pack: who gets it, what is in it, that nobody reads it without the passphrase, and that every case in it was written down."""

from io import BytesIO
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image
from pypdf import PdfReader

from cases.models import Document
from mdo.directory.models import Person
from mdo.kernel.models import AuditEntry
from mdo.kernel.storage import storage
from meetings.models import Meeting
from meetings.reports import packing
from tests.cast import Cast, Member
from tests.factories import (
    make_case,
    make_document,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    make_topic,
    writing,
)

PHRASE = packing.new_passphrase()


def client_of(member: Member) -> Client:
    """This member at a browser, reading English."""
    Person.objects.filter(pk=member.pk).update(language="en")
    client = Client()
    client.force_login(member.person)
    return client


def address(meeting: Meeting) -> str:
    return reverse("meetings:pack", args=[meeting.pk])


def named(cast: Cast, family: str, hospital: Any = None) -> tuple[Any, UUID]:
    hospital = hospital or cast.organiser
    patient = make_patient(hospital, family_name=family, given_name="Rosa")
    case = make_case(hospital, cast.requester.person, patient=patient)
    return make_referral(cast.board, hospital, cast.requester.person, case=case, status="scheduled"), case.pk


@pytest.fixture
def table(cast: Cast) -> tuple[Meeting, list[UUID]]:
    meeting = make_meeting(cast.board)
    first, case = named(cast, "D'Hondt-Ó Súilleabháin")
    second, other = named(cast, "Vermeulen", cast.partner_hospital)
    for referral in (first, second):
        make_item(meeting, referral)
    make_item(meeting, topic=make_topic(cast.board))
    picture = BytesIO()
    Image.new("RGB", (800, 600), "white").save(picture, "PNG")
    make_document(first.case, name="verslag.pdf")
    make_document(first.case, name="foto.png", content=picture.getvalue(), content_type="image/png")
    return meeting, [case, other]


def read(body: bytes, phrase: str = PHRASE) -> str:
    reader = PdfReader(BytesIO(body))
    assert reader.is_encrypted
    assert reader.decrypt(phrase)
    return " ".join(page.extract_text() for page in reader.pages)


def test_everything_is_in_it_and_written_down(cast: Cast, table: tuple[Meeting, list[UUID]]) -> None:
    meeting, cases = table
    answer = client_of(cast.secretary).post(address(meeting), {"passphrase": PHRASE})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer["Content-Disposition"] == f'attachment; filename="pack-{meeting.starts_at:%Y-%m-%d}.pdf"'
    assert "no-store" in answer["Cache-Control"]
    text = read(answer.content)
    for words in ("D'Hondt-Ó Súilleabháin", "Vermeulen", "verslag.pdf (1 page)", "foto.png (1 page)"):
        assert words in text
    rows = AuditEntry.objects.filter(action="case.read", actor_id=cast.secretary.pk)
    assert set(rows.values_list("object_id", flat=True)) == set(cases)
    assert AuditEntry.objects.filter(action="agenda.packed", actor_id=cast.secretary.pk).exists()


def test_nobody_reads_it_without_the_passphrase(cast: Cast, table: tuple[Meeting, list[UUID]]) -> None:
    body = client_of(cast.secretary).post(address(table[0]), {"passphrase": PHRASE}).content
    reader = PdfReader(BytesIO(body))
    assert not reader.decrypt("")
    assert not reader.decrypt(PHRASE + "x")
    for secret in (b"Hondt", b"Vermeulen", PHRASE.encode(), b"verslag.pdf"):
        assert secret not in body


def test_who_gets_it(cast: Cast, table: tuple[Meeting, list[UUID]]) -> None:
    found = {name: client_of(member).get(address(table[0])).status_code for name, member in cast.members.items()}
    may = dict.fromkeys(("chair", "coordinator", "secretary"), 200)
    outside = dict.fromkeys(("outsider", "privacy", "admin", "datamanager", "guest"), 404)
    assert found == {**dict.fromkeys(cast.members, 403), **outside, **may}


@pytest.mark.parametrize("phrase", ["", "short", "x" * 101, "wachtwoord-é-dertien"])
def test_a_passphrase_that_is_none_is_refused_and_kept_in_the_form(
    cast: Cast, table: tuple[Meeting, list[UUID]], phrase: str
) -> None:
    answer = client_of(cast.secretary).post(address(table[0]), {"passphrase": phrase})
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (422, "text/html")
    assert len(answer.context["form"]["passphrase"].errors) == 1
    assert answer.context["form"]["passphrase"].value() == phrase


def test_each_passphrase_is_another(cast: Cast, table: tuple[Meeting, list[UUID]]) -> None:
    client = client_of(cast.secretary)
    proposed = {client.get(address(table[0])).context["form"]["passphrase"].value() for _ in range(3)}
    assert len(proposed) == 3
    assert {len(each) for each in proposed} == {24}


def test_too_much_is_said_and_nothing_sent(
    cast: Cast, table: tuple[Meeting, list[UUID]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "MOST_PAGES", 2)
    answer = client_of(cast.secretary).post(address(table[0]), {"passphrase": PHRASE})
    assert answer.status_code == 422
    assert "too much for one pack" in answer.content.decode()


def test_a_broken_document_is_named_and_holds_nothing_up(cast: Cast, table: tuple[Meeting, list[UUID]]) -> None:
    with writing():
        storage.delete(Document.objects.get(name="foto.png").storage_name)
    text = read(client_of(cast.secretary).post(address(table[0]), {"passphrase": PHRASE}).content)
    assert "foto.png: cannot be printed here" in text
