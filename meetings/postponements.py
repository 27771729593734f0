"""How often a board postpones, why, and how much of it better preparation would have prevented. Counts, never names."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db.models import Count, Q
from django.utils.translation import get_language

from cases.dossiers.board_kinds import board_kind
from mdo.directory.models import Board
from mdo.kernel.clock import now
from meetings.models import AgendaItem

State = AgendaItem.State
PERIODS = (timedelta(days=91), timedelta(days=365))


@dataclass(frozen=True)
class Reason:
    """One coded reason with its words, how often it was given and whether it counts as avoidable."""

    words: str
    count: int
    avoidable: bool


@dataclass(frozen=True)
class Postponements:
    """Of a period: cases that were discussed, and those that were postponed by reason, the most frequent first."""

    since: date
    discussed: int
    reasons: tuple[Reason, ...]

    @property
    def postponed(self) -> int:
        return sum(reason.count for reason in self.reasons)

    @property
    def avoidable(self) -> int:
        return sum(reason.count for reason in self.reasons if reason.avoidable)

    @property
    def postponed_share(self) -> int | None:
        """Of all cases that came to the table, in whole per cent; ``None`` without any."""
        return _per_cent(self.postponed, self.discussed + self.postponed)

    @property
    def avoidable_share(self) -> int | None:
        """Of those that were postponed, in whole per cent; ``None`` without any."""
        return _per_cent(self.avoidable, self.postponed)


def _per_cent(part: int, whole: int) -> int | None:
    return round(100 * part / whole) if whole else None


def postponements(
    board: Board, hospitals: Collection[UUID], periods: Collection[timedelta] = PERIODS
) -> list[Postponements]:
    """For each period until now, out of the cases of these hospitals. One query.

    A case that was postponed twice counts twice: so often did people come for nothing. Which reasons are avoidable is data of the
    board's kind (``board_kinds.yaml``); a code that the kind does not know any more counts as not avoidable.
    """
    at: datetime = now()
    kind = board_kind(board.kind)
    columns = {
        f"n{index}": Count("pk", filter=Q(meeting__starts_at__gte=at - period)) for index, period in enumerate(periods)
    }
    found = (
        AgendaItem.objects.filter(
            meeting__board=board,
            meeting__imported=False,  # nobody came together for what was imported
            meeting__starts_at__lte=at,
            meeting__starts_at__gte=at - max(periods),
            state__in=(State.DISCUSSED, State.POSTPONED),
            referral__isnull=False,
            hospital__in=hospitals,
        )
        .values("state", "postponed_reason")
        .annotate(**columns)
        .order_by()
    )
    rows = list(found)
    result = []
    for index, period in enumerate(periods):
        counted = [(row["postponed_reason"], row[f"n{index}"]) for row in rows if row["state"] == State.POSTPONED]
        reasons = [
            Reason(
                kind.option_words("postponement_reasons", code, get_language()), count, code in kind.avoidable_reasons
            )
            for code, count in sorted(counted, key=lambda pair: -pair[1])
            if count
        ]
        discussed = sum(row[f"n{index}"] for row in rows if row["state"] == State.DISCUSSED)
        result.append(Postponements((at - period).date(), discussed, tuple(reasons)))
    return result
