"""``@action``: the only way in which care data changes.

An action is one function per thing that people do. It fetches, locks and authorises in one call of an ``access`` module,
checks its rules, saves, and returns the events. The decorator does the rest, in the same transaction: it lets the write
guard of the database pass, answers a command that was done before, writes the audit row and the journal, and schedules
delivery on commit. HTTP views, the room, Celery tasks and the command line call the same function.
"""

import functools
from collections.abc import Callable
from contextlib import nullcontext
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ParamSpec, Protocol, cast
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from mdo.kernel import command_ids, ledger, tracing
from mdo.kernel.acting import Actor, current
from mdo.kernel.clock import now
from mdo.kernel.errors import IdReused, Unproved
from mdo.kernel.events import Event

P = ParamSpec("P")


@dataclass(frozen=True)
class Done:
    """What an action did: its events, the head reached by each stream, and whether this is the answer to a repetition."""

    events: tuple[Event, ...]
    seqs: dict[UUID, int]
    replayed: bool = False

    @property
    def seq(self) -> int:
        """The sequence to wait for, 0 where the action touched no stream."""
        return max(self.seqs.values(), default=0)


class Action(Protocol[P]):
    action_name: str
    row: str
    proven: bool

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Done: ...


ACTIONS: dict[str, "Action[Any]"] = {}


class _Replay(Exception):
    def __init__(self, earlier: command_ids.Earlier) -> None:
        self.earlier = earlier


@dataclass
class _Call:
    name: str
    row: str
    by: Actor
    command_id: UUID | None
    digest: bytes
    proven: bool = False
    authorised: bool = False
    spoiled: bool = False  # a part of it was refused and, in a bundle, not undone by itself
    hospital_id: UUID | None = None
    detail: dict[str, Any] = field(default_factory=dict)


_call: ContextVar[_Call | None] = ContextVar("mdo_action", default=None)


def granted(row: str, *, hospital_id: UUID | None) -> None:
    """Called by every ``access_…`` function when the actor has the right: the point from which a replay may be answered.

    ``row`` is the row of the matrix (TRUST §2) that was asked; inside an action it must be one that the action declares.
    ``hospital_id`` is the owner of the data, in whose audit chain the action is written. Outside of an action (a view that
    only looks) it does nothing.
    """
    call = _call.get()
    if call is None:
        return
    if row != call.row:
        raise RuntimeError(f"{call.name} declares the row {call.row!r} but asked for {row!r}")
    if call.hospital_id is None:
        call.hospital_id = hospital_id
    if call.authorised:
        return
    call.authorised = True
    if call.command_id is not None:
        earlier = command_ids.find(call.by.actor_id, call.command_id)
        if earlier is not None:
            raise _Replay(earlier)
    if call.proven:
        call.detail.update(_proof())


def _proof() -> dict[str, Any]:
    """For the audit row: by what the actor showed that it is them, and how many seconds ago. Raises ``Unproved`` where that is too long
    ago (or in the future: a clock that was set back must not stretch it), and behind a door that knows of none."""
    here = current()
    proof = here.proof() if here.proof else None
    if proof is not None:
        age = now() - proof.at
        if abs(age) <= timedelta(minutes=settings.MDO_PROOF_MINUTES):
            return {"proof": proof.means, "proof_age_s": round(age.total_seconds())}
    raise Unproved(_("Show first that it is you."))


def note(**detail: Any) -> None:
    """Add ids, numbers or states to the audit row of the running action."""
    call = _call.get()
    if call is None:
        raise RuntimeError("note() belongs inside an action")
    call.detail.update(detail)


def _answer(call: _Call, earlier: command_ids.Earlier) -> Done:
    if earlier.digest != call.digest:
        raise IdReused(_("This was sent before with another content. Reload and try again."), field="id")
    return Done((), earlier.seqs, replayed=True)


