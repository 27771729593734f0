"""What was decided, and was it done: how many outcomes are known, and how many are asked. Who may answer stands in ``access``."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from cases.access import visible_cases, visible_referrals
from cases.models import Referral, living
from mdo.directory.models import OrganisationRole
from mdo.kernel.acting import Actor, current
from mdo.kernel.clock import now
from mdo.kernel.ids import derived_id
from meetings.following_up.access import (
    PATIENT,
    answers_for_the_house,
    drawn_for,
    visible_follow_ups,
    visible_to_refer,
)
from meetings.models import FollowUp


@dataclass(frozen=True)
class Known:
    """Of how many follow-ups that were due the outcome is known."""

    due: int
    answered: int

    @property
    def percent(self) -> int:
        return round(100 * self.answered / self.due) if self.due else 0


def known(by: Actor, on: date | None = None) -> Known:
    """The known outcomes among those that were due by ``on`` (today)."""
    due = visible_follow_ups(by).filter(due_on__lte=on or timezone.localdate(now()))
    with drawn_for(by):
        counted = due.aggregate(due=Count("pk"), answered=Count("pk", filter=~Q(outcome="")))
    return Known(counted["due"], counted["answered"])


def own_due(by: Actor, roles: Collection[str]) -> int:
    """How many wait for somebody themselves: of the own patients, and for a secretary or data manager of the own hospital."""
    own = Q(item__referral__requester=by.actor_id)
    if OrganisationRole.Role.SECRETARY in roles or answers_for_the_house(by):
        own = Q()
    due = FollowUp.objects.filter(
        own,
        living(PATIENT),
        outcome="",
        due_on__lte=timezone.localdate(now()),
        hospital=current().organisation_id,
    )
    with drawn_for(by):
        return (due if answers_for_the_house(by) else due.filter(case__in=visible_cases(by))).count()


def proposed_id(row: FollowUp) -> UUID:
    """The id of the referral that *other treatment* drafts: always the same, so that there is one."""
    return derived_id(row.pk, row.item_id, "discussion")


def proposed(by: Actor, rows: Iterable[FollowUp]) -> dict[UUID, Referral]:
    """The discussions that were drafted for these, by the follow-up, where somebody may see them."""
    ids = {proposed_id(row): row.pk for row in rows if row.outcome == FollowUp.Outcome.OTHER}
    return {ids[each.pk]: each for each in visible_referrals(by).filter(pk__in=ids)} if ids else {}


def to_discuss(by: Actor) -> QuerySet[FollowUp]:
    """Cases of the own hospital that were answered with another treatment, and were not put before a board since, however long ago."""
    return (
        visible_to_refer(by)
        .filter(outcome=FollowUp.Outcome.OTHER)
        .exclude(case__referrals__created_at__gte=F("answered_at"))
    )
