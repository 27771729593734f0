"""What a mail says: a few words, a link and, where it invites, a calendar entry. Never health data, nobody's name but the
reader's, and no line break in what people typed: one line of theirs stays one line of ours.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cases.models import Referral
from mdo.directory.middleware import FOR
from mdo.kernel import sms
from mdo.kernel.clock import now
from mdo.kernel.lines import one_line
from meetings import calendar, digests, forecast, guests, series
from meetings.invited import lives
from meetings.models import AgendaItem, Delivery, GuestInvitation, Meeting
from meetings.reports.wording import Wording

Kind = Delivery.Kind


def message_id(delivery_id: UUID) -> str:
    """The Message-ID of a delivery, the same for ever (RFC 5322 §3.6.4)."""
    return f"<{delivery_id}@{_domain()}>"


def _domain() -> str:
    return parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or calendar.UID_DOMAIN


def link(path: str, delivery: Delivery | None = None, *, organisation: UUID | None = None) -> str:
    """The full address of a page of this site. With a delivery or an organisation it says for which one the recipient was written
    to, so that somebody who works for two finds the page without switching first."""
    organisation = organisation or (delivery.detail.get("for") if delivery else None)
    return f"{settings.MDO_ORIGINS[0]}{path}" + (f"?{FOR}={organisation}" if organisation else "")


def compose(delivery: Delivery) -> "EmailMultiAlternatives | TextMessage | str":
    """The message of a delivery, in the recipient's language; or why none has to be sent any more. Needs the door of the house."""
    person = delivery.recipient
    if delivery.kind == Kind.GUEST_CODE:
        return text_message(delivery)
    to = _guest(delivery).mail if delivery.kind == Kind.GUEST_LINK else person.email
    if not person.is_active or not to:
        return "no address"
    with translation.override(person.language):
        content = _CONTENT[Kind(delivery.kind)](delivery)
        if isinstance(content, str):
            return content
        subject, words, invitation = content
        body = render_to_string(f"mail/{delivery.kind}.txt", {"name": one_line(person.display_name), **words})
    message = EmailMultiAlternatives(
        one_line(subject),
        body.strip() + "\n",
        settings.DEFAULT_FROM_EMAIL,
        [to],
        headers={"Message-ID": delivery.message_id, "Auto-Submitted": "auto-generated"},
    )
    if invitation is not None:
        method, content_bytes = invitation
        message.attach_alternative(content_bytes.decode(), f"text/calendar; method={method}")
    return message


_Content = tuple[str, dict[str, Any], tuple[str, bytes] | None] | str


def _sitting(meeting: Meeting) -> dict[str, Any]:
    return {
        "board": one_line(meeting.board.name),
        "moment": Wording(meeting.board.time_zone).moment(meeting.starts_at),
        "place": one_line(meeting.place),
    }


def _title(text: str, words: dict[str, Any]) -> str:
    return text % {"board": words["board"], "moment": words["moment"]}


def _invitation(delivery: Delivery) -> _Content:
    meeting = delivery.meeting
    assert meeting is not None
    sequence = int(delivery.detail["sequence"])
    if meeting.state not in (Meeting.State.PUBLISHED, Meeting.State.RUNNING):
        return "the meeting was called off or is over"
    if sequence < meeting.calendar_sequence:
        return "superseded"
    words = _sitting(meeting)
    guest = delivery.detail.get("as") == "guest"
    path = reverse("meetings:room" if guest else "meetings:agenda", args=[meeting.pk])
    words |= {"as": delivery.detail.get("as"), "url": link(path, delivery), "again": sequence > 0}
    starts_at, ends_at = meeting.starts_at, meeting.ends_at
    if guest:
        # The moment of the own item only: the length of the rest would tell of others.
        item = AgendaItem.objects.filter(pk=delivery.detail["item"], meeting=meeting).first()
        if item is None or item.state not in (AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN):
            return "the item was taken off"
        if not lives(item.pk):
            return _NO_MORE
        items = list(AgendaItem.objects.filter(meeting=meeting).order_by("position"))
        expected = forecast.forecast(items, starts_at=meeting.starts_at, started_at=meeting.started_at).items
        starts_at = expected.get(item.pk, meeting.starts_at)
        ends_at = starts_at + timedelta(minutes=item.minutes)
        words["moment"] = Wording(meeting.board.time_zone).moment(starts_at)
    text = _("Changed: %(board)s, %(moment)s") if sequence else _("%(board)s, %(moment)s")
    ics = calendar.request(
        _calendar(delivery, meeting, sequence, starts_at, ends_at, words["url"]), _attendee(delivery)
    )
    return _title(text, words), words, ("REQUEST", ics)


