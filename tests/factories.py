"""Rows of care tables for tests, with sensible fictional data. Every value can be given explicitly.

Care tables refuse writes outside of an action and show nothing to nobody: the factories write through `writing()`, a door
of the house's own with the write guard let down. Call them outside of any other door, before `acting_as(...)`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from django.core.files.base import ContentFile
from django.db import connection

from cases.coding import national_number
from cases.dossiers.profile import profile
from cases.models import Case, Document, Grant, Patient, Referral, Tumour
from mdo.directory.models import Board, Organisation, Person
from mdo.kernel.acting import System, acting, current, is_open
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.storage import storage
from meetings.models import AgendaItem, Decision, Lease, Meeting, Topic

BRUSSELS = ZoneInfo("Europe/Brussels")
_HOUSE = System("factory")
_serial = count(1)


@contextmanager
def writing() -> Iterator[None]:
    """Direct writes to care tables, for setting a test up. May be nested; never inside the door of a person."""
    if is_open() and current().actor == _HOUSE:
        yield
        return
    with acting(_HOUSE, None, "work"):
        _guard("factory")
        yield
        _guard("")  # the test's own transaction may go on


def _guard(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mdo.action', %s, true)", [name])


# --- people's data -----------------------------------------------------------------------------------------------------

_GIVEN = ("Annelies", "Maria", "Godelieve", "Fatima", "Christine", "Lutgart", "Hilde", "Rosa", "Marleen", "Zeynep")
_FAMILY = ("Vermeersch", "D'Hondt", "Van den Broeck", "El Amrani", "Desmet", "Claeys", "Öztürk", "Baert", "Lievens")


def insz(birth_date: date, serial: int = 2) -> str:
    """A valid, fictional national number: eleven digits; an even `serial` is a woman's."""
    nine = f"{birth_date:%y%m%d}{serial:03d}"
    return nine + national_number.check_digits(nine, born_from_2000=birth_date.year >= 2000)


def case_data(**changes: Any) -> dict[str, Any]:
    """The case level of a complete breast dossier, canonical; a change of None leaves the answer out."""
    data = {
        "dossier": "breast",
        "version": 1,
        "clinical_summary": "Palpabel knobbeltje links sinds drie weken, geen huidintrekking.",
        "comorbidity": "Arteriële hypertensie, behandeld.",
        "menopause": "post",
        "performance_status": "0",
        "imaging_findings": "Mammografie en echografie: spiculair letsel van 17 mm, BI-RADS 5.",
        "image_references": "MG-104233, US-104234",
        "pathology_findings": "Naaldbiopt B-26-1184: invasief carcinoom NST, graad 2.",
        "wishes": "Wenst een borstsparende behandeling als dat veilig is.",
    }
    return _changed(data, changes)


def tumour_data(**changes: Any) -> dict[str, Any]:
    """The tumour level of a complete breast dossier, canonical; a change of None leaves the answer out."""
    data = {
        "dossier": "breast",
        "version": 1,
        "laterality": "left",
        "topography": "C50.4",
        "incidence_date": "2026-10-12",
        "basis_of_diagnosis": "2",
        "morphology": "8500/3",
        "grade": "2",
        "clinical_tnm": {"edition": "8", "t": "cT1c", "n": "cN0", "m": "cM0"},
        "size_imaging": "17",
        "er_status": "positive",
        "er_percent": 95,
        "pr_status": "positive",
        "pr_percent": 70,
        "her2_ihc": "1+",
        "her2_low": "yes",
        "ki67": 14,
    }
    return _changed(data, changes)


def _changed(data: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**data, **changes}.items() if value is not None}


# --- cases -------------------------------------------------------------------------------------------------------------


