"""What the room does with the database: blocking calls, run in the room's own bounded threads.

Each function opens its own door (or none, for the leases) and gives its connection back. Nothing here knows sockets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection
from django.utils import translation
from django.utils.translation import gettext as _

from mdo.directory.models import Person
from mdo.kernel import audit, journal
from mdo.kernel.acting import System, acting
from mdo.kernel.action import Done
from mdo.kernel.errors import Denied, NotFound, Unavailable
from meetings.room import commands, presence, snapshot
from meetings.room.audience import Place
from meetings.room.snapshot import Audience
from meetings.room.streams import Parts, parts_of

HOUSE = System("room")
REPLAY_AT_MOST = 64
LOCK_TIMEOUT_MS = 2000


@dataclass(frozen=True)
class News:
    """Entries of a journal, drawn for each audience: ``patches[audience][i]`` belongs to ``entries[i]``."""

    entries: list[journal.Entry]
    patches: dict[Audience, list[dict[str, Any]]]
    guests: dict[Audience, dict[str, Any]]
    audiences_moved: bool


def news(meeting_id: UUID, since: int, audiences: Sequence[Audience]) -> News:
    """What happened in a room after ``since``, drawn once for each audience. Reads the journal and the room once."""
    with acting(HOUSE, None, "room"):
        entries = journal.read(meeting_id, since)
        if not entries:
            return News([], {}, {}, False)
        all_parts = [parts_of(entry.name, entry.data) for entry in entries]
        whole = any(audience.guest_items is not None for audience in audiences)
        room = snapshot.load(meeting_id, None if whole else Parts.of_all(all_parts))
    patches: dict[Audience, list[dict[str, Any]]] = {}
    guests: dict[Audience, dict[str, Any]] = {}
    for audience in audiences:
        if audience.guest_items is None:
            patches[audience] = [snapshot.draw(room, audience, parts) for parts in all_parts]
        else:
            guests[audience] = snapshot.draw_guest(room, audience)
    return News(entries, patches, guests, any(parts.audiences for parts in all_parts))


@dataclass(frozen=True)
class Start:
    """How a connection begins, at the journal's sequence ``seq``: with the whole room, or with what it missed."""

    seq: int
    room: dict[str, Any] | None
    replay: list[tuple[journal.Entry, dict[str, Any]]]


@dataclass(frozen=True)
class Stand:
    """A room as it stands at the journal's sequence ``head``, with the entries after ``since`` where they were asked for and known."""

    head: int
    since: int | None
    entries: list[journal.Entry]
    room: snapshot.Room


def stand(meeting_id: UUID, since: int | None) -> Stand:
    """Read a room for new connections of any audience; ``since``: of a near past, with what came after it.

    The head is read before the state: what happens in between is drawn and will be told once more, which changes nothing.
    """
    with acting(HOUSE, None, "room"):
        head = journal.head(meeting_id)
        entries: list[journal.Entry] = []
        if since is not None and 0 < since <= head and head - since <= REPLAY_AT_MOST:
            entries = [entry for entry in journal.read(meeting_id, since) if entry.seq <= head]
        else:
            since = None
        return Stand(head, since, entries, snapshot.load(meeting_id))


def drawn(stand: Stand, audience: Audience, since: int | None) -> Start:
    """The beginning of one audience's connections: only what came after ``since``, where that is known. Pure."""
    if audience.guest_items is not None:
        return Start(stand.head, snapshot.draw_guest(stand.room, audience), [])
    if since is not None and stand.since is not None and stand.since <= since <= stand.head:
        entries = [entry for entry in stand.entries if entry.seq > since]
        drawn = [(e, snapshot.draw(stand.room, audience, parts_of(e.name, e.data))) for e in entries]
        return Start(stand.head, None, drawn)
    return Start(stand.head, snapshot.draw_room(stand.room, audience), [])


def start(meeting_id: UUID, audience: Audience, since: int | None) -> Start:
    """The room for one new connection: read, then drawn."""
    return drawn(stand(meeting_id, since), audience, since)


def run_command(place: Place, meeting_id: UUID, command_id: UUID, name: str, args: dict[str, Any]) -> Done:
    """One command of one person: one door, one action. Raises ``Refused``; what cannot be stored is ``Unavailable``."""
    person = place.person
    with translation.override(person.language):
        try:
            return _acted(person, place, meeting_id, command_id, name, args)
        except (Denied, NotFound) as refusal:
            with acting(person, place.organisation_id, "room"):
                audit.refused(name if name in commands.COMMANDS else "unknown", refusal.code)
            raise
        except DatabaseError as error:
            raise Unavailable(_("This could not be stored now. Try again in a moment.")) from error


def _acted(person: Person, place: Place, meeting_id: UUID, command_id: UUID, name: str, args: dict[str, Any]) -> Done:
    command = commands.find(name)
    with acting(person, place.organisation_id, "room", action=name, savepoints=False, lock_timeout_ms=LOCK_TIMEOUT_MS):
        return command.run(by=person, meeting_id=meeting_id, command_id=command_id, args=args)


def note_presence(meeting_id: UUID, person_ids: list[UUID]) -> None:
    with acting(HOUSE, None, "room", action="presence.note", savepoints=False, lock_timeout_ms=LOCK_TIMEOUT_MS):
        presence.note_presence(by=HOUSE, meeting_id=meeting_id, person_ids=person_ids)


@dataclass(frozen=True)
class Pulse:
    """What one look at the database tells a process about all of its rooms."""

    epoch: int
    heads: dict[UUID, int]
    sessions: frozenset[str]


def pulse(meeting_ids: list[UUID], session_keys: list[str]) -> Pulse:
    """Heads of the rooms, the access epoch and which sessions still live: one statement. Raises ``DatabaseError``."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce((SELECT value FROM kernel_accessepoch WHERE id = 1), 0),"
            " (SELECT coalesce(json_object_agg(id, head), '{}') FROM kernel_stream WHERE id = ANY(%s)),"
            " (SELECT coalesce(json_agg(session_key), '[]') FROM django_session"
            "  WHERE session_key = ANY(%s) AND expire_date > now())",
            [meeting_ids, session_keys],
        )
        epoch, heads, sessions = cursor.fetchone()
    return Pulse(epoch, {UUID(key): head for key, head in heads.items()}, frozenset(sessions))
