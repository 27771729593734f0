"""Every command of the room, by everybody who has a place in it: what the matrix does not give is refused, and nothing is said."""

from __future__ import annotations

import inspect
from typing import Any, get_args, get_origin
from uuid import uuid4

import pytest
from pydantic import BaseModel

from mdo.directory.matrix import permits
from mdo.kernel import journal
from mdo.kernel.action import ACTIONS
from mdo.kernel.errors import Refused
from meetings.access import ROOM_RIGHTS
from meetings.room import audience, commands, work
from meetings.room.commands import COMMANDS
from meetings.room.protocol import Close
from tests.architecture.test_actions import AT_THE_TABLE
from tests.architecture.world import Things, World, facts_before, make_world, nothing_written, seats_before
from tests.cast import NAMES, Cast

# What each name of an argument is filled with, for a command that fits.
VALUES: dict[str, Any] = {
    "agreed": None,
    "code": "ACDEFG",
    "covered": "",
    "from_item": None,
    "intent": None,
    "minutes": 5,
    "note": "",
    "protocol_deviation": "",
    "reason": "pathology_missing",
    "steps": [],
    "text": "Tekst",
    "title": "Onderwerp",
    "to": 1,
    "to_meeting": None,
    "version": 1,
    "allowed": True,
    "discipline": "radiology",
    "name": "An Peeters",
    "protocol": "DCIS",
    "round": 1,
    "id": "01a20100-0000-7000-8000-000000000001",
}


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def arguments(model: type[BaseModel], things: Things) -> dict[str, Any]:
    known = {
        **VALUES,
        "guest": str(things.invitation.pk),
        "item": str(things.item.pk),
        "items": [str(things.item.pk)],
        "person": str(things.person.pk),
        "referral": str(things.submitted.pk),
    }
    if model in (commands.ReadBack, commands.Record):
        known["text"] = 0  # the number of an update; elsewhere it is what somebody wrote
    unknown = sorted(set(model.model_fields) - set(known))
    assert not unknown, f"{model.__name__} takes {', '.join(unknown)}: add a value that fits to VALUES in {__name__}"
    return {name: known[name] for name in model.model_fields}


def test_the_room_is_closed_to_those_without_a_place(world: World) -> None:
    places = {
        name: audience.find(member.pk, world.ours.meeting.pk, member.organisation_id)
        for name, member in world.cast.members.items()
    }
    assert {name for name, place in places.items() if place is None} == {"outsider", "privacy", "admin", "datamanager"}


@pytest.mark.slow
def test_every_command_is_refused_to_those_without_the_right(world: World) -> None:
    let_in, asked = {}, set()
    head = journal.head(world.ours.meeting.pk)
    with nothing_written("kernel_auditentry"):
        for things in (world.ours, world.theirs):
            for who in NAMES:
                member = world.cast.members[who]
                place = audience.find(member.pk, things.meeting.pk, member.organisation_id)
                if place is None:
                    continue
                for name, command in COMMANDS.items():
                    row = command.action.row
                    before = world.ours if name in AT_THE_TABLE else things
                    members_only = (
                        who == "guest" and row == "share"
                    )  # a guest in their slot points; the chat is the members'
                    if not members_only and permits(
                        row, seats_before(world, who, before), facts_before(world, who, before)
                    ):
                        continue
                    asked.add((who, name))
                    try:
                        work.run_command(place, things.meeting.pk, uuid4(), name, arguments(command.model, things))
                        let_in[who, name] = "done"
                    except Refused as refusal:
                        if refusal.code not in ("forbidden", "not_found"):
                            let_in[who, name] = refusal.code
    assert let_in == {}
    assert {(who, name) for who in ("guest", "observer") for name in COMMANDS} <= asked
    assert journal.head(world.ours.meeting.pk) == head


def test_what_the_room_offers_is_what_the_matrix_gives(world: World) -> None:
    """`can` never offers what every item would refuse."""
    for who in NAMES:
        member = world.cast.members[who]
        place = audience.find(member.pk, world.ours.meeting.pk, member.organisation_id)
        if place is None:
            continue
        facts = facts_before(world, who, world.ours) | {"own"}
        allowed = {
            name for name, row in ROOM_RIGHTS.items() if permits(row, seats_before(world, who, world.ours), facts)
        }
        assert place.audience.can <= allowed, who


# --- what is declared --------------------------------------------------------------------------------------------------------


def test_a_command_is_an_action_under_its_own_name() -> None:
    for name, command in COMMANDS.items():
        assert (name, command.name) == (command.action.action_name, name)
        assert ACTIONS[name] is command.action
        assert inspect.getdoc(command.model), name


def test_the_arguments_of_a_command_are_those_of_its_action() -> None:
    for name, command in COMMANDS.items():
        given = {command.rename.get(field, field) for field in command.model.model_fields}
        takes = set(inspect.signature(command.action).parameters)
        assert given | {"by", "meeting_id", "command_id"} == takes, name


# Commands that name somebody else than who sends them: to whom something is handed, or who sits beside.
NAMING_SOMEBODY = {"meeting.delegate_recording", "meeting.hand_over", "meeting.present", "presence.beside"}


def test_no_client_names_its_own_actor_hospital_or_time() -> None:
    assert {name for name, each in COMMANDS.items() if "person" in each.model.model_fields} == NAMING_SOMEBODY
    forbidden = {
        "by",
        "actor",
        "organisation",
        "hospital",
        "hospital_id",
        "at",
        "now",
        "role",
        "state",
        "board",
    }
    for name, command in COMMANDS.items():
        assert not forbidden & set(command.model.model_fields), name
        assert command.model.model_config.get("extra") == "forbid", name


def test_every_text_and_list_of_the_wire_is_bounded() -> None:
    for name, command in COMMANDS.items():
        for model in (command.model, *_inside(command.model)):
            for field, definition in model.model_json_schema()["properties"].items():
                for each in definition.get("anyOf", [definition]):
                    bound = {"string": "maxLength", "array": "maxItems", "integer": "minimum"}.get(each.get("type", ""))
                    assert bound is None or bound in each or each.get("format") == "uuid", (name, field)


def _inside(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = []
    for field in model.model_fields.values():
        for each in get_args(field.annotation):
            if isinstance(each, type) and get_origin(each) is None and issubclass(each, BaseModel):
                found.append(each)
    return found


def test_close_codes_differ() -> None:
    codes = [value for name, value in vars(Close).items() if name.isupper()]
    assert len(set(codes)) == len(codes)
    assert all(isinstance(code, int) for code in codes)


def test_a_name_is_declared_once() -> None:
    command = next(iter(COMMANDS.values()))
    with pytest.raises(RuntimeError, match="two commands"):
        commands.command(command.action)(command.model)


def test_an_unknown_command_is_refused_with_its_field() -> None:
    with pytest.raises(Refused) as refused:
        commands.find("agenda.dance")
    assert (refused.value.code, refused.value.field) == ("invalid", "do")
