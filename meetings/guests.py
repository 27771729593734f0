"""Guests by link: what their link and code are, when it holds, and where they are in the meeting.

**The rule.** An invitation is for one person and one item. It holds from half an hour before the sitting (or its earlier start)
until an hour after its planned end, while the meeting is not over, once it was confirmed and until it is revoked. Who holds it has
a place before the door of that meeting; the case of the item is theirs to see while the item is open (``cases.Grant``), like
for any guest.

Link and code are not stored. Both follow, by HMAC-SHA256, from the site's secret, the invitation's id and the round in which they
were made: so the mail can be sent again as it was, and whoever reads the database learns neither.
"""

import hashlib
import hmac
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import JSONObject
from django.utils.crypto import salted_hmac

from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled
from meetings.models import AgendaItem, GuestInvitation, Meeting

LOBBY_OPENS = timedelta(minutes=30)
EXPIRES_AFTER = timedelta(hours=1)
TRIES = 5

_OVER = (Meeting.State.CLOSED, Meeting.State.CANCELLED)
_GONE = (AgendaItem.State.DISCUSSED, AgendaItem.State.POSTPONED, AgendaItem.State.WITHDRAWN)


# --- the link and the code ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Holder:
    """Whoever holds the link of this invitation, or says so: an actor who sees that one row and nothing else."""

    invitation_id: UUID

    @property
    def actor_kind(self) -> str:
        return "guest"

    @property
    def actor_id(self) -> UUID:
        return self.invitation_id


def _mac(word: str, invitation: GuestInvitation, round_: int) -> bytes:
    return salted_hmac(f"mdo.guest.{word}", f"{invitation.pk}:{round_}", algorithm="sha256").digest()


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(invitation: GuestInvitation) -> str:
    """What the link carries behind its ``#``: the invitation's id and 256 bits that nobody can guess (64 characters)."""
    return _text(invitation.pk.bytes + _mac("link", invitation, invitation.link_round))


