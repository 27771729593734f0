"""Follow-up: one list of what was decided and not heard of since, one key for each case; and the actions that are not done."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cases import access as cases
from cases.dossiers.board_kinds import board_kind
from cases.views.identity import identity
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from meetings import access, following_up
from meetings.actions.following_up import WITH_REASON, answer_follow_up, finish_action
from meetings.forms import ActionDoneForm, FollowUpForm
from meetings.models import FollowUp
from meetings.reports import writing
from meetings.views.showing import (
    SHOWN,
    acting_for,
    did,
    form_sentences,
    person,
    private,
    put_on,
    renew,
    sentences,
    trace,
)

A_PAGE = 50


@private
@require_safe
def follow_up(request: HttpRequest) -> HttpResponse:
    """What is due to be answered, oldest first, and the actions that wait. A constant number of queries."""
    return _page(request)


def _page(request: HttpRequest, *, errors: list[dict[str, str]] | None = None, status: int = 200) -> HttpResponse:
    by, today, language = person(request), timezone.localdate(now()), get_language()
    due = (
        following_up.access.visible_follow_ups(by)
        .filter(outcome="", due_on__lte=today)
        .select_related("case__patient", "hospital", "board", "decision__meeting", "item__referral__requester")
        .order_by("due_on", "pk")
    )
    page = Paginator(due, A_PAGE).get_page(request.GET.get("page"))
    rows = [(row, _what(row, language)) for row in page]
    actions = list(
        following_up.access.visible_actions(by)
        .select_related("case__patient", "hospital", "board", "owner", "item__topic")
        .order_by("due_on", "pk")[:100]
    )
    trace("followup.listed", [(each.hospital_id, each.case_id) for each, _w in rows])
    trace("actions.listed", [(each.hospital_id, each.case_id) for each in actions if each.case_id])
    context = {
        "page": page,
        "rows": rows,
        "actions": actions,
        "overdue": sum(each.due_on < today for each in actions),
        "known": following_up.known(by, today),
        "me": by.pk,
        "day": today,
        "errors": errors or [],
        "new_id": new_id,
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/follow_up.html", context, status=status)


def _what(row: FollowUp, language: str | None) -> str:
    """What was recommended, in one line."""
    words = writing.recommendation(row.decision, board_kind(row.board.kind), language)
    steps = "; ".join(f"{step.label}: {step.text}" if step.text else str(step.label) for step in words.steps)
    return steps or str(words.text)


@private
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, follow_up_id: UUID) -> HttpResponse:
    """Answer one. The list's keys send *carried out* and *other treatment* at once; what was not done, or partly, asks for its reason
    here first."""
    by = person(request)
    row = following_up.access.access_follow_up_for(by, follow_up_id, lock=False)
    kind, language = board_kind(row.board.kind), get_language()
    status = 200
    if request.method == "POST":
        form = FollowUpForm(request.POST, kind=kind, language=language)
        status = 422
        if form.is_valid():
            data = form.cleaned_data
            try:
                answer_follow_up(
                    by=by,
                    follow_up_id=row.pk,
                    version=data["version"],
                    outcome=data["outcome"],
                    reason=data["reason"] if data["outcome"] in WITH_REASON else "",
                    note_text=data["note"],
                    command_id=data["command_id"],
                )
            except SHOWN as refusal:
                put_on(form, refusal)
                row.refresh_from_db()
                status = refusal.status
                renew(form, row.version)
            else:
                return _answered(request, row, data["outcome"])
    else:
        chosen = request.GET.get("outcome", row.outcome)
        initial = {"version": row.version, "outcome": chosen, "reason": row.reason, "note": row.note}
        form = FollowUpForm(initial=initial, kind=kind, language=language)
    context = {
        "form": form,
        "row": row,
        "board": row.board,
        "decision": row.decision,
        "identity": identity(row.case.patient, row.case.hospital),
        "words": writing.recommendation(row.decision, kind, language),
        "acting_for": acting_for(request),
    }
    cases.access_case_for_reading(by, row.case_id)
    return render(request, "meetings/follow_up_answer.html", context, status=status)


def _answered(request: HttpRequest, row: FollowUp, outcome: str) -> HttpResponse:
    if outcome == FollowUp.Outcome.OTHER:
        again = _("Another treatment was given. It is proposed to discuss the case again.")
        if following_up.access.may_refer(person(request), row):
            return did(request, reverse("cases:refer", args=[row.case_id]) + acting_for(request), again)
        return did(request, reverse("meetings:follow_up") + acting_for(request), again)
    words = _("%(patient)s: answered.") % {"patient": row.case.patient.label}
    return did(request, reverse("meetings:follow_up") + acting_for(request), words)


@private
@require_POST
def finish(request: HttpRequest, action_id: UUID) -> HttpResponse:
    """An action is done."""
    form = ActionDoneForm(request.POST)
    if not form.is_valid():
        return _page(request, errors=form_sentences(form), status=422)
    data = form.cleaned_data
    try:
        finish_action(
            by=person(request),
            action_id=action_id,
            version=data["version"],
            done=data["done"],
            command_id=data["command_id"],
        )
    except SHOWN as refusal:
        return _page(request, errors=sentences(refusal), status=refusal.status)
    return did(request, reverse("meetings:follow_up") + acting_for(request), _("The action is done."))


@private
@require_safe
def of_case(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """What was decided for a case, newest first, and whether it was done, a line each: a part of the case's page."""
    by, language = person(request), get_language()
    case = cases.access_case_for_reading(by, case_id)
    found = FollowUp.objects.filter(case=case, decision__in=access.visible_decisions(by))
    rows = [
        (row, _what(row, language), kind.option_words("follow_up_reasons", row.reason, language) if row.reason else "")
        for row in found.select_related("decision__meeting", "board").order_by("-decision__meeting__starts_at", "pk")
        for kind in (board_kind(row.board.kind),)
    ]
    return render(request, "meetings/_outcomes.html", {"rows": rows, "acting_for": acting_for(request)})


def shown(by: Any, row: FollowUp | None, kind: Any, language: str | None) -> Mapping[str, Any] | None:
    """Whether it was done, in one line, for the page of a decision: ``{"row", "reason", "may_answer", "may_refer", "due"}``."""
    if row is None:
        return None
    return {
        "row": row,
        "reason": kind.option_words("follow_up_reasons", row.reason, language) if row.reason else "",
        "may_answer": following_up.access.may_answer(by, row),
        "may_refer": row.outcome == FollowUp.Outcome.OTHER and following_up.access.may_refer(by, row),
        "due": row.due_on <= timezone.localdate(now()),
    }
