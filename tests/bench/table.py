"""Rooms to measure in: boards with people, a running meeting with cases, and a session for everybody."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from mdo.directory.models import Board, BoardRole, OrganisationRole, Person
from mdo.kernel.ids import new_id
from meetings.models import AgendaItem
from meetings.room.protocol import SUBPROTOCOL
from tests.bench.sockets import Door
from tests.cast import Cast, Member
from tests.factories import make_item, make_meeting, make_referral
from tests.room_client import sign_in

LINES_PER_PERSON = 5  # as many as the room lets one person have
LANGUAGES = ("nl", "nl", "nl", "fr")
_serial = count(1)


@dataclass
class Table:
    """One room: whose sessions enter it, and the item that goes back and forth on its agenda."""

    meeting_id: UUID
    sessions: list[str]
    item_id: UUID
    version: int
    places: tuple[int, int]
    at: int = 0
    chair_id: UUID = field(default_factory=new_id)

    def door(self, port: int, line: int, since: int | None = None) -> Door:
        """The address of the room for its ``line``-th socket; the first five are the chair's."""
        query = f"?since={since}" if since is not None else ""
        cookie = f"{settings.SESSION_COOKIE_NAME}={self.sessions[line // LINES_PER_PERSON % len(self.sessions)]}"
        return Door(port, f"/ws/meetings/{self.meeting_id}/{query}", cookie, SUBPROTOCOL)

    def move(self) -> tuple[str, str]:
        """The next command, as a cheap real one: the last waiting case one place up or down. (its id, the frame)."""
        self.at = 1 - self.at
        command_id = str(new_id())
        args = {"item": str(self.item_id), "to": self.places[self.at], "version": self.version}
        self.version += 1
        return command_id, json.dumps({"id": command_id, "do": "agenda.move_item", "args": args})


def make_people(cast: Cast, number: int) -> list[Member]:
    """Specialists of the organiser."""
    since = timezone.now() - timedelta(days=30)
    people = [
        Person(
            username=f"bench{next(_serial)}",
            email=f"bench{next(_serial)}@example.org",
            password="!",
            title="dr.",
            first_name="Marie",
            last_name=f"Van de Velde {position}",
            profession=Person.Profession.PHYSICIAN,
            discipline="surgery",
            language=LANGUAGES[position % len(LANGUAGES)],
        )
        for position in range(number)
    ]
    Person.objects.bulk_create(people)
    OrganisationRole.objects.bulk_create(
        OrganisationRole(
            person=each, organisation=cast.organiser, role=OrganisationRole.Role.CLINICIAN, valid_from=since
        )
        for each in people
    )
    return [Member(each, cast.organiser) for each in people]


def make_table(cast: Cast, people: list[Member], sessions: list[str], items: int = 12) -> Table:
    """A running meeting of a board of its own: the first of the people is its chair, the others are members."""
    since = timezone.now() - timedelta(days=30)
    board = Board.objects.create(
        network=cast.network,
        organiser=cast.organiser,
        name=f"MOC {next(_serial)}",
        kind="tumour_board",
        dossier="breast",
    )
    BoardRole.objects.bulk_create(
        BoardRole(
            board=board,
            person=each.person,
            organisation=cast.organiser,
            role=BoardRole.Role.MEMBER if position else BoardRole.Role.CHAIR,
            valid_from=since,
        )
        for position, each in enumerate(people)
    )
    meeting = make_meeting(board, state="running")
    made: list[AgendaItem] = [
        make_item(meeting, make_referral(board, cast.organiser, people[0].person, status="scheduled"))
        for _ in range(items)
    ]
    return Table(meeting.pk, sessions, made[-1].pk, made[-1].version, (items, items - 1), chair_id=people[0].pk)


def seat(cast: Cast, rooms: int, lines: int, *, own_people: bool = True) -> list[Table]:
    """``rooms`` rooms for ``lines`` sockets each, so that nobody needs more than a person may have."""
    people = make_people(cast, -(-lines // LINES_PER_PERSON))
    sessions = [sign_in(each) for each in people]
    return [make_table(cast, people, sessions) for _ in range(rooms)]