def _calendar(
    delivery: Delivery, meeting: Meeting, sequence: int, starts_at: datetime, ends_at: datetime, url: str
) -> calendar.Invitation:
    return calendar.Invitation(
        meeting_id=meeting.pk,
        sequence=sequence,
        starts_at=starts_at,
        ends_at=ends_at,
        title=meeting.board.name,
        organiser=calendar.Attendee(parseaddr(settings.DEFAULT_FROM_EMAIL)[1], meeting.board.organiser.name),
        stamp=delivery.created_at,
        zone=meeting.board.time_zone,
        place=meeting.place,
        link=url,
    )


def _attendee(delivery: Delivery) -> calendar.Attendee:
    person = delivery.recipient
    return calendar.Attendee(person.email, person.display_name, bool(delivery.detail.get("required", True)))


def _cancellation(delivery: Delivery) -> _Content:
    meeting = delivery.meeting
    assert meeting is not None
    words = _sitting(meeting)
    words["called_off"] = meeting.state == Meeting.State.CANCELLED
    sequence = max(1, int(delivery.detail["sequence"]))
    entry = _calendar(delivery, meeting, sequence, meeting.starts_at, meeting.ends_at, "")
    return (
        _title(_("Cancelled: %(board)s, %(moment)s"), words),
        words,
        ("CANCEL", calendar.cancel(entry, _attendee(delivery))),
    )


def _reports(delivery: Delivery) -> _Content:
    meeting = delivery.meeting
    assert meeting is not None
    words = _sitting(meeting)
    decisions = [
        link(reverse("meetings:decision", args=[each]), delivery) for each in delivery.detail.get("decisions", [])
    ]
    postponed = [link(reverse("cases:detail", args=[each]), delivery) for each in delivery.detail.get("postponed", [])]
    minutes = link(reverse("meetings:minutes", args=[meeting.pk]), delivery) if delivery.detail.get("minutes") else ""
    corrected = bool(delivery.detail.get("corrected"))
    letters = [
        link(reverse("meetings:letter_to_gp", args=[each]), delivery) for each in delivery.detail.get("letters", [])
    ]
    words |= {"decisions": decisions, "postponed": postponed, "minutes": minutes, "corrected": corrected}
    words["letters"] = letters
    if letters:
        text = _("A letter about a patient of yours: %(board)s, %(moment)s")
    elif corrected:
        text = _("Corrected report: %(board)s, %(moment)s")
    elif decisions or minutes:
        text = _("Reports ready: %(board)s, %(moment)s")
    else:
        text = _("Postponed: %(board)s, %(moment)s")
    return _title(text, words), words, None


def _digest(delivery: Delivery) -> _Content:
    found = [_section(section) for section in digests.sections(delivery)]
    if not found:
        return "nothing is left to do"
    words = {"sections": found}
    first = found[0]
    if len(found) == 1:
        return _title(_("To do for %(board)s, %(moment)s"), first), words, None
    text = ngettext("To do for %(n)d sitting", "To do for %(n)d sittings", len({each["about"] for each in found}))
    return text % {"n": len({each["about"] for each in found})}, words, None


