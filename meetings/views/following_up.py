"""Follow-up: one list of what was decided and not heard of since, one key for each case; and the actions that are not done."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib import messages
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
from mdo.kernel.acting import Actor
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid
from mdo.kernel.ids import new_id
from mdo.paging import part
from meetings import access, following_up
from meetings.actions.following_up import WITH_REASON, answer_follow_up, finish_action, propose_discussion
from meetings.forms import ActionDoneForm, CommandForm, FollowUpForm
from meetings.informing.access import visible_to_inform
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
BESIDE = 20  # lines on a page of the three lists that stand beside it


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
    with following_up.access.drawn_for(by):
        page = part(request, due, A_PAGE)
        found = [(row, _what(row, language)) for row in page]
    shut = _unread(by, [row for row, _w in found])
    rows = [(row, what, row.case_id not in shut) for row, what in found]
    open_actions = following_up.access.visible_actions(by)
    actions = part(
        request,
        open_actions.select_related("case__patient", "hospital", "board", "owner", "item__topic").order_by(
            "due_on", "pk"
        ),
        BESIDE,
        "actions",
    )
    to_inform = part(
        request,
        visible_to_inform(by).select_related("case__patient", "board", "meeting").order_by("signed_at", "pk"),
        BESIDE,
        "inform",
    )
    trace("inform.listed", [(each.hospital_id, each.case_id) for each in to_inform if each.case_id])
    again = part(
        request,
        following_up.to_discuss(by)
        .select_related("case__patient", "board", "decision__meeting")
        .order_by("-answered_at", "pk"),
        BESIDE,
        "again",
    )
    trace("followup.listed", [(each.hospital_id, each.case_id) for each, _w, _o in rows])
    trace("followup.to_discuss", [(each.hospital_id, each.case_id) for each in again])
    trace("actions.listed", [(each.hospital_id, each.case_id) for each in actions if each.case_id])
    context = {
        "page": page,
        "rows": rows,
        "again": again,
        "actions": actions,
        "to_inform": to_inform,
        "overdue": open_actions.filter(due_on__lt=today).count(),
        "known": following_up.known(by, today),
        "me": by.pk,
        "day": today,
        "errors": errors or [],
        "new_id": new_id,
        "acting_for": acting_for(request),
        "acting_for_too": acting_for(request, "&"),
    }
    return render(request, "meetings/follow_up.html", context, status=status)


def _unread(by: Actor, rows: list[FollowUp]) -> set[UUID]:
    """The cases among these that somebody answers for without being able to open them (a data manager's)."""
    if not following_up.access.answers_for_the_house(by):
        return set()
    listed = {row.case_id for row in rows}
    return listed - set(cases.visible_cases(by, listed).values_list("pk", flat=True))


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
    row = following_up.access.access_follow_up_for_reading(by, follow_up_id)
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
                row.refresh_from_db(fields=["version"])
                status = refusal.status
                renew(form, row.version)
            else:
                return _answered(request, row, data["outcome"])
    else:
        chosen = request.GET.get("outcome", row.outcome)
        initial = {"version": row.version, "outcome": chosen, "reason": row.reason, "note": row.note}
        form = FollowUpForm(initial=initial, kind=kind, language=language)
    with following_up.access.drawn_for(by):
        words = writing.recommendation(row.decision, kind, language)
    context = {
        "form": form,
        "row": row,
        "board": row.board,
        "decision": row.decision,
        "identity": identity(row.case.patient, row.case.hospital),
        "words": words,
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/follow_up_answer.html", context, status=status)


def _answered(request: HttpRequest, row: FollowUp, outcome: str) -> HttpResponse:
    if outcome == FollowUp.Outcome.OTHER:
        again = _("Another treatment was given. It is proposed to discuss the case again.")
        return did(request, reverse("meetings:follow_up") + acting_for(request), again)
    words = _("%(patient)s: answered.") % {"patient": row.case.patient.label}
    return did(request, reverse("meetings:follow_up") + acting_for(request), words)


@private
@require_POST
def discuss(request: HttpRequest, follow_up_id: UUID) -> HttpResponse:
    """Draft the discussion that is proposed, and complete it; where it was handed in, discussed or withdrawn since, the case, saying so. Where it
    cannot be drafted as it was (the requester left, the board is closed), the empty form with the reason."""
    by = person(request)
    row = following_up.access.access_follow_up_for(by, follow_up_id, lock=False)
    form = CommandForm(request.POST)
    if not form.is_valid():
        return _page(request, errors=form_sentences(form), status=422)
    try:
        propose_discussion(by=by, follow_up_id=row.pk, command_id=form.cleaned_data["command_id"])
    except Invalid as refusal:
        messages.warning(request, refusal.message)
        form_of_case = reverse("cases:refer", args=[row.case_id])
        return did(request, f"{form_of_case}?after={row.item.referral_id}{acting_for(request, '&')}")
    except SHOWN as refusal:
        return _page(request, errors=sentences(refusal), status=refusal.status)
    discussion = following_up.proposed(by, [row])[row.pk]  # whoever may draft it, its requester or a secretary, sees it
    if discussion.saves_itself:
        page = reverse("cases:referral", args=[discussion.pk])
    else:
        page = reverse("cases:detail", args=[row.case_id])
    if discussion.status == discussion.Status.DRAFT:
        words = _("The new discussion is a draft. Complete the question and hand it in.")
    else:
        words = _("The new discussion is there already: %(state)s.")
        words %= {"state": discussion.get_status_display()}
    return did(request, page + acting_for(request), words)


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
    """Whether it was done, in one line, for the page of a decision: ``{"row", "reason", "may_answer", "may_refer",
    "discussion", "due", "new_id"}``; ``discussion`` is the referral that was drafted for another treatment."""
    if row is None:
        return None
    discussion = following_up.proposed(by, [row]).get(row.pk)
    return {
        "row": row,
        "reason": kind.option_words("follow_up_reasons", row.reason, language) if row.reason else "",
        "may_answer": following_up.access.may_answer(by, row),
        "may_refer": discussion is None
        and row.outcome == FollowUp.Outcome.OTHER
        and following_up.access.may_refer(by, row),
        "discussion": discussion,
        "new_id": new_id,
        "due": row.due_on <= timezone.localdate(now()),
    }
