"""Old decisions from another system: kept, found and shown as *imported, not signed here*, beside the chain of what was signed."""

from datetime import date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils import translation

from cases import access
from cases.actions.importing import applied, ready_row
from cases.actions.patients import register_patient
from cases.coding.names import name_key
from cases.dossiers import dossier
from cases.dossiers.board_kinds import BoardKind, board_kind
from cases.exchange.tables import header_key
from cases.import_forms import OldDecisionForm, in_lines
from cases.import_rows import checker_of
from cases.models import Case, ImportJob, ImportRow, Referral, Tumour
from mdo.directory.models import Board
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from meetings.events import DecisionImported
from meetings.models import AgendaItem, Decision, Meeting


@action("decision.import", row="register")
def import_decision(*, by: Actor, row_id: UUID) -> tuple[Event, ...]:
    """Bring in one old decision of a confirmed list. Effects: the patient is found again or registered; of this patient there is one case of
    old decisions per board, to which a discussed referral is added, on a closed sitting that stands for that day (and is marked as imported);
    the decision has the state *imported*: no number, no signature, no place in the chain, never changed; it is found by search. Nothing where
    it was brought in before.

    Refused: ``NotFound``, ``Denied``, ``Invalid`` by field where something changed since it was checked, ``RuleBroken`` in another stage.
    """
    row = access.access_import_row(by, row_id, "register")
    if row.job.kind != ImportJob.Kind.DECISIONS or row.job.board is None:
        raise NotFound()
    note(import_id=str(row.job_id), row=row.number)
    if not ready_row(row):
        return ()
    board = row.job.board
    with translation.override(row.job.language):
        form = checker_of(by, row.job).form(row.values["form"])
        if not isinstance(form, OldDecisionForm) or not form.is_valid():
            raise Invalid({field: [str(each) for each in found] for field, found in form.errors.items()})
        patient_id = form.patient.pk if form.patient else derived_id(row.pk, by.actor_id, "patient")
        if form.details is not None:
            register_patient(by=by, patient_id=patient_id, details=form.details)
    said = form.cleaned_data
    at = _noon(said["decided_on"], board)
    meeting = _sitting(board, said["decided_on"], at)
    requester_id = _requester(by, said["requester"])
    case_id = derived_id(patient_id, board.pk, "imported decisions")
    referral = Referral.objects.create(  # before its case: by it a coordinator may know of the case at all; the keys wait for the end
        id=derived_id(row.pk, by.actor_id, "referral"),
        hospital_id=row.hospital_id,
        case_id=case_id,
        board=board,
        requester_id=requester_id,
        requested_on=said["decided_on"],
        question=said["question"],
        reason=board_kind(board.kind).referral_reasons[-1].code if board_kind(board.kind).referral_reasons else "other",
        status=Referral.Status.DISCUSSED,
        imported=True,
        submitted_at=at,
        created_at=now(),
        changed_at=now(),
    )
    _case(by, row, case_id, patient_id, requester_id, board)
    item = AgendaItem.objects.create(
        id=derived_id(row.pk, by.actor_id, "item"),
        hospital_id=row.hospital_id,
        meeting=meeting,
        referral=referral,
        position=meeting.items.count() + 1,
        minutes=0,
        state=AgendaItem.State.DISCUSSED,
    )
    decision = Decision.objects.create(
        id=derived_id(row.pk, by.actor_id, "decision"),
        hospital_id=row.hospital_id,
        board=board,
        meeting=meeting,
        item=item,
        case_id=case_id,
        state=Decision.State.IMPORTED,
        steps=steps_of(said["steps"], board_kind(board.kind)),
        text=said["text"],
        imported_at=now(),
        imported_by_id=by.actor_id,
        imported={
            "participants": in_lines(said["participants"]),
            "signed_by": said["signed_by"],
            "requester": said["requester"],
            "reference": said["reference"],
        },
    )
    applied(row, case_id)
    return (DecisionImported(decision_id=decision.pk, board_id=board.pk, hospital_id=row.hospital_id),)


def steps_of(text: str, kind: BoardKind) -> list[dict[str, str]]:
    """Steps as they are stored, from lines such as "Heelkunde: tumorectomie": the words before the colon, or the whole line, are looked up
    among the kind's own in every language; what is not found there is another step with its whole text."""
    codes = {header_key(word): option.code for option in kind.steps for word in (option.code, *option.words.values())}
    found = []
    for line in in_lines(text):
        head, _colon, rest = line.partition(":")
        if code := codes.get(header_key(head)):
            found.append({"kind": code, "text": rest.strip()})
        else:
            found.append({"kind": codes.get("other", "other"), "text": line})
    return found


def _noon(day: date, board: Board) -> datetime:
    """An old list knows the day, not the hour."""
    return datetime.combine(day, time(12), ZoneInfo(board.time_zone))


def _sitting(board: Board, day: date, at: datetime) -> Meeting:
    """The sitting that stands for a day of the board's imported past, locked: one, whoever brings in first."""
    meeting_id = derived_id(board.pk, board.pk, f"imported {day.isoformat()}")
    sitting = Meeting(
        id=meeting_id,
        hospital_id=board.organiser_id,
        board=board,
        starts_at=at,
        ends_at=at + timedelta(hours=1),
        state=Meeting.State.CLOSED,
        imported=True,
    )
    Meeting.objects.bulk_create([sitting], ignore_conflicts=True)
    return Meeting.objects.select_for_update(of=("self",)).get(pk=meeting_id)


def _requester(by: Actor, name: str) -> UUID:
    """The clinician of the own hospital with exactly this name; else whoever imports answers for the case, and the name stays as text."""
    if name:
        wanted = name_key(name)
        for person in access.visible_requesters(by):
            if wanted in (name_key(person.display_name), name_key(person.first_name, person.last_name)):
                return person.pk
    return by.actor_id


def _case(by: Actor, row: ImportRow, case_id: UUID, patient_id: UUID, requester_id: UUID, board: Board) -> None:
    """The case of a patient's old decisions at a board, where it is not there yet. Two rows that make it at once meet at its key; the later
    one is tried again."""
    if Case.objects.filter(pk=case_id).exists():
        return
    form = dossier(board.dossier)
    head = {"dossier": form.dossier, "version": form.version}
    Case.objects.create(
        id=case_id,
        hospital_id=row.hospital_id,
        patient_id=patient_id,
        requester_id=requester_id,
        dossier=form.dossier,
        dossier_version=form.version,
        data=head,
        created_by_id=by.actor_id,
        created_at=now(),
        changed_at=now(),
    )
    Tumour.objects.create(
        id=derived_id(case_id, board.pk, "tumour"), hospital_id=row.hospital_id, case_id=case_id, position=1, data=head
    )
