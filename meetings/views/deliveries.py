"""What goes out of a meeting: waiting, sent, failed, given up, with a button for each; and the letters to print."""

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from mdo.directory.forms import DayField
from mdo.kernel.errors import Invalid, NotFound
from mdo.kernel.ids import derived_id, new_id
from mdo.kernel.work import State
from meetings.actions.dispatching import lose_letters, mark_dispatches, retry_dispatch
from meetings.actions.mailing import retry_delivery
from meetings.delivering import access, letters, showing
from meetings.figures.counting import REPORT_WITHIN
from meetings.forms import CommandForm
from meetings.models import Dispatch
from meetings.views.showing import acting_for, carry_out, did, person, private, trace


class MarkForm(CommandForm):
    """Deliveries that somebody sent, or did not send after all."""

    dispatch = forms.TypedMultipleChoiceField(coerce=UUID, choices=())
    sent = forms.BooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dispatch"].valid_value = _is_id  # type: ignore[attr-defined]
        self.fields["dispatch"].error_messages["required"] = _("Choose what was sent.")


class DayForm(forms.Form):
    """A day, or none."""

    day = DayField(required=False)


def _is_id(value: str) -> bool:
    try:
        UUID(value)
    except ValueError:
        return False
    return True


@private
@require_GET
def deliveries(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """``/meetings/<id>/deliveries/``: for whoever delivers. A constant number of queries."""
    return _page(request, meeting_id)


def _page(
    request: HttpRequest, meeting_id: UUID, errors: list[dict[str, str]] | None = None, status: int = 200
) -> HttpResponse:
    meeting, of = access.access_meeting_for_delivering(person(request), meeting_id)
    shown = showing.lines(meeting, of)
    named = {
        (row[0], row[1])
        for row in access.visible_dispatches(meeting, of).values_list("hospital", "report__decision__case")
    }
    named |= set(access.visible_handovers(meeting, of).values_list("hospital", "case"))
    trace("deliveries.listed", sorted(named), meeting=str(meeting.pk))
    out = showing.out_after([meeting.pk])
    context = {
        "meeting": meeting,
        "board": meeting.board,
        "lines": shown,
        "counts": showing.counts(shown),
        "letters": [line for line in shown if line.state == "print"],
        "announced": meeting.pk in out,
        "out": out.get(meeting.pk),
        "goal": REPORT_WITHIN,
        "kept": access.summaries_kept(meeting, of),
        "errors": errors or [],
        "errors_title": _("This was not done"),
        "new_id": new_id,
        "acting_for": acting_for(request),
    }
    return render(request, "meetings/deliveries.html", context, status=status)


def _did(
    request: HttpRequest, meeting_id: UUID, form: forms.Form, act: Any, words: str | Callable[[], str]
) -> HttpResponse:
    def page(errors: list[dict[str, str]], status: int) -> HttpResponse:
        return _page(request, meeting_id, errors, status)

    url = f"{reverse('meetings:deliveries', args=[meeting_id])}{acting_for(request)}"
    return carry_out(request, form, act, page, url, words)


@private
@require_POST
def retry(request: HttpRequest, meeting_id: UUID, dispatch_id: UUID) -> HttpResponse:
    """Try one report again."""
    by = person(request)
    return _did(
        request,
        meeting_id,
        CommandForm(request.POST),
        lambda data: retry_dispatch(by=by, dispatch_id=dispatch_id, command_id=data["command_id"]),
        lambda: _tried_again(dispatch_id),
    )


def _tried_again(dispatch_id: UUID) -> str:
    if Dispatch.objects.filter(pk=dispatch_id, state=State.DROPPED).exists():
        return _("It is no longer needed: something newer took its place.")
    return _("It is tried again.")


@private
@require_POST
def retry_mail(request: HttpRequest, meeting_id: UUID, delivery_id: UUID) -> HttpResponse:
    """Try one mail again."""
    by = person(request)
    return _did(
        request,
        meeting_id,
        CommandForm(request.POST),
        lambda data: retry_delivery(by=by, delivery_id=delivery_id, command_id=data["command_id"]),
        _("It is tried again."),
    )


@private
@require_POST
def mark(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Say that letters, or what was given up, were sent by somebody; or take that back."""
    by = person(request)
    form = MarkForm(request.POST)
    return _did(
        request,
        meeting_id,
        form,
        lambda data: mark_dispatches(
            by=by,
            meeting_id=meeting_id,
            dispatch_ids=data["dispatch"],
            sent=data["sent"],
            command_id=data["command_id"],
        ),
        _("Marked as sent.") if request.POST.get("sent") else _("It waits again."),
    )


@private
@require_GET
def print_letters(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """``/meetings/<id>/letters.pdf``: the letters that wait, each behind a page with its address. Printing marks nothing as sent."""
    meeting, of = access.access_meeting_for_delivering(person(request), meeting_id)
    rows = letters.waiting(meeting, of)
    if not rows:
        raise NotFound()
    return _printed(request, rows, f"{meeting.starts_at:%Y-%m-%d}", meeting=str(meeting.pk))


@private
@require_GET
def print_board_letters(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """``/boards/<id>/letters.pdf``: the letters of all its meetings that wait; ``?day=2026-11-25``: those that were made on that day."""
    board, of = access.access_board_for_delivering(person(request), board_id)
    form = DayForm(request.GET)
    if not form.is_valid():
        raise Invalid({"day": [_("Give a day like 2026-11-25.")]})
    day = form.cleaned_data["day"]
    rows = letters.waiting_of_board(board, of, day)
    if not rows:
        raise NotFound()
    return _printed(request, rows, f"{day:%Y-%m-%d}" if day else "all", board=str(board.pk))


def _printed(request: HttpRequest, rows: list[Dispatch], name: str, **where: str) -> HttpResponse:
    body, lost = letters.print_all(rows)
    for meeting_id, ids in _by_meeting(lost).items():
        lose_letters(by=person(request), meeting_id=meeting_id, dispatch_ids=ids)
    if lost:
        words = ngettext(
            "%(n)d letter is not among those that you print: its file cannot be read. It stands among the deliveries as given up.",
            "%(n)d letters are not among those that you print: their files cannot be read. They stand among the deliveries as given up.",
            len(lost),
        )
        messages.warning(request, words % {"n": len(lost)})
    named = ((row.hospital_id, row.report.decision.case_id) for row in rows if row not in lost)  # type: ignore[union-attr]
    trace("letters.printed", named, **where)  # type: ignore[arg-type]
    response = HttpResponse(body, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="letters-{name}.pdf"'
    return response


def _by_meeting(rows: Iterable[Dispatch]) -> dict[UUID, list[UUID]]:
    found: dict[UUID, list[UUID]] = {}
    for row in rows:
        assert row.meeting_id is not None  # of what is no trial
        found.setdefault(row.meeting_id, []).append(row.pk)
    return found


@private
@require_POST
def mark_board(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """Say that letters of several meetings of a board were posted."""
    by = person(request)
    board, of = access.access_board_for_delivering(by, board_id)
    form = MarkForm(request.POST)
    back = reverse("meetings:board", args=[board.pk])
    if not form.is_valid():
        return did(request, back, _("Choose what was sent."))
    chosen = set(form.cleaned_data["dispatch"])
    rows = list(access.visible_letters(board, of).filter(pk__in=chosen).order_by("meeting", "pk"))
    for meeting_id, ids in _by_meeting(rows).items():
        command_id = derived_id(form.cleaned_data["command_id"], meeting_id, "posted")
        mark_dispatches(by=by, meeting_id=meeting_id, dispatch_ids=ids, sent=True, command_id=command_id)
    n = len(rows)
    words = ngettext("%(n)d letter marked as sent.", "%(n)d letters marked as sent.", n) % {"n": n}
    return did(request, back, words if rows else _("None of these letters waits any more."))
