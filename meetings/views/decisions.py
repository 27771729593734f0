"""One decision to look back at, its report, the minutes, and its correction."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from cases import access as cases
from cases.dossiers.board_kinds import board_kind
from cases.views.identity import identity
from mdo.kernel.errors import Denied, NotFound, Stale
from meetings import access, agreed
from meetings.actions.signing import correct_decision
from meetings.forms import CorrectionForm, actions_formset, actions_of, steps_formset, steps_of
from meetings.models import AgendaItem, Decision, DecisionAction, FollowUp, Meeting, Report
from meetings.reports import writing
from meetings.views import following_up, informing
from meetings.views.showing import SHOWN, acting_for, did, in_language, person, private, put_on, renew


@private
@require_GET
def decision(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    """What was decided, by whom, with all of its versions. Writes the read row."""
    by = person(request)
    found = access.access_decision_for_reading(by, decision_id)
    kind = board_kind(found.board.kind)
    item = found.item
    versions = list(
        access.visible_decisions(by)
        .filter(item=item)
        .exclude(state=Decision.State.DRAFT)
        .select_related("signed_by", "recorded_by")
        .order_by("-version")
    )
    meeting = Meeting.objects.select_related("board__organiser").get(pk=found.meeting_id)
    place = access.chair_at(by, meeting)
    may_print = access.may_read_report(by, found)
    reports = Report.objects.filter(decision=found, kind=Report.Kind.CASE).exclude(storage_name="")
    context = {
        "acting_for": acting_for(request),
        "decision": found,
        "meeting": meeting,
        "board": found.board,
        "referral": item.referral,
        "topic": item.topic,
        "identity": identity(found.case.patient, found.case.hospital) if found.case else None,
        "words": writing.recommendation(found, kind, get_language()),
        "present": [writing.present(row, writing.times(item)[1]) for row in found.attendance],
        "quorum": found.quorum,
        "follow_up": following_up.shown(
            by, FollowUp.objects.filter(item=item, decision=found).first(), kind, get_language()
        ),
        "finished": DecisionAction.objects.filter(item=item, dropped=False)
        .exclude(done_at=None)
        .select_related("done_by")
        .order_by("done_at"),
        "remarks": access.visible_remarks(by, [item.pk]),
        "versions": versions,
        "newer": next((each for each in versions if each.version > found.version), None),
        "report": reports.order_by("-created_at").first() if may_print else None,
        "informed": informing.shown(by, found, may_print=may_print),
        "agenda": bool(place.seats) and not place.is_guest,
        "may_correct": found.state == Decision.State.SIGNED and bool(place.seats) and place.permits_item("sign", item),
        "may_sign": found.state == Decision.State.RECORDED
        and meeting.state == Meeting.State.CLOSED
        and bool(place.seats)
        and place.permits_item("sign", item),
    }
    return render(request, "meetings/decision.html", context)


@private
@require_GET
def case_remarks(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """What was written beside a case at its meetings: a part of its page, for those who read the whole case."""
    by = person(request)
    case = cases.access_case_for_reading(by, case_id)
    items = AgendaItem.objects.filter(referral__case=case).values_list("pk", flat=True)
    return render(request, "meetings/_remarks.html", {"remarks": access.visible_remarks(by, items), "dated": True})


@private
@require_GET
def report(request: HttpRequest, decision_id: UUID) -> HttpResponseBase:
    """The report of one decision as PDF in the reader's language, for who may have it. Writes the read row."""
    found, row = access.access_report_of(person(request), decision_id)
    return in_language(request, row, f"report-{found.meeting.starts_at:%Y-%m-%d}")


@private
@require_GET
def report_docx(request: HttpRequest, decision_id: UUID) -> HttpResponseBase:
    """The same as DOCX."""
    found, row = access.access_report_of(person(request), decision_id)
    return in_language(request, row, f"report-{found.meeting.starts_at:%Y-%m-%d}", as_word=True)


@private
@require_GET
def minutes(request: HttpRequest, meeting_id: UUID) -> HttpResponseBase:
    """The minutes of a whole meeting as PDF in the reader's language, for who may read all of them. Writes the read row."""
    return _minutes(request, meeting_id, as_word=False)


@private
@require_GET
def minutes_docx(request: HttpRequest, meeting_id: UUID) -> HttpResponseBase:
    """The same as DOCX."""
    return _minutes(request, meeting_id, as_word=True)


