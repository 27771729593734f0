from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from mdo.kernel import clock, ids

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def test_now_is_aware_and_utc() -> None:
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().utcoffset() == timedelta(0)


def test_frozen_holds_in_every_thread_and_nests() -> None:
    with clock.frozen(NOON):
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(clock.now).result() == NOON
        with clock.frozen(NOON + timedelta(hours=1)):
            assert clock.now() == NOON + timedelta(hours=1)
        assert clock.now() == NOON
    assert clock.now() != NOON


def test_frozen_gives_utc() -> None:
    with clock.frozen(datetime(2026, 3, 4, 13, 0, tzinfo=ZoneInfo("Europe/Brussels"))):
        assert (clock.now(), clock.now().tzinfo) == (NOON, UTC)


def test_frozen_refuses_a_moment_without_zone() -> None:
    with pytest.raises(ValueError, match="aware"), clock.frozen(datetime(2026, 3, 4)):  # noqa: DTZ001
        pass


def test_an_error_inside_lets_the_clock_go() -> None:
    with pytest.raises(KeyError), clock.frozen(NOON):
        raise KeyError
    assert clock.now() != NOON


def test_ids_are_version_7_and_sort_by_time() -> None:
    made = [ids.new_id() for _ in range(100)]
    assert {each.version for each in made} == {7}
    assert made == sorted(made)
    assert len(set(made)) == 100


def test_a_derived_id_is_the_same_for_the_same_telling() -> None:
    command, actor = ids.new_id(), ids.new_id()
    derived = ids.derived_id(command, actor, "patient")
    assert derived == ids.derived_id(command, actor, "patient")
    assert (derived.version, derived.variant) == (7, command.variant)
    assert derived.int >> 80 == command.int >> 80  # the same moment
    others = {
        ids.derived_id(ids.new_id(), actor, "patient"),
        ids.derived_id(command, ids.new_id(), "patient"),
        ids.derived_id(command, actor, "tumour"),
    }
    assert len({derived, *others}) == 4
