"""The one door to the data: who acts, for which organisation, with which purpose.

``acting()`` opens the transaction and tells PostgreSQL with ``SET LOCAL`` semantics, so that row-level security and the
write guard see the same actor as the code does, and nothing outlives the transaction in a pooled connection.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid5

from django.db import connection, transaction

T = TypeVar("T")
_SYSTEM_NAMESPACE = UUID("6f1d7f0a-6d64-5d6f-8d64-6f2d73797374")


class Actor(Protocol):
    """Whoever does something: a ``Person``, a ``GuestInvitation``, a program's ``ApiToken`` or a ``System``. Never ``None``."""

    @property
    def actor_kind(self) -> str: ...  # "person", "guest", "machine" or "system"

    @property
    def actor_id(self) -> UUID: ...


@dataclass(frozen=True)
class System:
    """The house itself, by the name of the job that it does (``System("sweep")``)."""

    name: str

    @property
    def actor_kind(self) -> str:
        return "system"

    @property
    def actor_id(self) -> UUID:
        return uuid5(_SYSTEM_NAMESPACE, self.name)


def person_id(actor: Actor) -> UUID | None:
    """For a column that names a person: the actor's id, or ``None`` for whoever is none."""
    return actor.actor_id if actor.actor_kind == "person" else None


@dataclass
class Acting:
    """What the open door knows. ``reads`` collects what was already audited in this transaction; ``known`` what ``once`` was told,
    and ``doing`` counts the actions that run.
    """

    actor: Actor
    organisation_id: UUID | None
    purpose: str
    savepoints: bool = True
    action: str = ""
    reads: set[tuple[str, UUID]] = field(default_factory=set)
    known: dict[Hashable, Any] = field(default_factory=dict)
    doing: int = 0

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What ``ask`` gives, asked once while this door is open: a page needs to know several times where somebody sits. Never kept
        over an action, which may change it, nor within one.
        """
        if self.doing:
            return ask()
        if key not in self.known:
            self.known[key] = ask()
        found: T = self.known[key]
        return found


_current: ContextVar[Acting | None] = ContextVar("mdo_acting", default=None)


def current() -> Acting:
    """The open door. Raises ``RuntimeError`` outside of one: that is a bug of ours, not of the caller's input."""
    here = _current.get()
    if here is None:
        raise RuntimeError("no door is open: use `with acting(actor, organisation, purpose):`")
    return here


def is_open() -> bool:
    return _current.get() is not None


def _tell(
    kind: str,
    actor_id: UUID | str,
    organisation_id: UUID | str | None,
    purpose: str,
    *,
    action: str | None = None,
    lock_timeout_ms: int | None = None,
) -> None:
    settings = {
        "mdo.kind": kind,
        "mdo.actor": str(actor_id),
        "mdo.organisation": str(organisation_id or ""),
        "mdo.purpose": purpose,
    }
    if action is not None:
        settings["mdo.action"] = action
    if lock_timeout_ms is not None:
        settings["lock_timeout"] = str(lock_timeout_ms)
    calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {calls}", [part for pair in settings.items() for part in pair])


@contextmanager
def acting(
    actor: Actor,
    organisation_id: UUID | None,
    purpose: str,
    *,
    action: str = "",
    savepoints: bool = True,
    lock_timeout_ms: int | None = None,
) -> Iterator[Acting]:
    """Open the door for ``actor``, acting for ``organisation_id``, with ``purpose`` (a word such as "care", "agenda", "work").

    Everything inside is one transaction: an exception undoes all of it. Doors do not nest: a second actor inside the first
    would make the audit lie. ``action`` and ``savepoints=False`` are for callers that run exactly that one action (the room): the
    write guard is told at once, and a refusal undoes the whole transaction instead of a savepoint. ``lock_timeout_ms`` bounds the wait for
    any lock; a longer one raises ``OperationalError``.
    """
    if _current.get() is not None:
        raise RuntimeError("the door is already open for another actor")
    here = Acting(actor, organisation_id, purpose, savepoints, action)
    with transaction.atomic():
        _tell(
            actor.actor_kind,
            actor.actor_id,
            organisation_id,
            purpose,
            action=action or None,
            lock_timeout_ms=lock_timeout_ms,
        )
        token = _current.set(here)
        try:
            yield here
        finally:
            _current.reset(token)
    if connection.in_atomic_block:  # a test's own transaction goes on: leave nothing of ours in it
        _tell("", "", "", "", action="", lock_timeout_ms=None if lock_timeout_ms is None else 0)


@contextmanager
def elevated(reason: str) -> Iterator[None]:
    """Inside an open door, read as the house for a moment: to draw what the actor may see of a row that they may not read.

    Used where a projection decides what is shown (the label of an agenda item for a partner's secretary), and where the house
    tidies up after somebody (closing a meeting). Every caller is named in ``tests/test_architecture.py``.
    """
    here = current()
    _tell("system", System(reason).actor_id, here.organisation_id, here.purpose)
    try:
        yield
    finally:
        if not connection.needs_rollback:
            _tell(here.actor.actor_kind, here.actor.actor_id, here.organisation_id, here.purpose)
