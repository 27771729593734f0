"""Whether the patient was informed: saying so, the letter to the GP, and the summary for the patient."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from cases.dossiers.board_kinds import board_kind
from cases.views.identity import identity
from mdo.kernel.acting import Actor
from mdo.kernel.clock import now
from meetings import access as meetings
from meetings import informing
from meetings.actions.informing import hand_over_summary, inform_patient
from meetings.informing import access
from meetings.informing.forms import HandoverForm, InformedForm, NotInformedForm
from meetings.models import Decision, Handover, Report
from meetings.reports import writing
from meetings.views.showing import (
    SHOWN,
    acting_for,
    did,
    docx,
    form_sentences,
    pdf,
    person,
    private,
    put_on,
    renew,
    sentences,
)


@private
@require_http_methods(["GET", "POST"])
def informed(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    """Say that the patient was informed, change what was said, or take it back."""
    by = person(request)
    decision = access.access_decision_for_informing_reading(by, decision_id)
    known = informing.informed(decision)
    status = 200
    errors: list[dict[str, str]] = []
    taken_back = request.method == "POST" and "taken_back" in request.POST
    form = InformedForm(initial=_proposed(decision, known))
    if request.method == "POST":
        form = form if taken_back else InformedForm(request.POST)
        sent = NotInformedForm(request.POST) if taken_back else form
        status = 422
        if sent.is_valid():
            try:
                inform_patient(by=by, decision_id=decision_id, informed=not taken_back, **sent.cleaned_data)
            except SHOWN as refusal:
                known = informing.informed(decision)
                status = refusal.status
                if taken_back:  # nothing was typed: what was said meanwhile is shown
                    errors, form = sentences(refusal), InformedForm(initial=_proposed(decision, known))
                else:
                    put_on(form, refusal)
                    renew(form, known.number, "statement_id")
            else:
                return did(
                    request,
                    reverse("meetings:decision", args=[decision_id]) + acting_for(request),
                    _said(taken_back, took_part=known.took_part),
                )
        elif taken_back:
            errors = form_sentences(sent)
    context: dict[str, Any] = {
        "form": form,
        "errors": errors,
        "errors_title": _("This was not done") if errors else "",
        "decision": decision,
        "board": decision.board,
        "known": known,
        "may_take_back": known.statement is not None and known.statement.informed,
        "again": NotInformedForm(initial={"version": known.number}),
        "identity": identity(decision.case.patient, decision.case.hospital) if decision.case else None,
        "words": writing.recommendation(decision, board_kind(decision.board.kind), get_language()),
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/informed.html", context, status=status)


def _said(taken_back: bool, *, took_part: bool) -> str:
    if taken_back and took_part:
        return _("Taken back. The patient took part in the meeting: the summary is being made without those words.")
    if taken_back:
        return _("Taken back: the patient is not informed yet. The summary is closed again.")
    return _("The patient is informed. The summary and the letter to the GP are being made.")


def _proposed(decision: Decision, known: informing.Informed) -> dict[str, Any]:
    said = known.statement if known.statement and known.statement.informed else None
    return {
        "version": known.number,
        "informer": said.informer if said else informing.informer(decision),
        "informed_on": said.informed_on if said else timezone.localdate(now()),
        "manner": said.how if said else "",
        "words": said.words if said else "",
    }


@private
@require_GET
def letter(request: HttpRequest, decision_id: UUID) -> HttpResponseBase:
    """The newest letter to the GP as PDF, for who gets the report. Writes the read row."""
    found, row = access.access_letter_of(person(request), decision_id)
    return pdf(row, f"letter-{found.meeting.starts_at:%Y-%m-%d}.pdf")


@private
@require_GET
def letter_docx(request: HttpRequest, decision_id: UUID) -> HttpResponseBase:
    """The same as DOCX."""
    found, row = access.access_letter_of(person(request), decision_id)
    return docx(row, f"letter-{found.meeting.starts_at:%Y-%m-%d}.docx")


@private
@require_GET
def letter_to_gp(request: HttpRequest, report_id: UUID) -> HttpResponseBase:
    """A letter as PDF, for the GP to whom it is addressed. Writes the read row."""
    row = access.access_letter_for_gp(person(request), report_id)
    return pdf(row, f"letter-{row.meeting.starts_at:%Y-%m-%d}.pdf")


@private
@require_GET
def summary(request: HttpRequest, decision_id: UUID) -> HttpResponseBase:
    """The summary for the patient as PDF, once they were informed. Writes the read row."""
    found, row = access.access_summary_of(person(request), decision_id)
    return pdf(row, f"summary-{found.meeting.starts_at:%Y-%m-%d}.pdf")


@private
@require_GET
def summary_docx(request: HttpRequest, decision_id: UUID) -> HttpResponseBase:
    """The same as DOCX, in the patient's language as the PDF."""
    found, row = access.access_summary_of(person(request), decision_id)
    return docx(row, f"summary-{found.meeting.starts_at:%Y-%m-%d}.docx")


@private
@require_http_methods(["GET", "POST"])
def handover(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    """``/decisions/<id>/summary/``: the summary to print, and saying that it was given to the patient; who gave it before. Closed until they
    are informed."""
    by = person(request)
    decision = access.access_decision_for_informing_reading(by, decision_id)
    status = 200
    form = HandoverForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                hand_over_summary(by=by, decision_id=decision_id, **form.cleaned_data)
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
                renew(form, 0, "handover_id")
            else:
                words = _("Noted: the summary was given to the patient.")
                return did(request, reverse("meetings:decision", args=[decision_id]) + acting_for(request), words)
    assert decision.case is not None
    known = informing.informed(decision)
    context = {
        "form": form,
        "decision": decision,
        "board": decision.board,
        "known": known,
        "made": known.said and informing.summaries(decision, known).exists(),
        "may_print": meetings.may_read_report(by, decision),
        "handovers": handovers(decision),
        "identity": identity(decision.case.patient, decision.case.hospital),
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/handover.html", context, status=status)


def handovers(decision: Decision) -> list[Handover]:
    """When the summary of this version was given to the patient, the newest first."""
    return list(Handover.objects.filter(decision=decision).select_related("handed_by"))


def shown(by: Actor, decision: Decision, *, may_print: bool) -> Mapping[str, Any] | None:
    """What the page of a signed decision says of its patient, and which papers it offers: ``{"known", "may", "asked", "letter",
    "summary"}``."""
    if decision.case is None or decision.state not in (Decision.State.SIGNED, Decision.State.REPLACED):
        return None
    known = informing.informed(decision)
    in_force = decision.state == Decision.State.SIGNED
    rows = Report.objects.filter(decision=decision, kind__in=informing.TELLING)
    made = list(rows.exclude(storage_name="").order_by("-created_at", "-pk")) if may_print else []
    return {
        "known": known,
        "may": in_force and access.may_inform(by, decision),
        "who": decision.agreed.get("informs_who") or "",
        "asked": in_force and not known.said and decision.case.patient.deceased_on is None,
        "letter": next((row for row in made if row.kind == Report.Kind.LETTER), None),
        "summary": known.said
        and any(row.kind == Report.Kind.SUMMARY and row.statement_id == known.statement_id for row in made),
        "handovers": handovers(decision) if known.said else [],
        "closed": may_print and in_force and not known.said,
    }