def make_patient(hospital: Organisation, **values: Any) -> Patient:
    """A patient of `hospital`, each with another name and a valid number of their own."""
    n = next(_serial)
    values.setdefault("birth_date", date(1940 + n % 55, 1 + n % 12, 1 + n % 28))
    values.setdefault("family_name", _FAMILY[n % len(_FAMILY)])
    values.setdefault("given_name", _GIVEN[n % len(_GIVEN)])
    values.setdefault("sex", Patient.Sex.FEMALE)
    if not values.get("other_identifier"):
        values.setdefault("national_number", insz(values["birth_date"], 2 + 2 * (n % 490)))
    values.setdefault("name_key", f"{values['family_name']} {values['given_name']}".lower())
    values.setdefault("gp_name", "dr. An Lemmens")
    with writing():
        return Patient.objects.create(hospital=hospital, **values)


def make_case(
    hospital: Organisation,
    requester: Person,
    *,
    patient: Patient | None = None,
    tumours: Sequence[Mapping[str, Any]] | None = None,
    **values: Any,
) -> Case:
    """A case of `hospital` with a complete dossier and one tumour; `tumours` gives their data (canonical)."""
    with writing():
        patient = patient or make_patient(hospital)
        values.setdefault("data", case_data())
        values.setdefault("dossier", "breast")
        values.setdefault("dossier_version", values["data"].get("version", 1))
        values.setdefault("created_by", requester)
        case = Case.objects.create(hospital=hospital, patient=patient, requester=requester, **values)
        Tumour.objects.bulk_create(
            Tumour(hospital=hospital, case=case, position=position, data=dict(data), profile=profile(data))
            for position, data in enumerate([tumour_data()] if tumours is None else tumours, start=1)
        )
    return case


def make_document(case: Case, **values: Any) -> Document:
    """A document of `case`; `content` are its bytes (a tiny PDF), stored encrypted."""
    content: bytes = values.pop("content", PDF)
    file_id = new_id()
    values.setdefault("name", "Verslag pathologie.pdf")
    values.setdefault("kind", Document.Kind.PATHOLOGY)
    values.setdefault("content_type", "application/pdf")
    values.setdefault("uploaded_by_id", case.requester_id)
    values.setdefault("pages", 1)
    values.setdefault("size", len(content))
    values.setdefault("sha256", hashlib.sha256(content).hexdigest())
    values.setdefault("storage_name", storage.save(storage.name_for(file_id), ContentFile(content)))
    with writing():
        return Document.objects.create(hospital_id=case.hospital_id, case=case, **values)


def make_referral(
    board: Board,
    hospital: Organisation,
    requester: Person,
    *,
    case: Case | None = None,
    status: str = Referral.Status.SUBMITTED,
    **values: Any,
) -> Referral:
    """A referral to `board` in any status, with a case of its own unless one is given."""
    with writing():
        case = case or make_case(hospital, requester)
        values.setdefault("requested_on", now().date())
        values.setdefault("question", "Voorstel voor lokale behandeling en adjuvante therapie?")
        values.setdefault("reason", "new_diagnosis")
        values.setdefault("informs_patient", str(requester))
        if status != Referral.Status.DRAFT:
            values.setdefault("submitted_at", now())
        if status == Referral.Status.RETURNED:
            values.setdefault("returned_reason", "De HER2-bepaling ontbreekt.")
        return Referral.objects.create(
            hospital=hospital, case=case, board=board, requester=requester, status=status, **values
        )


def make_grant(case: Case, person: Person, **values: Any) -> Grant:
    """An open slot of ten minutes on `case`."""
    values.setdefault("via", Grant.Via.SLOT)
    values.setdefault("source_id", new_id())
    values.setdefault("until", now() + timedelta(minutes=10))
    with writing():
        return Grant.objects.create(hospital_id=case.hospital_id, case=case, person=person, **values)


# --- meetings ----------------------------------------------------------------------------------------------------------


def next_wednesday(at: time = time(14)) -> datetime:
    """The first Wednesday at `at` in Brussels that is four days away or more: whatever day it is, a case handed in now is in time for it."""
    soonest = now().astimezone(BRUSSELS).date() + timedelta(days=4)
    return datetime.combine(soonest + timedelta(days=(2 - soonest.weekday()) % 7), at, BRUSSELS)


