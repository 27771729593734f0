"""What waits for the coordinator's signature: everything to read, then one or all."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from cases.dossiers.board_kinds import board_kind
from mdo.directory import access as directory
from mdo.directory.middleware import is_id
from mdo.directory.views.proving import Asking
from mdo.kernel.action import Done
from mdo.kernel.dates import local
from mdo.kernel.errors import Denied, NotFound, Unproved
from mdo.kernel.ids import new_id
from meetings import access, chain
from meetings.actions.signing import sign_decisions
from meetings.forms import CommandForm
from meetings.models import Decision, Meeting
from meetings.reports import content, writing
from meetings.views.showing import SHOWN, did, form_sentences, person, private, sentences, status_of, trace


@dataclass(frozen=True)
class Waiting:
    """One decision to read: with what it was seen as (``seen``), its words, and who was there."""

    decision: Decision
    seen: str
    words: content.Recommendation
    present: tuple[content.Present, ...]
    changed: bool = False
    differs: tuple[str, ...] = ()  # what changed since it was read, in words

    @property
    def value(self) -> str:
        """What the button sends: the decision, what it was seen as, and as what each part that is named when it changed."""
        parts = chain.parts(self.decision)
        return f"{self.decision.pk}:{self.seen}:{''.join(parts.get(name, NONE) for name in _SHOWN)}"

    @property
    def board_quorum(self) -> dict[str, int]:
        return dict(self.decision.quorum.get("board") or {})

    @property
    def billing_quorum(self) -> dict[str, int]:
        return dict(self.decision.quorum.get("billing") or {})


# What the page shows of a decision, by the field, and what it is called when it changed. Of each the value carries eight digits.
_SHOWN: dict[str, str | Promise] = {
    "steps": gettext_lazy("Steps"),
    "text": gettext_lazy("Recommendation"),
    "intent": gettext_lazy("Intent"),
    "deviation": gettext_lazy("Deviation from the guideline"),
    "agreed": gettext_lazy("Guideline, trial, action items"),
    "correction_reason": gettext_lazy("Why it is corrected"),
    "discussion": gettext_lazy("Discussion"),
    "voices": gettext_lazy("Confirmed or dissented"),
    "attendance": gettext_lazy("Present"),
}
NONE = "-" * 8


def _differs(decision: Decision, before: str) -> tuple[str, ...]:
    """Which parts are others than they were when ``before`` was sent out with the page."""
    parts = chain.parts(decision)
    known = [before[at : at + 8] for at in range(0, len(before), 8)]
    return tuple(
        str(words) for (name, words), was in zip(_SHOWN.items(), known, strict=False) if parts.get(name, NONE) != was
    )


@private
@require_GET
def signing(request: HttpRequest) -> HttpResponse:
    """Recorded decisions of closed meetings on the boards that one coordinates, by meeting. A constant number of queries."""
    return _page(request)


def _page(
    request: HttpRequest,
    *,
    errors: list[dict[str, str]] | None = None,
    status: int = 200,
    seen_before: dict[UUID, str] | None = None,
    parts_before: dict[UUID, str] | None = None,
) -> HttpResponse:
    by = person(request)
    standings = directory.visible_boards(by)
    boards = [each.board for each in standings if each.permits("sign")]
    if not boards:
        raise Denied() if standings else NotFound()
    found = (
        access.visible_decisions(by)
        .filter(board__in=boards, state=Decision.State.RECORDED, meeting__state=Meeting.State.CLOSED)
        .select_related(
            "meeting__board",
            "case__patient",
            "hospital",
            "item__topic",
            "item__referral__requester",
            "recorded_by",
            "replaces",
        )
        .order_by("meeting__starts_at", "meeting", "item__position", "version")
    )
    language = get_language()
    meetings: dict[UUID, tuple[Meeting, list[Waiting]]] = {}
    decisions = list(found)
    trace("signing.listed", ((each.hospital_id, each.case_id) for each in decisions if each.case_id))
    for decision in decisions:
        seen = chain.seen(decision)
        waiting = Waiting(
            decision,
            seen,
            writing.recommendation(decision, board_kind(decision.meeting.board.kind), language),
            tuple(writing.present(row, writing.times(decision.item)[1]) for row in decision.attendance),
            changed=(changed := (seen_before or {}).get(decision.pk, seen) != seen),
            differs=_differs(decision, (parts_before or {}).get(decision.pk, "")) if changed else (),
        )
        meetings.setdefault(decision.meeting_id, (decision.meeting, []))[1].append(waiting)
    context = {"groups": list(meetings.values()), "total": len(decisions), "errors": errors or [], "new_id": new_id}
    return render(request, "meetings/signing.html", context, status=status)


@private
@require_POST
def sign(request: HttpRequest, meeting_id: UUID) -> HttpResponse:
    """Sign one decision (its button names it) or all that the page showed of one meeting. Whoever last showed long ago that it is them is
    asked for it in between; what they read comes back with their answer."""
    form = CommandForm(request.POST)
    if not form.is_valid():
        return _page(request, errors=form_sentences(form), status=422)
    one = request.POST.get("one")
    values = [one] if one else request.POST.getlist("decision")[:500]
    seen: dict[UUID, str] = {}
    parts: dict[UUID, str] = {}
    for value in values:
        text, _colon, rest = value.partition(":")
        digest, _colon, before = rest.partition(":")
        decision_id = is_id(text)
        if decision_id is None:
            raise NotFound()
        seen[decision_id], parts[decision_id] = digest, before

    def act() -> Done:
        return sign_decisions(
            by=person(request),
            meeting_id=meeting_id,
            decisions=sorted(seen.items()),
            command_id=form.cleaned_data["command_id"],
        )

    try:
        try:
            done = act()
        except Unproved:
            # Only now: what was signed already is answered before, also to a double click with a code that counts once.
            asking = Asking(request)
            if not asking.answered():
                return _asked(request, asking, meeting_id, values, form.cleaned_data["command_id"])
            done = act()
    except SHOWN as refusal:
        return _page(
            request, errors=sentences(refusal), status=status_of(request, refusal), seen_before=seen, parts_before=parts
        )
    there = _signed(request, seen)
    left = len(seen) - there
    signed = there if done.replayed else len(done.events)
    if left:
        # Shown at once, with what changed of each: after a redirect nobody would know any more what was read.
        words = ngettext(
            "%(n)d decision changed since you read it and was not signed. Read it again.",
            "%(n)d decisions changed since you read them and were not signed. Read them again.",
            left,
        )
        told = [{"message": words % {"n": left}}]
        return _page(request, errors=told, status=409, seen_before=seen, parts_before=parts)
    words = ngettext("%(n)d decision signed.", "%(n)d decisions signed.", signed) % {"n": signed}
    if there > signed:
        before = ngettext("%(n)d was signed already.", "%(n)d were signed already.", there - signed)
        words += " " + before % {"n": there - signed}
    return did(request, reverse("meetings:signing"), words + " " + _("The reports are being made."))


def _signed(request: HttpRequest, asked: Iterable[UUID]) -> int:
    """How many of these are signed by now, by this command, its first telling or somebody else."""
    done = (Decision.State.SIGNED, Decision.State.REPLACED)
    return access.visible_decisions(person(request)).filter(pk__in=list(asked), state__in=done).count()


def _asked(request: HttpRequest, asking: Asking, meeting_id: UUID, values: list[str], command_id: UUID) -> HttpResponse:
    meeting = access.access_meeting_for(person(request), meeting_id, "sign", lock=False)
    words = ngettext("Sign %(n)d decision", "Sign %(n)d decisions", len(values)) % {"n": len(values)}
    return asking.page(
        title=words,
        lede=f"{meeting.board.name}, {local(meeting.starts_at, 'l j F Y')}",
        submit=words,
        refused=_("Nothing is signed yet"),
        carried=[("command_id", str(command_id)), *(("decision", each) for each in values)],
        back=reverse("meetings:signing"),
    )
