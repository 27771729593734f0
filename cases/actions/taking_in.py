"""A whole case as another program hands it in: patient, case, answers, the draft of its referral and its documents, all or nothing."""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cases import access
from cases.actions.documents import Upload, add_document
from cases.actions.dossiers import add_tumour, change_case
from cases.actions.patients import PatientDetails
from cases.actions.referrals import Request, bring_in_case
from cases.exchange.fhir import Submission
from cases.exchange.fhir.tumours import Answers
from cases.intake import key_of
from cases.models import Case, Received
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.errors import Invalid, Refused, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id


def _placed(error: Refused, places: dict[str, str]) -> Invalid:
    """A refusal of one of the parts, by the places of what was sent instead of the fields of our forms."""
    found = error.errors if isinstance(error, Invalid) else {error.field or "": [error.message]}
    by_place: dict[str, list[str]] = {}
    for field, sentences in found.items():
        by_place.setdefault(places.get(field, places.get("", "Bundle")), []).extend(sentences)
    return Invalid(by_place)


@action("case.take_in", row="submit")
def take_in_case(
    *, by: Actor, case_id: UUID, submission: Submission, digest: str, command_id: UUID
) -> tuple[Event, ...]:
    """Make a case out of what another program sent. Effects: those of ``bring_in_case``, ``change_case``, ``add_tumour`` and
    ``add_document``, each with its own audit row, and the request's number is remembered: it makes no second case.

    Refused: ``Denied`` for whoever may not bring in a case, ``Invalid`` by the place in what was sent (FHIRPath), ``RuleBroken`` when
    a request with this number is there already. Nothing of a refused one stays.
    """
    hospital_id = access.access_hospital_for_submitting(by)
    _bring_in(by, case_id, submission, command_id)
    try:
        with transaction.atomic():
            received = Received.objects.create(
                id=derived_id(command_id, by.actor_id, "received"),
                hospital_id=hospital_id,
                key=key_of(submission),
                digest=digest,
                case_id=case_id,
            )
    except IntegrityError:
        raise RuleBroken(_("A request with this number was brought in before.")) from None
    _answer(by, case_id, submission, command_id)
    for number, attachment in enumerate(submission.attachments, start=1):
        try:
            add_document(
                by=by,
                case_id=case_id,
                document_id=derived_id(command_id, by.actor_id, f"document-{number}"),
                kind=attachment.kind,
                upload=Upload(attachment.name, attachment.content),
                command_id=derived_id(command_id, by.actor_id, f"add-document-{number}"),
            )
        except (Invalid, RuleBroken) as error:
            raise _placed(error, {"": attachment.place}) from None
    note(received_id=str(received.pk), documents=len(submission.attachments), tumours=len(submission.tumours))
    return ()


def _bring_in(by: Actor, case_id: UUID, submission: Submission, command_id: UUID) -> None:
    identity, asked = submission.identity, submission.asked
    details = PatientDetails(
        family_name=identity.family_name,
        given_name=identity.given_name,
        birth_date=identity.birth_date,
        sex=identity.sex,
        national_number=identity.national_number,
        other_identifier=identity.other_identifier,
        other_identifier_reason=_("The record system gave the hospital's own number.")
        if identity.other_identifier
        else "",
        language=identity.language,
        gp_name=identity.gp_name,
        phone=identity.phone,
        record_number=identity.record_number,
    )
    request = Request(
        board_id=asked.board_id,
        question=asked.question,
        reason=asked.reason,
        requester_id=asked.requester_id,
        requested_on=asked.requested_on,
    )
    try:
        bring_in_case(
            by=by,
            case_id=case_id,
            details=details,
            request=request,
            command_id=derived_id(command_id, by.actor_id, "bring-in"),
        )
    except (Invalid, RuleBroken) as error:
        raise _placed(error, {**identity.places, **asked.places}) from None


def _answer(by: Actor, case_id: UUID, submission: Submission, command_id: UUID) -> None:
    """The dossier's answers, checked as its form does."""
    version = 1
    for number in range(2, len(submission.tumours) + 1):
        add_tumour(
            by=by,
            case_id=case_id,
            version=version,
            tumour_id=derived_id(command_id, by.actor_id, f"tumour-{number}"),
            command_id=derived_id(command_id, by.actor_id, f"add-tumour-{number}"),
        )
        version += 1
    ids = Case.objects.get(pk=case_id).tumours.order_by("position").values_list("pk", flat=True)
    answered = [(tumour_id, each) for tumour_id, each in zip(ids, submission.tumours, strict=True) if each.values]
    if not submission.case.values and not answered:
        return
    try:
        change_case(
            by=by,
            case_id=case_id,
            version=version,
            data=submission.case.values or None,
            tumours={tumour_id: each.values for tumour_id, each in answered},
            command_id=derived_id(command_id, by.actor_id, "answers"),
        )
    except (Invalid, RuleBroken) as error:
        raise _placed(error, _places(submission.case, submission.tumours)) from None


def _places(case: Answers, tumours: tuple[Answers, ...]) -> dict[str, str]:
    found = dict(case.places)
    for number, tumour in enumerate(tumours, start=1):
        found |= {f"tumour-{number}.{field}": place for field, place in tumour.places.items()}
    return found
