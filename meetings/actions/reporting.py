"""Reports and minutes: ordered when a meeting closes or a decision is signed, made by a worker, announced by one mail for each
person."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.files.base import ContentFile

from cases.models import Case
from mdo.directory import access as directory
from mdo.directory.access import in_office
from mdo.directory.models import BoardRole
from mdo.kernel import work
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, granted, note
from mdo.kernel.clock import now
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from mdo.kernel.storage import storage
from meetings import access, informing
from meetings.actions import dispatching, mailing, reminding
from meetings.events import ReportMade
from meetings.models import AgendaItem, Decision, Delivery, InformedStatement, Meeting, Report
from meetings.reports.making import made
from meetings.waking import wake

RECORDED, SIGNED = "recorded", "signed"
ANNOUNCED = "closed"  # the occasion of the one mail after a meeting


# --- ordering, inside the action that causes it ------------------------------------------------------------------------


def order_reports(meeting: Meeting) -> None:
    """Order the report of each recorded decision and the minutes of the meeting, and the reminder of its signatures. Called
    inside the action that closes it."""
    decisions = Decision.objects.filter(meeting=meeting, state=Decision.State.RECORDED, case__isnull=False)
    _order(meeting, decisions, RECORDED)
    _order_minutes(meeting, RECORDED)
    reminding.plan_reminders_after(meeting)
    wake()


def order_signed(meeting: Meeting, decisions: Iterable[Decision]) -> None:
    """Order the reports of decisions that were just signed and, once none waits for a signature, the minutes. Inside the action
    that signs."""
    of_cases = [each for each in decisions if each.case_id is not None]
    _order(meeting, of_cases, SIGNED)
    _order_for_readers(meeting, of_cases)
    if not Decision.objects.filter(meeting=meeting, state=Decision.State.RECORDED).exists():
        _order_minutes(meeting, SIGNED)
        reminding.drop_reminders(meeting, "signed", "signature")
    for decision in of_cases:
        dispatching.drop_letters(decision)
    wake()


def order_told(decision: Decision, statement: InformedStatement) -> None:
    """Order what says whether the patient was informed. Inside the action that states it."""
    meeting = Meeting.objects.select_related("board").get(pk=decision.meeting_id)
    _order_for_readers(meeting, [decision], statement)
    dispatching.drop_letters(decision)
    wake()


def _order(meeting: Meeting, decisions: Iterable[Decision], edition: str) -> None:
    people = {
        item_id: (requester_id, language)
        for item_id, requester_id, language in AgendaItem.objects.filter(
            meeting=meeting, referral__isnull=False
        ).values_list("pk", "referral__requester", "referral__requester__language")
    }
    _order_rows(
        _row(meeting, decision, Report.Kind.CASE, edition, *people.get(decision.item_id, (None, "nl")))
        for decision in decisions
    )


def _order_for_readers(
    meeting: Meeting, decisions: Sequence[Decision], statement: InformedStatement | None = None
) -> None:
    """The letter to each patient's GP, where one is known, in the GP's language; the summary for the patient, in theirs, once they were
    informed or were there. A GP of whom only the name is known gets the patient's language."""
    ids = [decision.case_id for decision in decisions]
    cases = {each.pk: each for each in Case.objects.filter(pk__in=ids).select_related("patient__gp")}
    otherwise = _language_of(meeting)
    rows = []
    for decision in decisions:
        assert decision.case_id is not None
        patient = cases[decision.case_id].patient
        theirs = patient.language if patient.language in dict(settings.LANGUAGES) else otherwise
        if patient.gp is not None or patient.gp_name:
            language = patient.gp.language if patient.gp else theirs
            rows.append(_row(meeting, decision, Report.Kind.LETTER, SIGNED, patient.gp_id, language, statement))
        if (statement and statement.informed) or informing.took_part(decision):
            rows.append(_row(meeting, decision, Report.Kind.SUMMARY, SIGNED, None, theirs, statement))
    _order_rows(rows)


def _row(
    meeting: Meeting,
    decision: Decision,
    kind: str,
    edition: str,
    recipient_id: UUID | None,
    language: str,
    statement: InformedStatement | None = None,
) -> Report:
    return Report(
        id=new_id(),
        hospital_id=decision.hospital_id,
        kind=kind,
        meeting=meeting,
        decision=decision,
        statement=statement,
        recipient_id=recipient_id,
        edition=edition,
        language=language,
    )


