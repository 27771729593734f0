"""Reports by the routes of their hospital: ordered as rows in the action that makes a signed report, sent by the worker, put right by people.

A row is one report by one route to one recipient. What no attempt brings (a number, an address) is given up at once, by its code, and
stands on the page until somebody fills it in.
"""

from collections.abc import Sequence
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from mdo.directory import access as directory
from mdo.directory.models import Person
from mdo.kernel import work
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, granted, note
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from mdo.kernel.storage import storage
from meetings import informing
from meetings.delivering import access, fhir, folder, hl7, routes
from meetings.delivering.documents import Document, addressee, control_id, decision_of, document_of, recipient_of
from meetings.delivering.faults import MISSING, Missing
from meetings.events import DeliveryMade
from meetings.models import Decision, Dispatch, Meeting, Report, Route
from meetings.models.dispatch import Channel, Role
from meetings.waking import HAND_OVER, wake

State = work.State
SIGNED = "signed"
REPLACED, TWICE, BY_HAND = "replaced", "ordered already", "by_hand"  # why a row was dropped
NO_FILE = "no_file"


# --- ordering, inside the action that makes the report ------------------------------------------------------------------


def order(meeting: Meeting, report: Report) -> None:
    """Order a signed report by every active route of its hospital that takes its kind, and to everybody to whom the version that it
    replaces was ordered. What was ordered before stays one row; letters on paper that it outdates are dropped."""
    decision = report.decision
    if report.edition != SIGNED or decision is None or decision.case_id is None:
        return
    if decision.state == Decision.State.REPLACED:  # a report that was made late: nobody gets it
        return
    drop_letters(decision)
    taking = Route.objects.filter(hospital=report.hospital_id, active=True, kinds__contains=[report.kind])
    asked: list[tuple[Route, str, Person | None]] = [
        (route, role, None)
        for route in taking.order_by("pk")
        for role in routes.roles(route.channel, report.kind, route.recipients)
    ]
    if decision.replaces_id is not None:
        before = Dispatch.objects.filter(report__decision=decision.replaces_id, report__kind=report.kind)
        told = before.filter(Q(role=Role.RECORD) | Q(recipient__isnull=False)).select_related("route", "recipient")
        asked += [(each.route, each.role, each.recipient) for each in told.order_by("created_at", "pk")]
    if not asked:
        return
    whole, at = decision_of(report), now()
    rows: dict[tuple[UUID, object], Dispatch] = {}
    for route, role, known in asked:
        row = Dispatch(
            id=new_id(),
            hospital_id=report.hospital_id,
            route=route,
            channel=route.channel,
            meeting=meeting,
            report=report,
            role=role,
            recipient=known,
            due_at=at,
            created_at=at,
        )
        missing = _missing(row, route, whole)
        if missing:
            row.state, row.last_error, row.done_at = State.GIVEN_UP, missing, at
        rows.setdefault((route.pk, row.recipient_id or role), row)
    Dispatch.objects.bulk_create(rows.values(), ignore_conflicts=True)
    wake(HAND_OVER)


def drop_letters(decision: Decision) -> None:
    """Letters on paper that wait and hold no longer: of the version that a signed ``decision`` replaces, and of it what was written before
    something newer was said of the patient. The worker sees to the other channels when it comes to send. Inside an action."""
    said = informing.newest([decision.pk]).get(decision.pk)
    old = Q(report__decision=decision.pk, report__kind__in=informing.TELLING) & ~Q(report__statement=said)
    if decision.replaces_id is not None:
        old |= Q(report__decision=decision.replaces_id)
    waiting = Dispatch.objects.filter(old, channel=Channel.PAPER, state=State.WAITING)
    waiting.update(state=State.DROPPED, done_at=now(), leased_until=None, last_error=REPLACED)


