"""What a proposed order has to do justice to, read from the database: what the dossiers, the replies and the secretary say.

- *Disciplines* of a case: what was set on its item, else what the board kind asks for by the dossier. A case out of the
  reader's reach, and a topic, ask for nobody.
- *People*: who sits on the board, by their discipline, and requesters. Whoever declined is not there; whoever said from when or
  until when they come is there then. Chair and coordinator stay for everything, unless they come for a while.
- *Heavy*: what was marked so, and what takes at least twice the board's usual minutes.
- *Breaks*: those that are planned, each about where it stands now; without any, one after the board's minutes (``Board.break_after``),
  where the items take half as long again.
- What is parked, covered by a protocol or no longer waits is not in it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from cases.dossiers.board_kinds import board_kind
from mdo.directory.models import BoardRole
from meetings.forecast import forecast
from meetings.models import AgendaItem, Meeting, Reply
from meetings.proposed_order import Break, Item, Person, Window, Wishes, with_needs

HEAVY_FROM = 2  # times the board's usual minutes
AROUND = timedelta(minutes=15)  # how much earlier or later than wished a break may begin


def waits_in_order(item: AgendaItem) -> bool:
    """Whether an item has a place in the order of what is discussed. A case that came out of reach has none for anybody."""
    hidden = item.referral_id is not None and item.referral is None
    return item.state == AgendaItem.State.SCHEDULED and not item.parked and not item.protocol and not hidden


def needs_of(item: AgendaItem, meeting: Meeting, *, readable: bool) -> frozenset[str]:
    """The disciplines that must have somebody there for an item; its referral's case is loaded where it is ``readable``."""
    return frozenset(item.needs) if item.needs is not None else needs_by_dossier(item, meeting, readable=readable)


def needs_by_dossier(item: AgendaItem, meeting: Meeting, *, readable: bool) -> frozenset[str]:
    """The same, whatever was set on the item."""
    if not readable or item.referral is None:
        return frozenset()
    case = item.referral.case
    return board_kind(meeting.board.kind).needs(case.dossier, case.data)


def is_heavy(item: AgendaItem, meeting: Meeting) -> bool:
    """Whether an item should come while people are fresh."""
    return item.heavy or item.minutes >= HEAVY_FROM * meeting.board.minutes_per_item


def wishes_for(
    meeting: Meeting, items: Sequence[tuple[AgendaItem, bool]], roles: Iterable[BoardRole], replies: Iterable[Reply]
) -> Wishes:
    """The wishes of one meeting. ``items``: those that wait in order, in their order, each with whether its case may be read.
    ``roles``: who is in office on the board. Asks nothing of the database."""
    answers = {each.person_id: each for each in replies}
    asked = [_item(item, meeting, readable) for item, readable in items]
    people = _people(roles, answers, frozenset(each.id for each in asked))
    known = {person.id for person in people}
    for item, _readable in items:
        requester = item.referral.requester if item.referral is not None else None
        if requester is not None and requester.pk not in known:
            known.add(requester.pk)
            window = _window(answers.get(requester.pk))
            # Not the discipline: whoever only asks about an own case is not there for the others'.
            people.append(Person(requester.pk, "", item.hospital_id, window))
    breaks = _breaks(meeting, [item for item, _readable in items])
    return Wishes(asked, with_needs(asked, people), meeting.starts_at, meeting.ends_at, breaks)


def _breaks(meeting: Meeting, items: Sequence[AgendaItem]) -> list[Break]:
    planned = list(forecast(items, starts_at=meeting.starts_at).breaks.values())
    board = meeting.board
    after = timedelta(minutes=board.break_after)
    wished = meeting.starts_at.astimezone(UTC) + after
    if len(planned) == 1 and after and abs(planned[0].starts_at - wished) <= AROUND:
        return [_about(wished, planned[0].minutes)]  # as the board wishes it: what was proposed is not proposed again
    if planned:
        return [_about(rest.starts_at, rest.minutes) for rest in planned]
    if not after or not board.break_minutes or timedelta(minutes=sum(item.minutes for item in items)) < after * 1.5:
        return []
    return [_about(wished, board.break_minutes)]


def _about(moment: datetime, minutes: int) -> Break:
    return Break(minutes, moment - AROUND, moment + AROUND)


def _item(item: AgendaItem, meeting: Meeting, readable: bool) -> Item:
    referral = item.referral
    guest = Window(item.guest_from, item.guest_until) if item.guest_from or item.guest_until else None
    return Item(
        id=item.pk,
        minutes=item.minutes,
        hospital=item.hospital_id,
        disciplines=needs_of(item, meeting, readable=readable),
        requester=referral.requester_id if referral is not None else None,
        guest=guest,
        heavy=is_heavy(item, meeting),
        locked=item.locked,
    )


def _people(roles: Iterable[BoardRole], answers: Mapping[UUID, Reply], every: frozenset[object]) -> list[Person]:
    found: dict[object, Person] = {}
    leads = {BoardRole.Role.CHAIR, BoardRole.Role.COORDINATOR}
    for role in roles:
        reply = answers.get(role.person_id)
        if role.role == BoardRole.Role.OBSERVER or (reply is not None and reply.answer == Reply.Answer.NO):
            continue
        window = _window(reply)
        stays = role.role in leads and window == Window()
        earlier = found.get(role.person_id)
        if earlier is None or stays:
            needed = every if stays else frozenset()
            found[role.person_id] = Person(role.person_id, role.person.discipline, role.organisation_id, window, needed)
    return list(found.values())


def _window(reply: Reply | None) -> Window:
    return Window(reply.can_from, reply.can_until) if reply is not None else Window()
