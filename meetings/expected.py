"""Who is expected at a sitting, out of the board's people, the requesters and what they answered; and what will be missing.

Nobody who did not answer is taken for absent: the warning is about those who said no. Two quorums are reckoned as if everybody who
did not decline came by video: the board's own and the one for billing.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from mdo.directory import disciplines
from mdo.directory.models import BoardRole, Person
from meetings import attendance
from meetings.models import AgendaItem, Meeting, Reply
from meetings.quorum import Participant, Quorum

_EXPECTED = (AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN)


@dataclass(frozen=True)
class Expected:
    """One person: in what discipline, and what they answered (``yes``, ``no``, or ``""``); ``deputy`` comes instead."""

    person: Person
    organisation_id: UUID
    discipline: str
    answer: str
    deputy: str
    requests: bool

    @property
    def comes(self) -> bool:
        return self.answer != Reply.Answer.NO

    def prepares(self, discipline: str) -> bool:
        """Whether this one looks at the cases for that discipline: whoever only asks about an own case is not there for the others'."""
        return self.discipline == discipline and not self.requests


@dataclass(frozen=True)
class Forecast:
    """Everybody, with how many come of each discipline, and the quorums that will be met or not."""

    people: Sequence[Expected]
    board: Quorum
    billing: Quorum

    @property
    def absent(self) -> list[Expected]:
        return [each for each in self.people if not each.comes]

    @property
    def answered(self) -> int:
        return sum(each.answer != "" for each in self.people)

    @property
    def warnings(self) -> list[str]:
        """Sentences about what will be missing, in the language that is active; none while everything is met."""
        return [] if self.board.met else list(self.board.reasons)

    @property
    def missing_disciplines(self) -> list[str]:
        """Disciplines of which everybody said no, in words."""
        there = Counter(each.discipline for each in self.people if each.comes)
        gone = {
            each.discipline for each in self.people if not each.comes and each.discipline and not there[each.discipline]
        }
        return sorted(disciplines.words(code) for code in gone)


def expected(meeting: Meeting, in_office: Iterable[BoardRole]) -> Forecast:
    """The forecast of a sitting, with the board's people ``in_office``. Two queries; in the door of somebody who may see the agenda."""
    replies = {each.person_id: each for each in Reply.objects.filter(meeting=meeting).select_related("deputy")}
    roles: dict[UUID, BoardRole] = {}
    for role in in_office:
        if role.role == BoardRole.Role.OBSERVER:
            continue
        known = roles.get(role.person_id)
        if known is None or role.role == BoardRole.Role.COORDINATOR:
            roles[role.person_id] = role
    people = [_one(role.person, role.organisation_id, replies, requests=False) for role in roles.values()]
    asking = AgendaItem.objects.filter(meeting=meeting, state__in=_EXPECTED, referral__isnull=False)
    seen = set(roles)
    # Each requester once, with the first of their items: a few people stand behind sixty.
    first = asking.order_by("referral__requester_id", "position").distinct("referral__requester_id")
    for item in first.select_related("referral__requester"):
        requester = item.referral.requester if item.referral is not None else None
        if requester is not None and requester.pk not in seen:
            seen.add(requester.pk)
            people.append(_one(requester, item.hospital_id, replies, requests=True))
    people.sort(key=lambda each: (each.comes, each.person.last_name, each.person.first_name))
    participants = [
        Participant.present(
            each.person.pk,
            each.person.profession,
            each.discipline,
            each.organisation_id,
            means="video",
            at=meeting.starts_at,
            is_coordinator=each.person.pk in roles and roles[each.person.pk].role == BoardRole.Role.COORDINATOR,
        )
        for each in people
        if each.comes
    ]
    board, billing = attendance.quorums(meeting.board, participants, disciplines.all_words())
    return Forecast(people, board, billing)


def deputies(in_office: Iterable[BoardRole], by: Person) -> list[tuple[Person, str]]:
    """Who could come instead of somebody, with their discipline in words: the board's people, those of the same discipline first."""
    found = {role.person_id: role.person for role in in_office if role.role != BoardRole.Role.OBSERVER}
    found.pop(by.pk, None)
    order = sorted(found.values(), key=lambda each: (each.discipline != by.discipline, each.last_name, each.first_name))
    return [(each, disciplines.words(each.discipline)) for each in order]


def _one(person: Person, organisation_id: UUID, replies: dict[UUID, Reply], *, requests: bool) -> Expected:
    reply = replies.get(person.pk)
    deputy = reply.deputy.display_name if reply is not None and reply.deputy is not None else ""
    return Expected(person, organisation_id, person.discipline, reply.answer if reply else "", deputy, requests)