def make_meeting(board: Board, *, state: str = Meeting.State.PUBLISHED, **values: Any) -> Meeting:
    """A sitting of `board` on a Wednesday to come at 14:00, or just begun (running), or last week (closed)."""
    moment = now()
    if state == Meeting.State.RUNNING:
        values.setdefault("starts_at", moment - timedelta(minutes=5))
        values.setdefault("started_at", values["starts_at"])
    elif state == Meeting.State.CLOSED:
        values.setdefault("starts_at", moment - timedelta(days=7))
        values.setdefault("started_at", values["starts_at"])
        values.setdefault("closed_at", values["starts_at"] + timedelta(minutes=80))
    values.setdefault("starts_at", next_wednesday())
    values.setdefault("ends_at", values["starts_at"] + timedelta(minutes=90))
    if state not in (Meeting.State.PLANNED, Meeting.State.CANCELLED):
        values.setdefault("published_at", values["starts_at"] - timedelta(days=1))
    with writing():
        return Meeting.objects.create(hospital_id=board.organiser_id, board=board, state=state, **values)


def make_item(meeting: Meeting, referral: Referral | None = None, **values: Any) -> AgendaItem:
    """An item at the end of the agenda: of `referral`, or of a topic. An open one becomes the meeting's current item."""
    with writing():
        if referral is None and "topic" not in values:
            values["topic"] = make_topic(meeting.board)
        values.setdefault("position", meeting.items.count() + 1)
        values.setdefault("minutes", meeting.board.minutes_per_item)
        values.setdefault("hospital_id", referral.hospital_id if referral else meeting.hospital_id)
        state = values.get("state", AgendaItem.State.SCHEDULED)
        if state in (AgendaItem.State.OPEN, AgendaItem.State.DISCUSSED):
            opened = values.setdefault("opened_at", meeting.started_at or now())
            closed = None
            if state == AgendaItem.State.DISCUSSED:
                closed = values.setdefault("closed_at", opened + timedelta(minutes=4))
            spent = [opened.isoformat(), closed.isoformat() if closed else None]
            values.setdefault("open_intervals", [spent])
        if state == AgendaItem.State.POSTPONED:
            values.setdefault("postponed_reason", "pathology_missing")
        item = AgendaItem.objects.create(meeting=meeting, referral=referral, **values)
        if state == AgendaItem.State.OPEN:
            meeting.current_item = item
            meeting.save(update_fields=["current_item"])
    return item


def make_topic(board: Board, **values: Any) -> Topic:
    values.setdefault("title", "Nieuwe wachtlijst voor MRI")
    with writing():
        return Topic.objects.create(hospital_id=board.organiser_id, board=board, **values)


def make_decision(item: AgendaItem, *, state: str = Decision.State.RECORDED, **values: Any) -> Decision:
    """The decision of `item`: a draft, recorded, or signed (its place in the chain has to be given)."""
    case_id = item.referral.case_id if item.referral else None
    values.setdefault("intent", "curative" if case_id else "")
    values.setdefault("steps", [{"kind": "surgery", "text": "Lumpectomie met sentinelprocedure"}] if case_id else [])
    values.setdefault("text", "Borstsparende heelkunde, daarna bespreking van het resectiestuk.")
    if state != Decision.State.DRAFT:
        values.setdefault("recorded_at", now())
    if state == Decision.State.SIGNED:
        values.setdefault("signed_at", now())
    with writing():
        return Decision.objects.create(
            hospital_id=item.hospital_id,
            board_id=item.meeting.board_id,
            meeting=item.meeting,
            item=item,
            case_id=case_id,
            state=state,
            **values,
        )


def make_lease(meeting: Meeting, person: Person, organisation: Organisation, **values: Any) -> Lease:
    """A connection to the room, open since the meeting began."""
    opened = values.setdefault("opened_at", meeting.started_at or now())
    values.setdefault("seen_at", max(now(), opened))
    values.setdefault("process", "factory")
    with writing():
        return Lease.objects.create(meeting=meeting, person=person, organisation=organisation, **values)


PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>endobj\nxref\n0 4\n0000000000 65535 f \n"
    b"0000000009 00000 n \n0000000052 00000 n \n0000000101 00000 n \ntrailer<</Size 4/Root 1 0 R>>\nstartxref\n164\n%%EOF\n"
)