def _replaced(row: Dispatch) -> bool:
    """Whether something newer took the place of what a row holds: a version of the decision, or what was said of the patient."""
    report = row.report
    if report is None or report.decision is None:
        return False
    return report.decision.state == Decision.State.REPLACED or informing.outdated(report)


def _missing(row: Dispatch, route: Route, decision: Decision) -> str:
    """The code of what keeps a delivery from going out; empty, with its recipient on the row, when nothing does."""
    if not route.active:
        return "route_off"
    try:
        known = row.recipient or (addressee(row.report) if row.report else None)
        row.recipient = recipient_of(row.channel, row.role, known, decision)
    except Missing as missing:
        return missing.code
    return ""


# --- sending, by the worker ---------------------------------------------------------------------------------------------


@action("dispatch.send", row="system")
def send_dispatch(*, by: Actor, dispatch_id: UUID) -> tuple[Event, ...]:
    """Send one report by its route. Effects: the row is done; or given up at once where something is missing that no attempt brings; or
    dropped where something newer took its place. A row that is not waiting, and a letter on paper, is left alone. Raises ``NotTaken``: the
    caller puts the row back. Killed after sending and before the commit, the same ids go out again.
    """
    directory.require_system(by)
    rows = Dispatch.objects.select_for_update(of=("self",))
    row = rows.select_related("route__hospital", "hospital", "report__decision", "recipient").get(pk=dispatch_id)
    granted("system", hospital_id=row.hospital_id)
    note(dispatch_id=str(row.pk), channel=row.channel, role=row.role, report_id=str(row.report_id or ""))
    if row.state != State.WAITING or row.channel == Channel.PAPER:
        return ()
    if _replaced(row):
        return _drop(row, REPLACED)
    try:
        if not row.route.active and not row.trial:
            raise Missing("route_off")
        document = document_of(row)
    except Missing as missing:
        note(missing=missing.code)
        work.give_up(row, missing.code)
        return ()
    if not _keep_recipient(row, document.recipient):
        return _drop(row, TWICE)
    _send(row, document)
    work.done(row)
    return (DeliveryMade(meeting_id=row.meeting_id, delivery_id=row.pk),) if row.meeting_id else ()


def _drop(row: Dispatch, why: str) -> tuple[Event, ...]:
    note(dropped=why)
    work.dropped(row, why)
    return ()


def _keep_recipient(row: Dispatch, recipient: Person | None) -> bool:
    """Write down to whom it goes; whether it may, since the same may have been ordered for them already."""
    if row.trial or recipient is None or recipient.pk == row.recipient_id:
        return True
    same = Dispatch.objects.filter(report=row.report, route=row.route_id, recipient=recipient, trial=False)
    if same.exclude(pk=row.pk).exists():
        return False
    row.recipient = recipient
    row.save(update_fields=["recipient"])
    return True


def _send(row: Dispatch, document: Document) -> None:
    settings = routes.SHAPES[row.channel].model_validate(row.route.settings)
    match settings:
        case routes.Hl7():
            note(control_id=control_id(row.pk))
            hl7.send(document, settings)
        case routes.Fhir():
            fhir.send(document, settings, _secret(row.route))
        case routes.EHealthBox():
            folder.lay_down(routes.folder_of(settings.folder), row.pk, document.body, folder.about(document))
        case _:  # paper is nobody's here
            raise AssertionError(row.channel)


def _secret(route: Route) -> str:
    if not route.secret_name:
        return ""
    with storage.open(route.secret_name) as file:
        return bytes(file.read()).decode()


# --- by people ----------------------------------------------------------------------------------------------------------