def _order_rows(rows: Iterable[Report]) -> None:
    at, found = now(), list(rows)
    for row in found:
        row.due_at = row.created_at = at
    Report.objects.bulk_create(found, ignore_conflicts=True)


def _order_minutes(meeting: Meeting, edition: str) -> None:
    """The minutes in the language of the board's office; ordered again they are made again (a correction came)."""
    at = now()
    language = _language_of(meeting)
    row = Report.objects.filter(meeting=meeting, kind=Report.Kind.MINUTES, edition=edition, language=language).first()
    if row is None:
        row = Report(
            id=new_id(),
            hospital_id=meeting.hospital_id,
            kind=Report.Kind.MINUTES,
            meeting=meeting,
            edition=edition,
            language=language,
        )
    row.state, row.due_at, row.created_at, row.attempts, row.leased_until = work.State.WAITING, at, at, 0, None
    row.save()


def _language_of(meeting: Meeting) -> str:
    office = [role for role in in_office(meeting.board) if role.organisation_id == meeting.board.organiser_id]
    rank = [BoardRole.Role.SECRETARY, BoardRole.Role.COORDINATOR, BoardRole.Role.CHAIR]
    known = [role for wanted in rank for role in office if role.role == wanted]
    return known[0].person.language if known else "nl"


# --- making, by the worker ---------------------------------------------------------------------------------------------


@action("report.make", row="system")
def make_report(*, by: Actor, report_id: UUID) -> tuple[Event, ...]:
    """Make one report, letter, summary or the minutes as PDF, report and letter also as DOCX. Effects: the file lies encrypted under a random name with its size and hash; when it
    was the last one of a closed meeting, one mail for each person is ordered; a GP with an account hears of their letter; a signed one
    goes out by the routes of its hospital. A row that was
    done is left alone; a letter or summary is dropped where something newer was said since."""
    directory.require_system(by)
    meeting_id = Report.objects.values_list("meeting", flat=True).get(pk=report_id)
    # Under the meeting's lock, so that of two workers one sees that its report is the last.
    meeting = Meeting.objects.select_for_update(of=("self",)).select_related("board__organiser").get(pk=meeting_id)
    rows = Report.objects.select_for_update(of=("self",))
    row = rows.select_related("decision__signed_by", "statement", "recipient").get(pk=report_id)
    granted("system", hospital_id=row.hospital_id)
    note(report_id=str(row.pk), kind=row.kind, edition=row.edition)
    if row.state != work.State.WAITING:
        return ()
    row.meeting = meeting
    if informing.outdated(row):
        work.dropped(row, "something newer was said")
        return ()
    content = made(row, meeting)
    row.storage_name = storage.save(storage.name_for(uuid4()), ContentFile(content.pdf))
    row.word_name = storage.save(storage.name_for(uuid4()), ContentFile(content.word)) if content.word else ""
    row.size, row.sha256 = len(content.pdf), hashlib.sha256(content.pdf).hexdigest()
    row.save(update_fields=["storage_name", "word_name", "size", "sha256"])
    announce(meeting, row, made=True)
    dispatching.order(meeting, row)
    work.done(row)
    return (ReportMade(meeting_id=meeting.pk, report_id=row.pk, edition=row.edition),)


@action("report.give_up", row="system")
def give_up_report(*, by: Actor, report_id: UUID) -> tuple[Event, ...]:
    """A report that could not be made after many attempts no longer holds up the mail about the others."""
    directory.require_system(by)
    meeting_id = Report.objects.values_list("meeting", flat=True).get(pk=report_id)
    meeting = Meeting.objects.select_for_update(of=("self",)).select_related("board__organiser").get(pk=meeting_id)
    row = Report.objects.select_related("decision").get(pk=report_id)
    granted("system", hospital_id=row.hospital_id)
    note(report_id=str(row.pk))
    announce(meeting, row, made=False)
    return ()


