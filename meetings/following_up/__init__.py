"""What was decided, and was it done: how many outcomes are known, and how many are asked. Who may answer stands in ``access``."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Q
from django.utils import timezone

from cases.access import visible_cases
from cases.models import living
from mdo.directory.models import OrganisationRole
from mdo.kernel.acting import Actor, current
from mdo.kernel.clock import now
from meetings.following_up.access import PATIENT, visible_follow_ups
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
    counted = (
        visible_follow_ups(by)
        .filter(due_on__lte=on or timezone.localdate(now()))
        .aggregate(due=Count("pk"), answered=Count("pk", filter=~Q(outcome="")))
    )
    return Known(counted["due"], counted["answered"])


def own_due(by: Actor, roles: Collection[str]) -> int:
    """How many wait for somebody themselves: of the own patients, and for a secretary of the own hospital."""
    own = Q(item__referral__requester=by.actor_id)
    if OrganisationRole.Role.SECRETARY in roles:
        own = Q()
    due = FollowUp.objects.filter(
        own,
        living(PATIENT),
        outcome="",
        due_on__lte=timezone.localdate(now()),
        hospital=current().organisation_id,
        case__in=visible_cases(by),
    )
    return due.count()
