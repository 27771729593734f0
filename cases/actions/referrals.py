"""Putting a case before a board: the referral, handing it in, taking it back; and a whole case in one go."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from cases import access, discussions, states
from cases.actions.dossiers import create_case, touch
from cases.actions.patients import PatientDetails, register_patient
from cases.actions.sketching import throw_away_sketch
from cases.dossiers import BoardKind, Level, MissingItem, board_kind, dossier, missing
from cases.events import ReferralChanged
from cases.models import Case, Referral
from mdo.directory.access import boards_open_to, today
from mdo.directory.models import Board
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id

Status = Referral.Status
LONGEST_QUESTION = 4000


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a board, by whom, on which day."""

    board_id: UUID
    question: str
    reason: str
    requester_id: UUID
    requested_on: date
    informs_patient: str = ""
    guest_id: UUID | None = None
    wanted_meeting: UUID | None = None


# --- pieces ------------------------------------------------------------------------------------------------------------


def kind_of(board: Board) -> BoardKind | None:
    """The kind of a board, or ``None`` for a code that no longer exists."""
    try:
        return board_kind(board.kind)
    except KeyError:
        return None


def boards_for(hospital_id: UUID, dossier_code: str | None = None) -> list[Board]:
    """The boards to which a hospital may refer a case now, those with ``dossier_code`` where it is given."""
    found = []
    for board in current().once(("open", hospital_id), lambda: boards_open_to(hospital_id)):
        kind = kind_of(board)
        if kind is None or not kind.identifiable_patients or board.dossier not in kind.dossiers:
            continue
        if dossier_code in (None, board.dossier):
            found.append(board)
    return found


def _check(by: Actor, request: Request, boards: list[Board], *, requester_before: UUID | None = None) -> Board:
    """The board of the request. Raises ``Invalid``: an id that may not be chosen is answered like one that does not exist."""
    problems: dict[str, list[str]] = {}
    board = next((each for each in boards if each.pk == request.board_id), None)
    if board is None:
        problems["board"] = [_("Choose a board to which your hospital may refer.")]
    elif request.reason not in dict(board_kind(board.kind).choices("referral_reasons", None)):
        problems["reason"] = [_("Choose one of the list.")]
    if not request.question.strip():
        problems["question"] = [_("Write the question to the board.")]
    elif len(request.question) > LONGEST_QUESTION:
        problems["question"] = [_("Write at most %(count)d characters.") % {"count": LONGEST_QUESTION}]
    if request.requested_on > today():
        problems["requested_on"] = [_("This date lies in the future.")]
    if request.requester_id != requester_before and not access.may_be_requester(by, request.requester_id):
        problems["requester"] = [_("Choose a clinician of your hospital.")]
    if request.guest_id is not None and not access.visible_guests().filter(pk=request.guest_id).exists():
        problems["guest"] = [_("Choose one of the list.")]
    if board is None or problems:
        raise Invalid(problems)
    return board


def _changed(referral: Referral) -> ReferralChanged:
    return ReferralChanged(
        referral_id=referral.pk,
        case_id=referral.case_id,
        board_id=referral.board_id,
        hospital_id=referral.hospital_id,
        version=referral.version,
    )


def _current(referral: Referral, version: int) -> None:
    if referral.version != version:
        raise Stale(_("Somebody else changed this submission. Compare and save again."), current=referral.version)


def _once(case: Case, board: Board, but: UUID | None = None) -> None:
    on_its_way = case.referrals.filter(board=board, status__in=Referral.EDITABLE)
    if any(pk != but for pk in on_its_way.values_list("pk", flat=True)):
        raise RuleBroken(_("This case is before this board already."), field="board")


def _missing_words(gap: MissingItem, tumours: int) -> str:
    if gap.tumour_index is None or tumours == 1:
        return _("%(label)s is missing.") % {"label": gap.label}
    return _("%(label)s of tumour %(number)d is missing.") % {"label": gap.label, "number": gap.tumour_index + 1}


def _unconfirmed(case: Case) -> dict[str, list[str]]:
    form, language = dossier(case.dossier, case.dossier_version), get_language()
    sentence = _("%(label)s was copied from an earlier discussion: confirm it or change it.")
    levels: list[tuple[Level, str, list[str]]] = [("case", "", case.to_confirm)]
    for number, tumour in enumerate(case.tumours.order_by("position"), start=1):
        levels.append(("tumour", f"tumour-{number}.", tumour.to_confirm))
    return {
        f"{prefix}{field.key}": [sentence % {"label": field.label(language)}]
        for level, prefix, waiting in levels
        for field in form.fields(level)
        if field.key in waiting
    }


# --- actions -----------------------------------------------------------------------------------------------------------


@action("referral.create", row="submit")
def create_referral(
    *, by: Actor, referral_id: UUID, case_id: UUID, request: Request, command_id: UUID | None = None
) -> tuple[Event, ...]:
    """Put a case before a board, as a draft. Effects: only the own hospital's side sees it until it is handed in; where the case
    was discussed before, the answers that may be others by now wait to be confirmed.

    Refused: ``NotFound``/``Denied`` on the case, ``Invalid`` by field (board not open to the hospital, unknown reason, empty
    question, requester who is no clinician of the hospital, …), ``RuleBroken`` while the case is before that board already.
    """
    case = access.access_case_for_referring(by, case_id)
    board = _check(by, request, boards_for(case.hospital_id, case.dossier))
    _once(case, board)
    referral = Referral.objects.create(
        id=referral_id,
        hospital_id=case.hospital_id,
        case=case,
        board=board,
        requester_id=request.requester_id,
        requested_on=request.requested_on,
        question=request.question,
        reason=request.reason,
        informs_patient=request.informs_patient,
        guest_id=request.guest_id,
        wanted_meeting=request.wanted_meeting,
        created_at=now(),
        changed_at=now(),
    )
    if discussions.bring_back(case):
        return (_changed(referral), touch(case))
    return (_changed(referral),)