@action("dispatch.retry", row="deliver")
def retry_dispatch(*, by: Actor, dispatch_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Try again what failed or was given up. Effects: it is due at once, as if it had never been tried; a letter waits to be printed; dropped
    where something newer took its place.

    Refused: ``NotFound``, ``Denied``; what is sent, dropped or sent by hand already; what is missing still, in words.
    """
    row = access.access_dispatch_for_delivering(by, dispatch_id)
    if row.state not in (State.WAITING, State.GIVEN_UP):
        raise RuleBroken(_("This does not wait any more."))
    assert row.report is not None
    if _replaced(row):
        return _drop(row, REPLACED)
    if Route.objects.filter(
        pk=row.route_id, active=False
    ).exists():  # of another hospital, that is for the worker to see
        raise RuleBroken(str(MISSING["route_off"]))
    try:
        known = row.recipient or addressee(row.report)
        recipient = recipient_of(row.channel, row.role, known, decision_of(row.report))
    except Missing as missing:
        raise RuleBroken(str(MISSING[missing.code])) from None
    if not _keep_recipient(row, recipient):
        return _drop(row, TWICE)
    work.retry(row)
    wake(HAND_OVER)
    return ()


@action("dispatch.mark", row="deliver")
def mark_dispatches(
    *, by: Actor, meeting_id: UUID, dispatch_ids: Sequence[UUID], sent: bool, command_id: UUID
) -> tuple[Event, ...]:
    """Say that letters were sent, and what was given up was sent in another way; or take that back (``sent`` false).

    Effects: letters are done, the others dropped as sent by hand; taken back, they wait anew, a letter to be printed, the others to be sent at
    once, or are dropped where something newer took their place. Refused: ``NotFound`` (also for ids of another meeting or hospital),
    ``Denied``, and what does not stand so that this can be said of it.
    """
    rows = _access_dispatches(by, meeting_id, dispatch_ids)
    for row in rows:
        if not (_may_be_marked(row) if sent else _was_marked(row)):
            raise RuleBroken(_("This stands otherwise by now. Look again."))
    for row in rows:
        if not sent and _replaced(row):
            work.dropped(row, REPLACED)
        elif not sent:
            work.retry(row)
        elif row.channel == Channel.PAPER:
            work.done(row)
        else:
            work.dropped(row, BY_HAND)
    note(dispatches=[str(row.pk) for row in rows], sent=sent)
    if not sent:
        wake(HAND_OVER)
    return ()


@action("dispatch.lose", row="deliver")
def lose_letters(*, by: Actor, meeting_id: UUID, dispatch_ids: Sequence[UUID]) -> tuple[Event, ...]:
    """Letters whose file could not be read when they were to be printed. Effects: those that wait are given up, so that they stand among the
    deliveries until somebody looks, and the others can be printed. Refused: ``NotFound`` (also for ids of another meeting or hospital),
    ``Denied``.
    """
    rows = _access_dispatches(by, meeting_id, dispatch_ids)
    lost = [row for row in rows if row.channel == Channel.PAPER and row.state == State.WAITING]
    for row in lost:
        work.give_up(row, NO_FILE)
    note(dispatches=[str(row.pk) for row in lost], missing=NO_FILE)
    return ()


def _access_dispatches(by: Actor, meeting_id: UUID, dispatch_ids: Sequence[UUID]) -> list[Dispatch]:
    """Deliveries of one meeting, locked, in one order. Raises ``NotFound`` (also where one of them is of another meeting or hospital) and
    ``Denied``."""
    meeting, of = access.access_meeting_for_delivering(by, meeting_id)
    found = access.visible_dispatches(meeting, of).select_for_update(of=("self",)).select_related("report__decision")
    rows = list(found.filter(pk__in=dispatch_ids).order_by("pk"))
    if not rows or len(rows) != len(set(dispatch_ids)):
        raise NotFound()
    return rows


def _may_be_marked(row: Dispatch) -> bool:
    return row.state == State.GIVEN_UP or (row.channel == Channel.PAPER and row.state == State.WAITING)


def _was_marked(row: Dispatch) -> bool:
    by_hand = row.state == State.DROPPED and row.last_error == BY_HAND
    return by_hand or (row.channel == Channel.PAPER and row.state == State.DONE)
