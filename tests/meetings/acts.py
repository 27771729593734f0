"""Calling actions in tests as one of the cast, or as the house, and reading what they left behind."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.db import connection
from django.test import Client

from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Member, acting_as
from tests.parts import until

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


def client_of(member: Member, *, shown: timedelta | None = timedelta(0), by: str = "password") -> Client:
    """A browser in which somebody is signed in, who showed this long ago that it is them; ``None``: never in this session."""
    client = Client()
    client.force_login(member.person)
    if shown is not None:
        show(client, member, shown, by)
    return client


def show(client: Client, member: Member, ago: timedelta, by: str = "password") -> None:
    """What allauth keeps of a password, a code or a provider's answer."""
    record = {"method": by, "at": (now() - ago).timestamp()}
    if by not in ("password", "hospital"):
        record |= {"method": "mfa", "type": by}
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [record]
    session["account_authentication_methods_user"] = str(member.pk)
    session.save()


def together(*acts: Callable[[], Any]) -> list[Any]:
    """What these answer, or the exceptions that they raise, run at the same moment in threads with connections of their own."""
    start = Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        start.wait(60)
        return _outcome(act)

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def at_once(*acts: Callable[[], Any]) -> list[str]:
    """The name of what each of these raised, or "", in the order of the names; see ``together``."""
    return sorted(_raised(each) for each in together(*acts))


def begin_beside(act: Callable[[], Any]) -> Callable[[], str]:
    """Begin this in a thread with a connection of its own, up to where it waits for a lock of the transaction that is open here. To be asked
    once that one has ended: the name of what it raised, or ""."""
    thread = ThreadPoolExecutor(1)
    begun = thread.submit(_outcome, act)
    thread.shutdown(wait=False)
    until(_somebody_waits_for_us, "it waits for what was done here")
    return lambda: _raised(begun.result(60))


def _outcome(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except Exception as error:
        return error
    finally:
        connection.close()


def _raised(outcome: Any) -> str:
    return type(outcome).__name__ if isinstance(outcome, Exception) else ""


def _somebody_waits_for_us() -> bool:
    with connection.cursor() as cursor:  # not pg_stat_activity, which stands still within a transaction
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid)))"
        )
        return bool(cursor.fetchone()[0])