def digest(secret: str) -> str:
    """What is stored of a token or of a browser's secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def holder_of(token: str) -> Holder | None:
    """Whose invitation a token says that it is of. Nothing is known of it yet: ``recognises`` says whether it is true."""
    if len(token) != 64 or not token.isascii():
        return None
    try:
        raw = b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        return None
    return Holder(UUID(bytes=raw[:16]))


def recognises(invitation: GuestInvitation, token: str) -> bool:
    """Whether this is the link that was made last. Takes the same time whatever was sent."""
    return hmac.compare_digest(invitation.token_digest, digest(token))


def code(invitation: GuestInvitation) -> str:
    """Six digits for the other channel: by text message, or read out."""
    return f"{int.from_bytes(_mac('code', invitation, invitation.code_round)[:8]) % 1_000_000:06d}"


def is_code(invitation: GuestInvitation, typed: str) -> bool:
    """Whether these are the six digits, with or without spaces between them. Takes the same time whatever was typed."""
    plain = "".join(typed.split()).encode("utf-8", "surrogatepass")
    return hmac.compare_digest(code(invitation).encode(), plain)


def is_device(invitation: GuestInvitation, secret: str | None) -> bool:
    """Whether this is the browser that confirmed, by what it keeps in its session."""
    return bool(invitation.device) and hmac.compare_digest(invitation.device, digest(secret or ""))


# --- when it holds -----------------------------------------------------------------------------------------------------


def expires_at(meeting: Meeting) -> datetime:
    """Until when a link to this sitting holds at most."""
    return meeting.ends_at + EXPIRES_AFTER


def opens_at(meeting: Meeting) -> datetime:
    return meeting.starts_at - LOBBY_OPENS


def is_over(invitation: GuestInvitation, at: datetime | None = None) -> bool:
    """Whether nothing comes after this any more: revoked, expired, or the meeting ended."""
    over = invitation.revoked_at is not None or invitation.expires_at <= (at or now())
    return over or invitation.meeting.state in _OVER


def is_open(invitation: GuestInvitation, at: datetime | None = None) -> bool:
    """Whether the lobby is open: half an hour before, or since somebody started the meeting."""
    meeting = invitation.meeting
    return meeting.state == Meeting.State.RUNNING or opens_at(meeting) <= (at or now())


def holding(at: datetime, opens: datetime) -> QuerySet[GuestInvitation]:
    """The invitations that give a place before the door at a moment: the rule above, as a query. ``opens``: ``LOBBY_OPENS`` later."""
    return GuestInvitation.objects.filter(
        Q(meeting__state=Meeting.State.RUNNING) | Q(meeting__starts_at__lte=opens),
        confirmed_at__isnull=False,
        revoked_at=None,
        expires_at__gt=at,
    ).exclude(meeting__state__in=_OVER)


def items_for(person_id: UUID) -> QuerySet[GuestInvitation]:
    """The ids of the items whose guest this person is now, by link. Asked as the house, like all that says who has a place."""
    moment = now()
    return holding(moment, moment + LOBBY_OPENS).filter(person=person_id).values("item")  # type: ignore[return-value]


def people_by_item(meeting: Meeting) -> dict[UUID, set[UUID]]:
    """For each item of a meeting the people who are or were its guests: named by the case, or let in by a link. One query."""
    rows = _people_by_item(meeting=meeting.pk)
    return {item_id: {*([guest] if guest else ()), *linked} for item_id, guest, linked in rows}


@compiled
def _people_by_item(meeting: UUID) -> QuerySet[AgendaItem, tuple[UUID, UUID | None, list[UUID]]]:
    by_link = GuestInvitation.objects.filter(item=OuterRef("pk"), confirmed_at__isnull=False).values("person")
    return AgendaItem.objects.filter(meeting=meeting).values_list("pk", "referral__guest", ArraySubquery(by_link))


def how_many() -> Subquery:
    """For items: to how many people each was opened by a link that was not withdrawn (``None`` for nobody)."""
    found = GuestInvitation.objects.filter(item=OuterRef("pk"), revoked_at=None).order_by().values("item")
    return Subquery(found.annotate(n=Count("pk")).values("n"))


# --- what the room says of them ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Invited:
    """One invitation as a room reads it together with its item."""

    id: UUID
    person: UUID
    name: str
    confirmed: bool
    revoked: bool


def with_invitations(items: QuerySet[AgendaItem]) -> QuerySet[AgendaItem]:
    """The items, each with its invitations as ``invitations_read`` (``invited_to`` reads it): no query of its own."""
    found = GuestInvitation.objects.filter(item=OuterRef("pk")).order_by("made_at", "id")
    shape = JSONObject(id="id", person="person_id", name="name", confirmed_at="confirmed_at", revoked_at="revoked_at")
    return items.annotate(invitations_read=ArraySubquery(found.values_list(shape)))


def invited_to(item: AgendaItem) -> list[Invited]:
    """Who was invited to an item that was read ``with_invitations``, oldest first; nobody for one that was not."""
    rows: list[dict[str, Any]] = getattr(item, "invitations_read", [])
    return [
        Invited(UUID(row["id"]), UUID(row["person"]), row["name"], bool(row["confirmed_at"]), bool(row["revoked_at"]))
        for row in rows
    ]


def guests_of(item: AgendaItem) -> set[UUID]:
    """The people who are or were guests of an item that was read ``with_invitations``."""
    named = {item.referral.guest_id} if item.referral is not None and item.referral.guest_id else set()
    return named | {each.person for each in invited_to(item) if each.confirmed}


def state(item: AgendaItem, *, confirmed: bool, revoked: bool, here: bool) -> str:
    """``invited`` · ``confirmed`` (not connected) · ``waiting`` (in the lobby) · ``in`` · ``out`` · ``revoked``."""
    if revoked:
        return "revoked"
    if not confirmed:
        return "invited"
    if item.state in _GONE:
        return "out"
    if not here:
        return "confirmed"
    return "in" if item.state == AgendaItem.State.OPEN else "waiting"


def states(items: Iterable[AgendaItem], here: Container[UUID]) -> list[dict[str, Any]]:
    """The room's ``guests``: ``{"id", "item", "name", "state"}`` of each, by item. ``here``: the people who are connected."""
    return [
        {
            "id": str(each.id),
            "item": str(item.pk),
            "name": each.name,
            "state": state(item, confirmed=each.confirmed, revoked=each.revoked, here=each.person in here),
        }
        for item in items
        for each in invited_to(item)
    ]


def slot(items: Iterable[AgendaItem]) -> str:
    """Where a guest of these items stands: ``in``, ``waiting``, or ``out`` when each of them is done with."""
    seen = {item.state for item in items}
    if AgendaItem.State.OPEN in seen:
        return "in"
    return "waiting" if AgendaItem.State.SCHEDULED in seen else "out"
