"""The one door to the data: who acts, for which organisation, with which purpose.

``acting()`` opens the transaction and tells PostgreSQL with ``SET LOCAL`` semantics, so that row-level security and the
write guard see the same actor as the code does, and nothing outlives the transaction in a pooled connection.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid5

from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction

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


@dataclass(frozen=True)
class Proof:
    """That whoever acts showed that it is them: by which means (a word such as ``"password"`` or ``"totp"``), and when."""

    means: str
    at: datetime


@dataclass
class Acting:
    """What the open door knows. ``reads`` collects what was already audited in this transaction; ``known`` what ``once`` was told,
    and ``doing`` counts the actions that run. ``bundle``: it is open for many runs of the one ``action``. ``proof`` gives the latest proof
    of who acts, asked by actions that need one.
    """

    actor: Actor
    organisation_id: UUID | None
    purpose: str
    savepoints: bool = True
    action: str = ""
    reads: set[tuple[str, UUID]] = field(default_factory=set)
    known: dict[Hashable, Any] = field(default_factory=dict)
    doing: int = 0
    bundle: bool = False
    proof: Callable[[], Proof | None] | None = None

    def once(self, key: Hashable, ask: Callable[[], T]) -> T:
        """What ``ask`` gives, asked once while this door is open: a page needs to know several times where somebody sits. Never kept
        over an action, which may change it, nor within one, but in a bundle.
        """
        if self.doing and not self.bundle:
            return ask()
        if key not in self.known:
            self.known[key] = ask()
        found: T = self.known[key]
        return found

    def knows(self, key: Hashable) -> bool:
        """Whether ``once`` would answer this without asking."""
        return (self.bundle or not self.doing) and key in self.known


_current: ContextVar[Acting | None] = ContextVar("mdo_acting", default=None)


def current() -> Acting:
    """The open door. Raises ``RuntimeError`` outside of one: that is a bug of ours, not of the caller's input."""
    here = _current.get()
    if here is None:
        raise RuntimeError("no door is open: use `with acting(actor, organisation, purpose):`")
    return here


def is_open() -> bool:
    return _current.get() is not None


def tell(
    kind: str,
    actor_id: UUID | str,
    organisation_id: UUID | str | None,
    purpose: str,
    *,
    action: str | None = None,
    lock_timeout_ms: int | None = None,
    using: str = DEFAULT_DB_ALIAS,
    read_only: bool = False,
) -> None:
    """Tell PostgreSQL who acts, until the transaction ends. For the door alone, and the replica's (``mdo.kernel.replica``)."""
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
    if read_only:
        settings["transaction_read_only"] = "on"
    calls = ", ".join(["set_config(%s, %s, true)"] * len(settings))
    with connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {calls}", [part for pair in settings.items() for part in pair])


@contextmanager
def acting(
    actor: Actor,
    organisation_id: UUID | None,
    purpose: str,
    *,
    action: str = "",
    savepoints: bool = True,
    bundle: bool = False,
    lock_timeout_ms: int | None = None,
    proof: Callable[[], Proof | None] | None = None,
) -> Iterator[Acting]:
    """Open the door for ``actor``, acting for ``organisation_id``, with ``purpose`` (a word such as "care", "agenda", "work").

    Everything inside is one transaction: an exception undoes all of it. Doors do not nest: a second actor inside the first
    would make the audit lie. ``action`` and ``savepoints=False`` are for callers that run exactly that one action (the room): the
    write guard is told at once, and a refusal undoes the whole transaction instead of a savepoint. ``bundle`` is for many runs of the one
    ``action`` that follow each other within a second: each run is whole or undone, what it calls is undone with it, and ``once`` keeps its
    answers from run to run. So only for an action that changes nothing of what ``once`` is asked: nobody's role, board or agreement. ``lock_timeout_ms`` bounds the wait for
    any lock; a longer one raises ``OperationalError``. ``proof`` tells when and how the actor last showed that it is them; without it,
    no action that wants a proof (``mdo.kernel.action``) runs behind this door.
    """
    if _current.get() is not None:
        raise RuntimeError("the door is already open for another actor")
    here = Acting(actor, organisation_id, purpose, savepoints, action, bundle=bundle, proof=proof)
    with transaction.atomic():
        tell(
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
        tell("", "", "", "", action="", lock_timeout_ms=None if lock_timeout_ms is None else 0)


@contextmanager
def elevated(reason: str) -> Iterator[None]:
    """Inside an open door, read as the house for a moment: to draw what the actor may see of a row that they may not read.

    Used where a projection decides what is shown (the label of an agenda item for a partner's secretary), and where the house
    tidies up after somebody (closing a meeting). Every caller is named in ``tests/test_architecture.py``.
    """
    here = current()
    tell("system", System(reason).actor_id, here.organisation_id, here.purpose)
    try:
        yield
    finally:
        if not connection.needs_rollback:
            tell(here.actor.actor_kind, here.actor.actor_id, here.organisation_id, here.purpose)
