"""A signed report and routes for it, as the tests of delivery share them."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from cases.models import Patient
from mdo.directory.models import Organisation
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from meetings.actions.dispatching import send_dispatch
from meetings.actions.informing import inform_patient
from meetings.actions.reporting import make_report
from meetings.actions.signing import sign_decisions
from meetings.models import AgendaItem, Decision, Dispatch, Meeting, Report, Route
from tests.cast import Cast
from tests.factories import (
    insz,
    make_case,
    make_decision,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)
from tests.meetings.acts import by_house, call, house
from tests.meetings.test_signing import seen

NAME = "Kanarievogel"


def make_route(hospital: Organisation, channel: str, **values: Any) -> Route:
    values.setdefault("name", f"{channel}")
    values.setdefault("kinds", ["case"])
    if channel in ("ehealthbox", "paper"):
        values.setdefault("recipients", ["gp"])
    with writing():
        return Route.objects.create(hospital=hospital, channel=channel, **values)


def make_closed(cast: Cast, *, gp: bool = True, hospital: Organisation | None = None, **patient: Any) -> Decision:
    """A recorded decision of a closed meeting; the patient's GP is the cast's guest, with licence number and address."""
    hospital = hospital or cast.organiser
    requester = (cast.requester if hospital == cast.organiser else cast.partner).person
    doctor = cast.guest.person
    doctor.licence_number, doctor.postal_address = "11223393140", "Dorpsstraat 1\n9999 Elders"
    doctor.save(update_fields=["licence_number", "postal_address"])
    with house():
        number = f"H-{Patient.objects.count()}"
    patient = {"family_name": NAME, "gp": doctor if gp else None, "record_number": number} | patient
    person = make_patient(hospital, **patient)
    case = make_case(hospital, requester, patient=person)
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    referral = make_referral(cast.board, hospital, requester, case=case, status="discussed")
    item = make_item(meeting, referral, state=AgendaItem.State.DISCUSSED)
    return make_decision(item, recorded_by=cast.chair.person, text=f"{NAME}: heelkunde.\r\nOBX|9|TX|kwaad")


def sign(cast: Cast, decision: Decision) -> list[Report]:
    """Sign it and make what is printed of it; the reports of the case."""
    call(sign_decisions, cast.coordinator, meeting_id=decision.meeting_id, decisions=seen([decision]))
    return [row for row in make(decision) if row.kind == Report.Kind.CASE]


def make(decision: Decision) -> list[Report]:
    """What the worker makes of a signed decision; its reports."""
    with house():
        rows = list(Report.objects.filter(decision=decision, edition="signed").order_by("kind", "created_at"))
    for row in rows:
        by_house(make_report, report_id=row.pk)
    return rows


def tell(cast: Cast, decision: Decision, *, version: int = 0, informed: bool = True, words: str = "") -> None:
    """Say that the patient was informed, or take that back, and make what is printed of it."""
    call(
        inform_patient, cast.secretary, decision_id=decision.pk, statement_id=new_id(), version=version, informed=informed,
        informer="dr. Mia Maes", informed_on=timezone.localdate(now()), words=words,
    )  # fmt: skip
    make(decision)


def rows(**found: Any) -> list[Dispatch]:
    with house():
        return list(Dispatch.objects.filter(**found).select_related("recipient").order_by("created_at", "pk"))


def send(row: Dispatch) -> Dispatch:
    """What the worker does with one row; then the row."""
    by_house(send_dispatch, dispatch_id=row.pk)
    return rows(pk=row.pk)[0]


__all__ = ["NAME", "insz", "make", "make_closed", "make_route", "rows", "send", "sign", "tell"]