def _is_taken(error: IntegrityError) -> bool:
    """Whether the client gave a new row an id that a row has already, perhaps one of another hospital."""
    constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    return constraint.endswith("_pkey")


def _allow_writes(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mdo.action', %s, true)", [name])


def action(name: str, *, row: str, proven: bool = False) -> Callable[[Callable[P, tuple[Event, ...]]], Action[P]]:
    """Declare an action. ``name`` is unique (``noun.verb``), ``row`` is its row in the matrix of who may do what.

    The decorated function is called with keywords only, among them ``by`` (the actor of the open door) and, where a client
    may repeat itself, ``command_id``. ``proven``: whoever acts has to have shown lately that it is them (``Acting.proof``); asked once
    the right is known and a repetition is answered, and written into the audit row. It returns its events; the caller gets ``Done``. Raises what the function raises, and
    ``IdReused`` and ``Unproved``. An action may call another one: the inner one is then part of the outer one's transaction and keeps its own
    audit row.
    """

    def decorate(function: Callable[P, tuple[Event, ...]]) -> Action[P]:
        def act(*args: P.args, **kwargs: P.kwargs) -> Done:
            if args:
                raise TypeError(f"{name} takes keywords only")
            here = current()
            by = cast(Actor, kwargs["by"])
            if by.actor_id != here.actor.actor_id:
                raise RuntimeError(f"{name} by somebody other than the door's actor")
            asked = {key: value for key, value in kwargs.items() if key not in ("by", "command_id")}
            command_id = cast(UUID | None, kwargs.get("command_id"))
            call = _Call(name, row, by, command_id, command_ids.digest(name, asked), proven)
            outer = _call.get()
            token = _call.set(call)
            if not here.bundle:
                here.known.clear()
            here.doing += 1
            part = here.bundle and outer is not None  # undone with the run that it is a part of
            told = part or here.action == name
            try:
                with transaction.atomic() if (here.savepoints or outer) and not part else nullcontext():
                    if not told:
                        _allow_writes(name)
                    events = function(*args, **kwargs)
                    if call.spoiled:
                        raise RuntimeError(f"{name} goes on without a part that was refused: not in a bundle")
                    if not call.authorised:
                        raise RuntimeError(f"{name} asked nobody for the right to do it")
                    for event in events:
                        call.detail.update({key: str(value) for key, value in event.object_ids().items()})
                    call.detail["events"] = [event.name for event in events]
                    seqs = ledger.write(
                        here,
                        name,
                        events,
                        hospital_id=call.hospital_id,
                        detail=call.detail,
                        command_id=command_id,
                        digest=call.digest,
                    )
                    if (
                        here.savepoints or outer
                    ) and not told:  # else the door closes now, and what it said is gone with it
                        _allow_writes(outer.name if outer else here.action)
                return Done(events, seqs)
            except _Replay as replay:
                return _answer(call, replay.earlier)
            except IntegrityError as error:
                if outer or connection.needs_rollback:  # in a bundle PostgreSQL answers nothing more of this run anyway
                    raise
                # Two tellings of one command arrived at once and nothing made the second wait: the first one counts.
                earlier = command_ids.find(by.actor_id, command_id) if command_id else None
                if earlier is not None:
                    return _answer(call, earlier)
                if _is_taken(error):
                    raise IdReused(
                        _("This was sent before with another content. Reload and try again."), field="id"
                    ) from error
                raise
            except Exception:
                if part:
                    cast(_Call, outer).spoiled = True
                raise
            finally:
                here.doing -= 1
                _call.reset(token)

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> Done:
            with tracing.span(name):
                return act(*args, **kwargs)

        if name in ACTIONS:
            raise RuntimeError(f"two actions are named {name}")
        if not function.__doc__:
            raise RuntimeError(f"{name} needs a docstring that lists its effects")
        decorated = cast(Action[P], run)
        decorated.action_name = name
        decorated.row = row
        decorated.proven = proven
        ACTIONS[name] = decorated
        return decorated

    return decorate