def announce(meeting: Meeting, row: Report, *, made: bool) -> None:
    """Order the mail that a report gives rise to: of a correction at once, of a meeting when its last report is there."""
    decision = row.decision
    if made and row.kind == Report.Kind.LETTER:
        _announce_letter(meeting, row)
    corrected = row.kind == Report.Kind.CASE and decision is not None and decision.replaces_id is not None
    if made and row.edition == SIGNED and corrected and decision is not None:
        _announce_correction(meeting, decision)
    if row.edition != RECORDED:
        return
    waiting = Report.objects.filter(meeting=meeting, edition=RECORDED, state=work.State.WAITING).exclude(pk=row.pk)
    if waiting.exists():
        return
    people = _outcomes(meeting)
    for person_id, organisation_id in entitled_to_minutes(meeting).items():
        detail = people.setdefault(person_id, {})
        detail["minutes"] = True
        detail.setdefault("for", str(organisation_id))
    mailing.order(Delivery.Kind.REPORTS, people, meeting=meeting, hospital_id=meeting.hospital_id, occasion=ANNOUNCED)


def _announce_letter(meeting: Meeting, row: Report) -> None:
    """To a GP with an account; the others get the letter itself, on another way."""
    if row.recipient is None or not row.recipient.has_usable_password():
        return
    people = {row.recipient.pk: {"letters": [str(row.pk)]}}
    mailing.order(
        Delivery.Kind.REPORTS,
        people,
        meeting=meeting,
        hospital_id=row.hospital_id,
        occasion=f"letter:{row.pk.hex[-24:]}",
    )


def _announce_correction(meeting: Meeting, decision: Decision) -> None:
    item = AgendaItem.objects.select_related("referral").get(pk=decision.item_id)
    assert item.referral is not None  # a topic has no report
    corrected: dict[str, Any] = {"decisions": [str(decision.pk)], "corrected": True}
    people = {item.referral.requester_id: {**corrected, "for": str(decision.hospital_id)}}
    for person_id, organisation_id in _told(meeting, decision).items():
        people.setdefault(person_id, {**corrected, "for": organisation_id})
    mailing.order(
        Delivery.Kind.REPORTS,
        people,
        meeting=meeting,
        hospital_id=decision.hospital_id,
        occasion=f"correct:{decision.pk.hex}",
    )


def _told(meeting: Meeting, decision: Decision) -> dict[UUID, str]:
    """To whom a mail led to the version that ``decision`` replaces, alone or within the minutes, and for which organisation; of the
    latter those who may read the minutes still."""
    may = entitled_to_minutes(meeting)
    found: dict[UUID, str] = {}
    sent = Delivery.objects.filter(meeting=meeting, kind=Delivery.Kind.REPORTS).order_by("created_at", "pk")
    for person_id, detail in sent.values_list("recipient", "detail"):
        alone = str(decision.replaces_id) in detail.get("decisions", ())
        if alone or (detail.get("minutes") and person_id in may):
            found[person_id] = detail["for"]
    return found


def _outcomes(meeting: Meeting) -> dict[UUID, dict[str, Any]]:
    """Requester → their own decided and postponed cases, by id."""
    people: dict[UUID, dict[str, Any]] = {}
    decided = Decision.objects.filter(meeting=meeting, case__isnull=False).exclude(
        state__in=(Decision.State.DRAFT, Decision.State.REPLACED)
    )
    columns = decided.order_by("item__position").values_list("pk", "hospital", "item__referral__requester")
    for decision_id, hospital_id, requester_id in columns:
        detail = people.setdefault(requester_id, {"for": str(hospital_id)})
        detail.setdefault("decisions", []).append(str(decision_id))
    postponed = AgendaItem.objects.filter(
        meeting=meeting, state=AgendaItem.State.POSTPONED, referral__isnull=False
    ).order_by("position")
    for case_id, hospital_id, requester_id in postponed.values_list(
        "referral__case", "hospital", "referral__requester"
    ):
        detail = people.setdefault(requester_id, {"for": str(hospital_id)})
        detail.setdefault("postponed", []).append(str(case_id))
    return people


def entitled_to_minutes(meeting: Meeting) -> dict[UUID, UUID]:
    """Who on the board may read the whole minutes now, and for which organisation: a partner's people only where every item
    lies within their reach."""
    by_place: dict[tuple[UUID, UUID], Any] = {}
    for role in in_office(meeting.board):
        by_place.setdefault((role.person_id, role.organisation_id), role.person)
    found: dict[UUID, UUID] = {}
    for (person_id, organisation_id), person in by_place.items():
        standing = directory.standing(person, meeting.board, organisation_id)
        if person_id not in found and access.may_read_minutes(access.chair_at(person, meeting, standing), meeting):
            found[person_id] = organisation_id
    return found
