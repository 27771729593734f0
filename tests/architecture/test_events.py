"""Every event: documented, without care content, and heard where it should be."""

from __future__ import annotations

import inspect
from types import UnionType
from typing import Any, Union, get_args, get_origin
from uuid import UUID

import pytest

from mdo.cli.generate import declare_everything
from mdo.environment import BASE_DIR
from mdo.kernel import journal
from mdo.kernel.acting import acting
from mdo.kernel.events import EVENTS, Event
from meetings.events import MeetingEvent
from meetings.room.streams import Parts, parts_of, streams_for
from tests.architecture.world import HOUSE, World, make_world
from tests.cast import Cast

declare_everything()
PRODUCT = {name: event for name, event in EVENTS.items() if not event.__module__.startswith("tests.")}

# No field of an event may be named like something that people write or that names a person.
WRITTEN = {
    "text", "name", "title", "question", "note", "body", "summary", "label", "comment", "message", "description", "deviation",
    "steps", "data", "email", "phone", "number_of_patient", "national_number", "birth_date", "place", "content", "words",
}  # fmt: skip

# A short word out of a list of codes.
CODES = {"state", "before", "after", "reason", "kind", "how", "edition", "what"}

# Heard in no room, and why.
SILENT = {
    "directory.changed": "the access epoch, raised by triggers, tells the rooms",
    "decision.imported": "of a day of the past on which nobody sat here",
    "launch.accepted": "a record system asks to open a case; nobody's screen shows it",
    "launch.opened": "as above",
    "patient.linked": "shown with the next load: a link is made while the agenda is built",
    "patient.unlinked": "as above",
    "sketch.kept": "of no meeting: a case that is not there yet, its author's alone",
    "sketch.thrown_away": "as above",
    "sketch.forgotten": "as above",
    "registration.exported": "a file of a period, of no one meeting",
    "import.moved": "a list is of no meeting; its page asks again by itself",
    "case.created": "on no agenda yet",
    "patient.registered": "of no case yet",
}


@pytest.mark.parametrize("name", sorted(PRODUCT))
def test_an_event_holds_ids_states_and_numbers_only(name: str) -> None:
    for field, info in PRODUCT[name].model_fields.items():
        assert field not in WRITTEN, (name, field)
        assert _plain(info.annotation, field), (name, field, info.annotation)


def _plain(annotation: Any, field: str) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return all(each is type(None) or _plain(each, field) for each in get_args(annotation))
    if get_origin(annotation) is list:  # of ids
        return get_args(annotation)[0] in (UUID, str) and field.endswith("_ids")
    if get_origin(annotation) is dict:  # of ids and numbers
        return get_args(annotation) == (str, int)
    if annotation is str:
        return field in CODES
    return annotation in (UUID, int, bool)


@pytest.mark.parametrize("name", sorted(PRODUCT))
def test_an_event_is_named_and_documented(name: str) -> None:
    noun, _, verb = name.partition(".")
    assert noun.isidentifier()
    assert verb.isidentifier()
    assert inspect.getdoc(PRODUCT[name])
    assert f"| `{name}` |" in (BASE_DIR / "docs" / "events.md").read_text(encoding="utf-8")


def _sample(event: type[Event], ids: dict[str, UUID]) -> Event:
    """An instance whose ids exist."""
    values: dict[str, Any] = {}
    for field, info in event.model_fields.items():
        known = {UUID: ids.get(field, ids["case_id"]), int: 1, bool: True, str: "scheduled"}
        known[UUID | None] = known[UUID]
        several = [str(ids.get(field.removesuffix("s"), ids["case_id"]))]
        values[field] = known.get(info.annotation, several if get_origin(info.annotation) is list else {})
    return event(**values)


def test_every_event_is_heard_in_the_meeting_that_it_touches(cast: Cast) -> None:
    world: World = make_world(cast)
    ids = {**world.ours.ids, "referral_id": world.ours.scheduled.pk}
    with acting(HOUSE, None, "test"):  # as inside of an action, by somebody who may read the case
        heard = {name: set(streams_for(_sample(event, ids))) for name, event in PRODUCT.items()}
    assert {name for name, streams in heard.items() if not streams} == set(SILENT)
    # What changes a patient is heard where the case is on the table and where another one was decided.
    touched = {meeting for streams in heard.values() for meeting in streams}
    assert touched == {world.ours.meeting.pk, world.ours.decided.pk}
    for name, event in PRODUCT.items():
        if issubclass(event, MeetingEvent):
            assert heard[name] == {world.ours.meeting.pk}


def test_every_event_that_is_heard_says_what_to_draw(cast: Cast) -> None:
    world = make_world(cast)
    empty = []
    for name in sorted(set(PRODUCT) - set(SILENT)):
        data = _sample(PRODUCT[name], world.ours.ids).model_dump(mode="json")
        if parts_of(name, data) == Parts():
            empty.append(name)
    # Happens after the meeting or outside of its room: nobody draws it there.
    assert empty == ["delivery.made", "report.made"]


def test_streams_are_registered_once() -> None:
    assert journal.streams_of.__module__ == "mdo.kernel.journal"
    with pytest.raises(RuntimeError, match="twice"):
        journal.register_streams(lambda event: ())