@action("referral.change", row="submit")
def change_referral(
    *, by: Actor, referral_id: UUID, version: int, request: Request, command_id: UUID
) -> tuple[Event, ...]:
    """Change the question, reason, requester, guest or (of a draft) the board. Effects: version + 1, the room shows it anew.

    Refused: ``NotFound``, ``Denied``, ``Stale``, ``RuleBroken`` once it was discussed or withdrawn, ``Invalid`` by field.
    """
    referral = access.access_referral_for_submitting(by, referral_id)
    _current(referral, version)
    if referral.status not in Referral.EDITABLE:
        raise RuleBroken(_("This case was discussed or withdrawn. Refer it again instead."))
    case = referral.case
    if referral.status == Status.DRAFT:
        boards = boards_for(case.hospital_id, case.dossier)
    else:
        boards = [referral.board]
    board = _check(by, request, boards, requester_before=referral.requester_id)
    _once(case, board, but=referral.pk)
    if case.requester_id == referral.requester_id != request.requester_id:
        # The case follows its requester, or the wrong one would go on seeing it.
        case.requester_id = request.requester_id
        case.save(update_fields=["requester"])
    referral.board = board
    referral.requester_id = request.requester_id
    referral.requested_on = request.requested_on
    referral.question = request.question
    referral.reason = request.reason
    referral.informs_patient = request.informs_patient
    referral.guest_id = request.guest_id
    referral.wanted_meeting = request.wanted_meeting
    referral.version += 1
    referral.changed_at = now()
    referral.save()
    return (_changed(referral),)


@action("referral.submit", row="submit")
def submit_referral(*, by: Actor, referral_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Hand a referral in. Effects: submitted, with the moment; the board's secretary finds it under what is to be accepted.

    Refused: ``Invalid`` with every answer without which the board's kind takes no case (what may follow is asked of whoever
    owes it), or that was copied and is not confirmed (``<field>`` of the case, ``tumour-<n>.<field>``), ``Stale``,
    ``RuleBroken`` from a state that knows no handing in, ``NotFound``, ``Denied``.
    """
    referral = access.access_referral_for_submitting(by, referral_id)
    _current(referral, version)
    if not states.can_move(referral, Status.SUBMITTED):
        states.move(referral, Status.SUBMITTED)  # says why not
    case = referral.case
    tumours = [tumour.data for tumour in case.tumours.order_by("position")]
    kind = board_kind(referral.board.kind)
    gaps = missing(
        dossier(case.dossier, case.dossier_version),
        case.data,
        tumours,
        language=get_language(),
        items=kind.needed_to_hand_in(case.dossier),
    )
    problems = {
        gap.field if gap.tumour_index is None else f"tumour-{gap.tumour_index + 1}.{gap.field}": [
            _missing_words(gap, len(tumours))
        ]
        for gap in gaps
    } | _unconfirmed(case)
    if problems:
        raise Invalid(problems)
    return (states.move(referral, Status.SUBMITTED),)


@action("referral.withdraw", row="submit")
def withdraw_referral(*, by: Actor, referral_id: UUID, version: int, command_id: UUID) -> tuple[Event, ...]:
    """Take a referral back. Effects: withdrawn; the board no longer sees the case, and its item is struck from the agenda.

    Only the own hospital's side takes back: a board returns. Refused: ``Stale``, ``RuleBroken`` once it was discussed or
    withdrawn, ``NotFound``, ``Denied``.
    """
    referral = access.access_referral_for_withdrawing(by, referral_id)
    _current(referral, version)
    return (states.move(referral, Status.WITHDRAWN),)


@action("case.bring_in", row="submit")
def bring_in_case(
    *,
    by: Actor,
    case_id: UUID,
    details: PatientDetails | None,
    patient_id: UUID | None = None,
    request: Request,
    copy_from: UUID | None = None,
    sketch_id: UUID | None = None,
    command_id: UUID,
) -> tuple[Event, ...]:
    """A case in a minute: patient, case with one tumour and the draft of its referral, all or nothing.

    ``details`` registers a new patient, or finds again the own hospital's one with the same number; ``patient_id`` names one
    of the own hospital instead; ``copy_from`` an earlier discussion of that patient to begin with. Effects: those of ``register_patient``,
    ``create_case`` and ``create_referral``, each with its own audit row; what was kept of the form while it was typed (``sketch_id``) goes.
    Refused as they are.
    """
    hospital_id = access.access_hospital_for_submitting(by)
    board = _check(by, request, boards_for(hospital_id))
    if details is not None:
        patient_id = derived_id(command_id, by.actor_id, "patient")
        if not register_patient(by=by, patient_id=patient_id, details=details).events:
            existing = access.find_patient(
                by, national_number=details.national_number, other_identifier=details.other_identifier
            )
            patient_id = existing.pk if existing else None
    if patient_id is None:
        raise NotFound()
    create_case(
        by=by,
        case_id=case_id,
        tumour_id=derived_id(command_id, by.actor_id, "tumour"),
        patient_id=patient_id,
        requester_id=request.requester_id,
        dossier_code=board.dossier,
        copy_from=copy_from,
    )
    create_referral(
        by=by, referral_id=derived_id(command_id, by.actor_id, "referral"), case_id=case_id, request=request
    )
    if sketch_id is not None and access.visible_sketches(by).filter(pk=sketch_id).exists():
        throw_away_sketch(by=by, sketch_id=sketch_id)
    return ()
