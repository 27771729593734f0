"""Who is asked for what a case still misses, and until when. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from cases.dossiers.board_kinds import BoardKind, disciplines_asked


@dataclass(frozen=True, slots=True)
class Colleague:
    """Somebody of the board who may change cases of their own hospital: who, for which hospital, of what discipline."""

    person: UUID
    organisation: UUID
    discipline: str


def asked(owes: str, *, hospital: UUID, requester: UUID, colleagues: Iterable[Colleague]) -> tuple[UUID, ...]:
    """Who is asked for what the party ``owes`` of a dossier has to give (``board_kinds.yaml``, `asked`).

    The people of its disciplines whom the case's hospital has on the board, in the order given; the requester where there is
    nobody. Raises ``KeyError`` for a party that the file does not know.
    """
    wanted = disciplines_asked(owes)
    found = (each for each in colleagues if each.organisation == hospital and each.discipline in wanted)
    return tuple(dict.fromkeys(each.person for each in found)) or (requester,)


def due_at(item: str, kind: BoardKind, *, starts_at: datetime, zone: str) -> datetime:
    """Until when an item is needed for a meeting that begins at ``starts_at`` (aware): so many days before it, at the hour of the
    kind's deadline in the board's ``zone``; never later than the meeting itself. An item without a term is due with the cases."""
    term = kind.items.get(item)
    days = term.days_before if term is not None else kind.deadline.days_before
    day = starts_at.astimezone(ZoneInfo(zone)).date() - timedelta(days=days)
    return min(starts_at, datetime.combine(day, kind.deadline.at, ZoneInfo(zone)))
