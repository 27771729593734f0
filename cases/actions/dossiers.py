"""A case and its dossier: beginning one, changing its answers, its tumours."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from cases import access, discussions
from cases.dossiers import Level, clean, dossier
from cases.events import CaseChanged, CaseCreated
from cases.models import Case, Referral, Tumour
from mdo.directory.access import today
from mdo.kernel.acting import Actor, person_id
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, NotFound, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id

AT_MOST = 6  # tumours of one case


# --- pieces ------------------------------------------------------------------------------------------------------------


def changeable(case: Case) -> bool:
    """Whether the dossier may still change: it was never referred, or one of its referrals is still on its way."""
    states = set(case.referrals.values_list("status", flat=True))
    return not states or bool(states & set(Referral.EDITABLE))


def require_changeable(case: Case) -> None:
    """Raises ``RuleBroken`` once the dossier cannot change any more."""
    if not changeable(case):
        raise RuleBroken(_("This case was discussed or withdrawn. Refer it again to change its dossier."))


def open_case(by: Actor, case_id: UUID, *, lock: bool = True) -> Case:
    """The case, locked, for changing something in it. Raises ``NotFound``, ``Denied``, or ``RuleBroken`` after its discussion."""
    case = access.access_case_for(by, case_id, "submit", lock=lock)
    require_changeable(case)
    return case


def touch(case: Case) -> CaseChanged:
    """Note that something in the case changed: version + 1; returns the event."""
    case.version += 1
    case.changed_at = now()
    case.save(update_fields=["data", "to_confirm", "version", "changed_at"])
    return CaseChanged(case_id=case.pk, hospital_id=case.hospital_id, version=case.version)


def _current(case: Case, version: int) -> None:
    if case.version != version:
        raise Stale(_("Somebody else changed this case. Compare and save again."), current=case.version)


def _clean(case: Case, level: Level, data: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    try:
        return clean(dossier(case.dossier, case.dossier_version), level, data, today=today())
    except ValidationError as error:
        raise Invalid({f"{prefix}{field}": found for field, found in error.message_dict.items()}) from None


# --- actions -----------------------------------------------------------------------------------------------------------


@action("case.create", row="submit")
def create_case(
    *,
    by: Actor,
    case_id: UUID,
    tumour_id: UUID,
    patient_id: UUID,
    requester_id: UUID,
    dossier_code: str,
    copy_from: UUID | None = None,
    command_id: UUID | None = None,
) -> tuple[Event, ...]:
    """Begin a case for a patient of the acting hospital. Effects: an empty dossier in its newest version, with one tumour; with
    ``copy_from`` (an earlier discussion of the same patient) the answers as they were discussed then, marked as copied.

    Refused: ``NotFound`` for another hospital's patient, ``Denied`` without a role, ``Invalid`` for a requester who is no
    clinician of the hospital (a clinician brings in own cases only), a dossier that does not exist, or a discussion by another
    dossier.
    """
    patient = access.access_patient_for_submitting(by, patient_id)
    if not access.may_be_requester(by, requester_id):
        raise Invalid({"requester": [_("Choose a clinician of your hospital.")]})
    try:
        form = dossier(dossier_code)
    except KeyError:
        raise Invalid({"dossier": [_("Choose one of the list.")]}) from None
    earlier = None
    if copy_from is not None:
        earlier = access.access_discussion_for_copying(by, copy_from, patient)
        if earlier.dossier != form.dossier:
            raise Invalid({"copy_from": [_("This board asks other questions: begin with an empty dossier.")]})
    head = {"dossier": form.dossier, "version": form.version}
    case = Case.objects.create(
        id=case_id,
        hospital_id=patient.hospital_id,
        patient=patient,
        requester_id=requester_id,
        dossier=form.dossier,
        dossier_version=form.version,
        data=head,
        created_by_id=person_id(by),
        created_at=now(),
        changed_at=now(),
    )
    if earlier is None:
        Tumour.objects.create(id=tumour_id, hospital_id=case.hospital_id, case=case, position=1, data=head)
    else:
        more = (derived_id(tumour_id, by.actor_id, f"tumour-{number}") for number in range(2, AT_MOST + 1))
        discussions.begin_from(case, earlier, (tumour_id, *more))
        note(copied_from=str(earlier.pk))
    return (CaseCreated(case_id=case.pk, hospital_id=case.hospital_id),)


@action("case.change", row="submit")
def change_case(
    *,
    by: Actor,
    case_id: UUID,
    version: int,
    data: Mapping[str, Any] | None = None,
    tumours: Mapping[UUID, Mapping[str, Any]] | None = None,
    confirmed: Collection[str] = (),
    command_id: UUID,
) -> tuple[Event, ...]:
    """Save answers of the dossier: those of the case (``data``, whole) and of the tumours that are named (each whole).

    ``confirmed`` names copied answers that are right as they stand: ``<field>`` or ``<tumour id>.<field>``. Effects: the answers
    are replaced, what was confirmed or given anew waits for no confirmation any more, version + 1. Anything may be missing: only handing in demands it. Refused: ``NotFound``
    (also for a tumour of another case), ``Denied``, ``Stale``, ``RuleBroken`` after the discussion, ``Invalid`` with the fields
    (``tumour-<n>.<field>`` counted from 1).
    """
    case = open_case(by, case_id)
    _current(case, version)
    if data is not None:
        before, case.data = case.data, _clean(case, "case", data, "")
        case.to_confirm = discussions.still_to_confirm(case.to_confirm, before, case.data)
    case.to_confirm = [key for key in case.to_confirm if key not in confirmed]
    mine = {tumour.pk: tumour for tumour in case.tumours.order_by("position")}
    numbers = {tumour_id: number for number, tumour_id in enumerate(mine, start=1)}
    for tumour_id, answers in (tumours or {}).items():
        if tumour_id not in mine:
            raise NotFound()
        tumour = mine[tumour_id]
        before, tumour.data = tumour.data, _clean(case, "tumour", answers, f"tumour-{numbers[tumour_id]}.")
        waiting = discussions.still_to_confirm(tumour.to_confirm, before, tumour.data)
        tumour.to_confirm = [key for key in waiting if f"{tumour_id}.{key}" not in confirmed]
        tumour.save(update_fields=["data", "profile", "to_confirm"])
    return (touch(case),)


@action("tumour.add", row="submit")
def add_tumour(*, by: Actor, case_id: UUID, version: int, tumour_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Add a tumour without answers (bilateral disease is two). Effects: it is the case's last one, version + 1."""
    case = open_case(by, case_id)
    _current(case, version)
    count = case.tumours.count()
    if count >= AT_MOST:
        raise RuleBroken(_("A case has at most %(count)d tumours.") % {"count": AT_MOST})
    head = {"dossier": case.dossier, "version": case.dossier_version}
    Tumour.objects.create(id=tumour_id, hospital_id=case.hospital_id, case=case, position=count + 1, data=head)
    return (touch(case),)


@action("tumour.remove", row="submit")
def remove_tumour(*, by: Actor, case_id: UUID, version: int, tumour_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take a tumour out of the case. Effects: its answers are gone, those after it move up, version + 1. One tumour stays."""
    case = open_case(by, case_id)
    _current(case, version)
    tumours = list(case.tumours.order_by("position"))
    gone = next((tumour for tumour in tumours if tumour.pk == tumour_id), None)
    if gone is None:
        raise NotFound()
    if len(tumours) == 1:
        raise RuleBroken(_("A case has at least one tumour."))
    tumours.remove(gone)
    gone.delete()
    for position, tumour in enumerate(tumours, start=1):
        if tumour.position != position:
            tumour.position = position
            tumour.save(update_fields=["position"])
    return (touch(case),)
