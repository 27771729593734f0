"""What the disciplines that look at images and slides still have before them, for the coming sittings of somebody's boards."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from cases.access import visible_referrals
from cases.models import PreparationNote
from mdo.directory import disciplines
from mdo.directory.access import Standing
from mdo.directory.disciplines import PREPARING
from mdo.directory.models import Person
from mdo.kernel.acting import Actor
from mdo.kernel.clock import now
from meetings.expected import Forecast
from meetings.models import AgendaItem, Meeting
from meetings.wishes import needs_of


def prepares(discipline: str) -> bool:
    """Whether people of this discipline have a worklist of their own."""
    return discipline in PREPARING


def coming(meeting_id: UUID | None = None) -> Q:
    """The condition for an item that is still to be discussed, at a sitting that runs or comes (or at that one meeting)."""
    state = Meeting.State
    soon = Q(meeting__state__in=(state.PLANNED, state.PUBLISHED), meeting__ends_at__gt=now())
    when = soon | Q(meeting__state=state.RUNNING)
    if meeting_id is not None:
        when &= Q(meeting=meeting_id)
    return when & Q(state__in=(AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN), referral__isnull=False)


def items_to_prepare(by: Actor, standings: Sequence[Standing], meeting_id: UUID | None = None) -> QuerySet[AgendaItem]:
    """**The rule.** The coming items whose case ``by`` may both read and prepare, by a seat on the board: hospital by hospital, as far
    as the seat reaches. A requester's own case at a board on which they do not sit is not on a worklist."""
    within = Q(pk__in=[])
    for each in standings:
        hospitals = [
            hospital
            for hospital in each.reach
            if each.permits("prepare", each.facts_for(hospital)) and each.permits("read_case", each.facts_for(hospital))
        ]
        within |= Q(meeting__board=each.board, hospital__in=hospitals)
    return AgendaItem.objects.filter(coming(meeting_id), within, referral__in=visible_referrals(by))


def not_seen(by: Actor, standings: Sequence[Standing]) -> int:
    """How many coming cases ``by`` has not looked at yet. One query."""
    mine = PreparationNote.objects.filter(referral=OuterRef("referral"), author=by.actor_id, replaced_at=None)
    return items_to_prepare(by, standings).filter(~Exists(mine)).count()


def open_by_discipline(items: Iterable[AgendaItem], notes: Iterable[PreparationNote]) -> dict[str, int]:
    """For each discipline that prepares, how many of these items nobody of it has looked at. ``notes``: those in force."""
    seen: dict[str, set[UUID]] = {code: set() for code in PREPARING}
    for note in notes:
        if note.discipline in seen:
            seen[note.discipline].add(note.referral_id)
    referrals: Collection[UUID] = {item.referral_id for item in items if item.referral_id is not None}
    return {code: sum(referral not in found for referral in referrals) for code, found in seen.items()}


@dataclass(frozen=True)
class NotSeen:
    """What a discipline has not looked at of one sitting: the numbers of its items, out of ``all`` that need the discipline. ``people``:
    who of it comes and has looked at none."""

    discipline: str
    words: str
    numbers: tuple[int, ...]
    all: int
    people: tuple[Person, ...]


def not_seen_by_discipline(
    meeting: Meeting, items: Sequence[AgendaItem], notes: Sequence[PreparationNote], coming: Forecast
) -> list[NotSeen]:
    """For each preparing discipline of which somebody comes and that an item needs (``wishes.needs_of``), what nobody of it has looked
    at, the most first. ``items``: those that wait, with referral and case; ``notes``: those in force. No query."""
    found = []
    for code in PREPARING:
        people = {each.person.pk: each.person for each in coming.people if each.comes and each.prepares(code)}
        own = [item for item in items if code in needs_of(item, meeting, readable=True)]
        if not own or not people:
            continue
        of_it = [note for note in notes if note.discipline == code]
        seen, looked = {note.referral_id for note in of_it}, {note.author_id for note in of_it}
        numbers = tuple(item.position for item in own if item.referral_id not in seen)
        idle = tuple(each for key, each in people.items() if key not in looked)
        found.append(NotSeen(code, disciplines.words(code), numbers, len(own), idle))
    return sorted(found, key=lambda each: -len(each.numbers))
