"""The page of one case."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cases import access, states
from cases.actions.dossiers import changeable
from cases.actions.referrals import boards_for
from cases.dossiers import MissingItem, board_kind
from cases.forms import UploadForm
from cases.links import elsewhere
from cases.models import Case, Document, Referral, Tumour
from cases.queries import case_referrals, imported_before, prepared
from cases.views.dossier import definition, may_follow, missing_for, sections, tumour_table
from cases.views.identity import identity
from cases.views.pages import language
from cases.views.since import copied_from, since
from cases.views.stage import stage_context
from mdo.directory.models import Person
from mdo.kernel.ids import new_id

Status = Referral.Status


@require_safe
def case_detail(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``GET /cases/<id>/``: the case in full, or what a guest or observer may see of it; writes the read row."""
    return show_case(request, case_id)


def show_case(
    request: HttpRequest,
    case_id: UUID,
    *,
    status: int = 200,
    errors: Sequence[dict[str, Any]] = (),
    upload_form: UploadForm | None = None,
) -> HttpResponse:
    """The page of a case, with errors of a button pressed on it."""
    by: Person = request.user  # type: ignore[assignment]
    case = access.access_case_for_reading(by, case_id)
    here = access.place(by, case)
    referrals = case_referrals(by, case)
    if (here.is_guest or here.pseudonyms) and referrals:
        stage = stage_context(by, referrals[0], language(), pseudonyms=here.pseudonyms, guest=here.is_guest)
        return render(request, "cases/guest.html", stage, status=status)
    tumours = list(case.tumours.order_by("position"))
    documents = list(access.visible_documents(by).filter(case=case).select_related("uploaded_by"))
    may_change = here.permits("submit") and changeable(case)
    busy = _busy(referrals)
    at_home = case.hospital_id == request.organisation.pk  # type: ignore[attr-defined]
    context = {
        "case": case,
        "identity": identity(case.patient, case.hospital),
        "referrals": [
            _referral(referral, case, tumours, here.permits("submit"), at_home, referral.board_id in busy)
            for referral in referrals
        ],
        "sections": sections(case, language()),
        "tumours": tumour_table(case, tumours, language()),
        "since": since(by, case, tumours, documents, language()) if changeable(case) else None,
        "copied": copied_from(by, case),
        "documents": [_document(document) for document in documents],
        "preparation": prepared(by, referrals),
        "upload_form": upload_form or UploadForm(),
        "may_change": may_change,
        "may_refer": at_home and here.permits("submit") and bool(_other_boards(case, referrals)),
        "elsewhere": elsewhere(
            by, case.patient, {each.board_id for each in referrals if each.status in Referral.KNOWN_TO_BOARD}
        ),
        "may_correct_patient": at_home and here.permits("submit"),
        "may_describe_gp": at_home and here.permits("submit") and _is_guest(case.patient.gp_id),
        "timeline": _timeline(case, [*referrals, *imported_before(by, case)], documents),
        "errors": errors,
    }
    return render(request, "cases/detail.html", context, status=status)


def _is_guest(person_id: UUID | None) -> bool:
    return person_id is not None and access.visible_guests().filter(pk=person_id).exists()


def _other_boards(case: Case, referrals: Sequence[Referral]) -> list[Any]:
    busy = _busy(referrals)
    return [board for board in boards_for(case.hospital_id, case.dossier) if board.pk not in busy]


def _busy(referrals: Sequence[Referral]) -> set[UUID]:
    """The boards before which the case is on its way already."""
    return {referral.board_id for referral in referrals if referral.status in Referral.EDITABLE}


def field_address(case: Case, tumours: Sequence[Tumour], item: MissingItem) -> str:
    """Where on the edit page a missing answer is given."""
    name = item.field if item.tumour_index is None else f"tumour-{tumours[item.tumour_index].pk}-{item.field}"
    return f"{reverse('cases:edit', args=[case.pk])}#id_{name}"


def field_addresses(case: Case) -> dict[str, str]:
    """The same for every field, by the names that ``submit_referral`` gives ("er_status" of tumour 1: "tumour-1.er_status")."""
    edit, form = reverse("cases:edit", args=[case.pk]), definition(case)
    found = {field.key: f"{edit}#id_{field.key}" for field in form.fields("case")}
    for number, tumour in enumerate(case.tumours.order_by("position"), start=1):
        for field in form.fields("tumour"):
            found[f"tumour-{number}.{field.key}"] = f"{edit}#id_tumour-{tumour.pk}-{field.key}"
    return found


