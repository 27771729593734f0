"""The door: what it tells the database, and that nothing of it stays behind."""

from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from cases.models import Case
from mdo.directory.actions.account import choose_language
from mdo.directory.models import Organisation
from mdo.kernel.acting import System, acting, current, elevated, is_open
from tests.cast import Cast, acting_as
from tests.factories import make_case

KEYS = ("mdo.kind", "mdo.actor", "mdo.organisation", "mdo.purpose", "mdo.action")
NOTHING = ("", "", "", "", "")


def told() -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"coalesce(current_setting('{key}', true), '')" for key in KEYS))
        return tuple(cursor.fetchone())


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def give_back_and_take_again(wanted: int) -> None:
    """Return the connection to the pool and take connections out until the same one comes back."""
    for _ in range(100):
        connection.close()
        if backend() == wanted:
            return
    raise AssertionError("the pool did not give the connection back")


def test_a_system_is_known_by_its_name() -> None:
    sweep = System("sweep")
    assert (sweep.actor_kind, sweep.actor_id) == ("system", System("sweep").actor_id)
    assert sweep.actor_id != System("seal").actor_id


def test_without_a_door_nobody_acts() -> None:
    assert not is_open()
    with pytest.raises(RuntimeError, match="no door is open"):
        current()


def test_the_door_tells_the_database_who_acts(cast: Cast) -> None:
    with acting_as(cast.chair) as chair:
        assert is_open()
        here = current()
        assert (here.actor, here.organisation_id, here.purpose, here.savepoints) == (
            chair,
            cast.organiser.pk,
            "care",
            True,
        )
        assert told() == ("person", str(chair.pk), str(cast.organiser.pk), "care", "")
    assert not is_open()
    assert told() == NOTHING


def test_a_door_without_organisation(db: None) -> None:
    with acting(System("sweep"), None, "work", savepoints=False) as here:
        assert told() == ("system", str(System("sweep").actor_id), "", "work", "")
        assert not here.savepoints
    assert told() == NOTHING


def test_a_door_that_names_its_action_and_waits_no_longer_than_said(db: None) -> None:
    def patience() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW lock_timeout")
            return str(cursor.fetchone()[0])

    with acting(System("sweep"), None, "work", action="room.do", savepoints=False, lock_timeout_ms=2000) as here:
        assert (told()[4], here.action, patience()) == ("room.do", "room.do", "2s")
    assert (told(), patience()) == (NOTHING, "0")


def test_doors_do_not_nest(cast: Cast) -> None:
    with acting_as(cast.chair), pytest.raises(RuntimeError, match="already open"), acting_as(cast.partner):
        pass
    assert not is_open()


def test_nothing_leaks_into_the_pooled_connection(committed: None, cast: Cast) -> None:
    with acting_as(cast.chair):
        first = backend()
    assert told() == NOTHING
    give_back_and_take_again(first)
    assert told() == NOTHING


def test_a_session_setting_would_leak(committed: None) -> None:
    """The negative control of the test above: the connection is one that would carry it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('mdo.actor', 'somebody', false)")
    first = backend()
    give_back_and_take_again(first)
    try:
        assert told()[1] == "somebody"
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('mdo.actor', '', false)")


@pytest.mark.parametrize("committed_", [True, False])
def test_an_error_undoes_everything(committed_: bool, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue("committed" if committed_ else "db")
    with pytest.raises(KeyError), acting(System("sweep"), None, "work"):
        raise KeyError(Organisation.objects.create(name="Nowhere", short_name="N"))
    assert not is_open()
    assert told() == NOTHING
    assert not Organisation.objects.filter(name="Nowhere").exists()


# --- elevated ----------------------------------------------------------------------------------------------------------


def test_elevated_sees_as_the_house_and_goes_back(cast: Cast) -> None:
    case = make_case(cast.organiser, cast.requester.person)
    with acting_as(cast.partner) as partner:
        assert list(Case.objects.all()) == []
        with elevated("label"):
            assert told()[:2] == ("system", str(System("label").actor_id))
            assert list(Case.objects.all()) == [case]
        assert told() == ("person", str(partner.pk), str(cast.partner_hospital.pk), "care", "")
        assert list(Case.objects.all()) == []


def test_elevated_goes_back_after_an_error(cast: Cast) -> None:
    with acting_as(cast.partner) as partner:
        with pytest.raises(KeyError), elevated("label"):
            raise KeyError
        assert told()[1] == str(partner.pk)


def test_elevated_does_not_hide_a_broken_transaction(cast: Cast) -> None:
    def broken() -> None:
        with transaction.atomic(savepoint=False), connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")

    with pytest.raises(DatabaseError, match="division by zero"), acting_as(cast.partner), elevated("label"):
        broken()
    assert told() == NOTHING


def test_elevated_needs_a_door() -> None:
    with pytest.raises(RuntimeError, match="no door"), elevated("label"):
        pass


def test_row_level_security_shows_nothing_without_a_door(cast: Cast) -> None:
    make_case(cast.organiser, cast.requester.person)
    assert list(Case.objects.all()) == []
    assert not Case.objects.filter(pk=uuid4()).exists()


def test_what_a_page_asks_twice_is_asked_once_until_something_is_done(cast: Cast) -> None:
    asked: list[int] = []

    def ask() -> int:
        asked.append(len(asked))
        return asked[-1]

    with acting_as(cast.chair) as person:
        here = current()
        assert [here.once("seat", ask), here.once("seat", ask), here.once("other", ask)] == [0, 0, 1]
        choose_language(by=person, language="nl")
        assert here.once("seat", ask) == 2  # an action may have changed it
        here.doing = 1
        assert [here.once("seat", ask), here.once("seat", ask)] == [3, 4]  # within one nothing is kept
        here.doing = 0
    with acting_as(cast.chair):
        assert current().once("seat", ask) == 5
