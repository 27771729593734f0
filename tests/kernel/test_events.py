from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from pydantic import ValidationError

from mdo.kernel import events


@pytest.fixture(autouse=True)
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, type[events.Event]]:
    empty: dict[str, type[events.Event]] = {}
    monkeypatch.setattr(events, "EVENTS", empty)
    return empty


def kettle() -> Any:
    class KettleBoiled(events.Event):
        """The kettle boiled."""

        name: ClassVar[str] = "kettle.boiled"
        kettle_id: UUID
        cups: int
        cook_id: UUID | None = None

    return KettleBoiled


def test_an_event_is_registered_under_its_name(registry: dict[str, type[events.Event]]) -> None:
    kind = kettle()
    assert registry == {"kettle.boiled": kind}


def test_a_name_given_twice_fails_at_once() -> None:
    kettle()
    with pytest.raises(TypeError, match=r"two events are named kettle\.boiled"):
        kettle()


def test_an_event_needs_a_docstring() -> None:
    with pytest.raises(TypeError, match="docstring"):
        type("Undocumented", (events.Event,), {"name": "kettle.lost", "__module__": __name__, "__doc__": ""})


def test_a_base_without_name_is_not_registered(registry: dict[str, type[events.Event]]) -> None:
    type("KettleEvent", (events.Event,), {"__module__": __name__})
    assert registry == {}


def test_events_are_closed_and_frozen() -> None:
    kind = kettle()
    with pytest.raises(ValidationError):
        kind(kettle_id=uuid4(), cups=2, note="anything")
    event = kind(kettle_id=uuid4(), cups=2)
    with pytest.raises(ValidationError):
        event.cups = 3


def test_object_ids_are_the_ids_only() -> None:
    kettle_id = uuid4()
    assert kettle()(kettle_id=kettle_id, cups=2).object_ids() == {"kettle_id": kettle_id}