def _referral(
    referral: Referral, case: Case, tumours: Sequence[Tumour], may_submit: bool, at_home: bool, busy: bool
) -> dict[str, Any]:
    waits = referral.status in (Status.DRAFT, Status.RETURNED)
    underway = referral.status in Referral.EDITABLE
    gaps = missing_for(case, tumours, referral.board, language()) if underway else []
    needed = [gap for gap in gaps if not may_follow(referral.board, gap)]
    kind = board_kind(referral.board.kind)
    return {
        "it": referral,
        "id": str(referral.pk),
        "reason": kind.option_words("referral_reasons", referral.reason, language()),
        "missing": [
            {
                "label": gap.label,
                "owes": gap.owes_label,
                "url": field_address(case, tumours, gap),
                "tumour": gap.tumour_index + 1 if gap.tumour_index is not None and len(tumours) > 1 else None,
            }
            for gap in gaps
        ],
        "needed": needed,
        "underway": underway,
        "may_submit": may_submit and waits,
        "may_change": may_submit and referral.status in Referral.EDITABLE,
        "may_refer_again": may_submit and at_home and referral.status == Status.DISCUSSED and not busy,
        "may_withdraw": may_submit and at_home and states.can_move(referral, Status.WITHDRAWN),
        "next": _next_step(referral, len(needed)),
        "submit_id": new_id(),
        "withdraw_id": new_id(),
    }


def _document(document: Document) -> Document:
    """With the ids of the commands that its buttons send."""
    document.key, document.command_id, document.removal_id = str(document.pk), new_id(), new_id()  # type: ignore[attr-defined]
    return document


def _next_step(referral: Referral, gaps: int) -> str:
    match Status(referral.status):
        case Status.DRAFT | Status.RETURNED:
            return _("Complete the dossier, then hand it in.") if gaps else _("Complete: hand it in.")
        case Status.SUBMITTED:
            return _("The board's secretary checks it.")
        case Status.ACCEPTED:
            return _("Accepted: it waits for a place on an agenda.")
        case Status.SCHEDULED:
            return _("On the agenda of a meeting.")
        case Status.POSTPONED:
            return _("Postponed: it waits for another meeting.")
        case Status.DISCUSSED:
            return _("Discussed.")
        case Status.WITHDRAWN:
            return _("Withdrawn.")


def _who(person: Person | None) -> str:
    return person.display_name if person is not None else _("A program of the hospital")


def _timeline(case: Case, referrals: Sequence[Referral], documents: Sequence[Document]) -> list[dict[str, Any]]:
    """What happened, the oldest first, as the rows tell it."""
    entries: list[dict[str, Any]] = [{"at": case.created_at, "text": _("Case begun"), "actor": _who(case.created_by)}]
    for document in documents:
        entries.append(
            {
                "at": document.uploaded_at,
                "text": _("Document: %(name)s") % {"name": document.name},
                "actor": _who(document.uploaded_by),
            }
        )
    tones = {Status.RETURNED: "warn", Status.POSTPONED: "warn", Status.DISCUSSED: "ok", Status.SUBMITTED: "accent"}
    entries += [_imported(referral, case) for referral in referrals if referral.imported]
    for referral in referrals:
        if referral.imported:
            continue
        board = {"board": referral.board.name}
        entries.append({"at": referral.created_at, "text": _("Put before %(board)s, as a draft") % board})
        if referral.submitted_at is not None:
            entries.append({"at": referral.submitted_at, "text": _("Handed in to %(board)s") % board, "tone": "accent"})
        if referral.status not in (Status.DRAFT, Status.SUBMITTED):
            state = board | {"state": referral.get_status_display()}
            entries.append(
                {
                    "at": referral.changed_at,
                    "text": _("%(board)s: %(state)s") % state,
                    "tone": tones.get(Status(referral.status), ""),
                    "detail": referral.returned_reason,
                }
            )
    return sorted(entries, key=lambda entry: entry["at"])


def _imported(referral: Referral, case: Case) -> dict[str, Any]:
    """An old decision on the patient from another system, which stands in a case of its own. It knows the day, not the hour."""
    return {
        "at": referral.submitted_at or referral.created_at,
        "day": True,
        "text": _("Discussed at %(board)s") % {"board": referral.board.name},
        "url": reverse("cases:detail", args=[referral.case_id]) if referral.case_id != case.pk else "",
        "tag": _("Imported, not signed here"),
        "tone": "ok",
    }