def _minutes(request: HttpRequest, meeting_id: UUID, *, as_word: bool) -> HttpResponse:
    meeting = access.access_minutes_for_reading(person(request), meeting_id)
    rows = Report.objects.filter(meeting=meeting, kind=Report.Kind.MINUTES).exclude(storage_name="")
    row = rows.order_by("-created_at").first()
    if row is None:
        raise NotFound()
    return in_language(request, row, f"minutes-{meeting.starts_at:%Y-%m-%d}", as_word=as_word)


def _owners(found: Decision, beside: dict[str, Any]) -> list[tuple[str, str]]:
    """To whom an action can be given, by name; whoever has one already may keep it."""
    item = found.item
    item.meeting = found.meeting
    people = {str(pk): each.display_name for pk, each in agreed.owners(item).items()}
    people = {row["owner"]: row["name"] for row in beside["actions"]} | people
    return sorted(people.items(), key=lambda pair: pair[1])


@private
@require_http_methods(["GET", "POST"])
def correct(request: HttpRequest, decision_id: UUID) -> HttpResponse:
    """Write the new version of a signed decision, or change the one that waits for its signature."""
    by = person(request)
    found = access.access_decision_for_reading(by, decision_id)
    meeting = Meeting.objects.select_related("board__organiser").get(pk=found.meeting_id)
    place = access.chair_at(by, meeting)
    if not place.seats or not place.permits_item("sign", found.item):
        raise Denied()
    replaced = found.state == Decision.State.REPLACED and request.method == "POST"
    if found.state != Decision.State.SIGNED and not replaced:
        raise NotFound()
    if (
        replaced
    ):  # a newer version was signed while this was typed: what was typed is offered as a correction of that one
        newest = Decision.objects.get(item=found.item_id, state=Decision.State.SIGNED)
        found = access.access_decision_for_reading(by, newest.pk)
    kind, language = board_kind(found.board.kind), get_language()
    waiting = Decision.objects.filter(replaces=found).first()
    shown = waiting or found
    extra: dict[str, Any] = {"kind": kind, "language": language}
    steps_extra = {"steps": kind.choices("steps", language)}
    beside = agreed.filled(shown.agreed)
    actions_extra = {"owners": _owners(found, beside)}
    status, theirs = 200, None
    if request.method == "POST":
        status = 422
        form = CorrectionForm(request.POST, **extra)
        steps = steps_formset()(request.POST, prefix="steps", form_kwargs=steps_extra)
        actions = actions_formset()(request.POST, prefix="actions", form_kwargs=actions_extra)
        if replaced:
            form.add_error(
                None, _("A newer version was signed while you were writing. Compare, and correct that one if need be.")
            )
            status, theirs = 409, waiting or found
            renew(form, waiting.draft_version if waiting else 0)
        elif form.is_valid() and steps.is_valid() and actions.is_valid():
            data = form.cleaned_data
            try:
                correct_decision(
                    by=by,
                    decision_id=decision_id,
                    correction_id=data["correction_id"],
                    version=data["version"],
                    text=data["text"],
                    intent=data.get("intent", ""),
                    steps=steps_of(steps),
                    deviation=data["deviation"],
                    agreed={**form.agreed, "actions": actions_of(actions)},
                    reason=data["reason"],
                    command_id=data["command_id"],
                )
                words = _("The correction waits for your signature. Until then the signed version stands.")
                return did(request, reverse("meetings:signing"), words)
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
                waiting = Decision.objects.filter(replaces=found).first()
                theirs = waiting if isinstance(refusal, Stale) else None
                renew(form, waiting.draft_version if waiting else 0)
    else:
        form = CorrectionForm(
            initial={
                "version": waiting.draft_version if waiting else 0,
                "reason": waiting.correction_reason if waiting else "",
                "intent": shown.intent,
                "text": shown.text,
                "deviation": shown.deviation,
                **{name: value for name, value in beside.items() if name != "actions"},
            },
            **extra,
        )
        actions = actions_formset()(prefix="actions", initial=beside["actions"], form_kwargs=actions_extra)
        steps = steps_formset()(prefix="steps", initial=shown.steps, form_kwargs=steps_extra)
    context = {
        "form": form,
        "steps": steps,
        "actions": actions,
        "decision": found,
        "board": found.board,
        "meeting": meeting,
        "waiting": waiting,
        "theirs": theirs,
        "acting_for": acting_for(request),
        "their_words": writing.recommendation(theirs, kind, language) if theirs else None,
        "identity": identity(found.case.patient, found.case.hospital) if found.case else None,
    }
    return render(request, "meetings/correct.html", context, status=status)
