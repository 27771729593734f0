"""Calling actions in tests as one of the cast, or as the house, and reading what they left behind."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from mdo.kernel.acting import System, acting
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Member, acting_as

HOUSE = System("sweep")


def call(action: Any, by: Member, **arguments: Any) -> Any:
    """The action as this person, with a fresh command id unless one is given."""
    arguments.setdefault("command_id", new_id())
    with acting_as(by) as person:
        return action(by=person, **arguments)


def by_house(action: Any, **arguments: Any) -> Any:
    with acting(HOUSE, None, "work"):
        return action(by=HOUSE, **arguments)


@contextmanager
def house() -> Iterator[None]:
    """The door of the house, to look at everything."""
    with acting(HOUSE, None, "work"):
        yield


def audited(action: str) -> list[tuple[UUID, UUID | None, str]]:
    """(actor, hospital, outcome) of each audit row of an action, oldest first."""
    return list(
        AuditEntry.objects.filter(action=action).order_by("id").values_list("actor_id", "hospital_id", "outcome")
    )