def _section(section: digests.Section) -> dict[str, Any]:
    """What one section says: numbers and links. A link names a question by a number that tells nothing (``cases/answers.py``)."""
    meeting, task, kind = section.line.meeting, section.task, section.line.kind
    zone = Wording(meeting.board.time_zone)
    words = {**_sitting(meeting), "about": str(meeting.pk), "kind": "ask" if kind.startswith("ask") else kind}
    words |= {
        "unfinished": task.unfinished,
        "waiting": task.waiting,
        "unsigned": task.unsigned,
        "unfollowed": task.unfollowed,
    }
    words |= {"incomplete": task.incomplete, "cases": task.cases, "deadline": zone.moment(series.deadline(meeting))}
    match words["kind"]:
        case "ask":
            links = [
                link(path or reverse("cases:edit", args=[case]), organisation=hospital)
                for hospital, case, path in task.answers
            ]
            words |= {"links": list(dict.fromkeys(links)), "answers": len(links)}
            words["due"] = zone.moment(task.due) if task.due is not None and task.due > now() else ""
        case "deadline":
            words["url"] = link("/", organisation=task.organisation)
        case "reply":
            words["url"] = link(reverse("meetings:agenda", args=[meeting.pk]), organisation=task.organisation)
        case "readiness":
            path = reverse("meetings:readiness", args=[meeting.board_id])
            words["url"] = link(path, organisation=task.organisation)
        case "signature":
            words["url"] = link(reverse("meetings:signing"), organisation=task.organisation)
        case "follow_up":
            words["url"] = link(reverse("meetings:follow_up"), organisation=task.organisation)
    return words


def _returned(delivery: Delivery) -> _Content:
    referral = (
        Referral.objects.select_related("board")
        .filter(pk=delivery.detail["referral"], status=Referral.Status.RETURNED)
        .first()
    )
    if referral is None:
        return "it was handed in again"
    board = one_line(referral.board.name)
    words = {"board": board, "url": link(reverse("cases:detail", args=[delivery.detail["case"]]), delivery)}
    return _("A submission came back: %(board)s") % {"board": board}, words, None


def _call_in(delivery: Delivery) -> _Content:
    meeting = delivery.meeting
    assert meeting is not None
    item = AgendaItem.objects.filter(pk=delivery.detail["item"], meeting=meeting).first()
    waits = item is not None and item.state in (AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN)
    if meeting.state != Meeting.State.RUNNING or not waits:
        return "it is over"
    words = {**_sitting(meeting), "url": link(reverse("meetings:room", args=[meeting.pk]), delivery)}
    return _("You are called in: %(board)s") % {"board": words["board"]}, words, None


def _guest(delivery: Delivery) -> GuestInvitation:
    found = GuestInvitation.objects.select_related("meeting__board__organiser", "person")
    return found.get(pk=delivery.detail["guest"])


_NO_MORE = "nobody is invited for this item any more"


def _guest_link(delivery: Delivery) -> _Content:
    invitation = _guest(delivery)
    if guests.is_over(invitation):
        return "the invitation is over"
    if not lives(invitation.item_id):
        return _NO_MORE
    meeting = invitation.meeting
    words = _sitting(meeting)
    # Behind the #, so that no server, proxy or log on the way ever sees it (docs/decisions/guest-links.md).
    words["url"] = f"{link(reverse('meetings:guest'))}#{guests.token(invitation)}"
    words["texted"] = bool(invitation.phone) and sms.gateway() is not None
    return _title(_("%(board)s, %(moment)s"), words), words, None


@dataclass(frozen=True)
class TextMessage:
    """What a gateway is given."""

    number: str
    text: str

    def send(self) -> None:
        """Raises what the gateway raises, and ``RuntimeError`` where there is none any more."""
        gateway = sms.gateway()
        if gateway is None:
            raise RuntimeError("there is no gateway for text messages")
        gateway.send(self.number, self.text)


def text_message(delivery: Delivery) -> TextMessage | str:
    """The text message with a guest's code, in their language; or why none has to be sent any more."""
    invitation = _guest(delivery)
    if guests.is_over(invitation) or invitation.confirmed_at is not None:
        return "the code is not needed any more"
    if not lives(invitation.item_id):
        return _NO_MORE
    if not invitation.phone:
        return "no number"
    with translation.override(invitation.person.language):
        words = _("Your code for the meeting: %(code)s. Type it on the page of the link that you got by mail.")
        return TextMessage(invitation.phone, words % {"code": guests.code(invitation)})


_CONTENT = {
    Kind.GUEST_LINK: _guest_link,
    Kind.CALL_IN: _call_in,
    Kind.INVITATION: _invitation,
    Kind.CANCELLATION: _cancellation,
    Kind.REPORTS: _reports,
    Kind.DIGEST: _digest,
    Kind.RETURNED: _returned,
}
