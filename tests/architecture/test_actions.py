"""Every action, by everybody: whoever has no right to it is refused before anything else is looked at, and nothing is written.

Generated from `ACTIONS` and the matrix. A new action is covered by itself; a new name of a parameter has to be given a value in
`tests/architecture/world.py`.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from mdo.cli.generate import declare_everything
from mdo.directory.matrix import MATRIX, permits
from mdo.directory.models import Person
from mdo.environment import BASE_DIR
from mdo.kernel.action import ACTIONS
from mdo.kernel.errors import Denied, IdReused, Invalid, NotFound, Refused, RuleBroken, Stale, Unproved
from mdo.kernel.ids import new_id
from tests.architecture.world import Things, World, arguments, facts_before, make_world, nothing_written, seats_before
from tests.cast import NAMES, Cast, acting_as

declare_everything()

# What somebody without any seat may do, because it names nothing that is not theirs: in the own hospital, to the own account.
OWN_HOUSE = {"patient.register", "case.bring_in", "case.take_in", "import.upload"}
OWN_ACCOUNT = {
    "calendar.end_feed",
    "calendar.renew_feed",
    "person.choose_language",
    "person.set_own_details",
    "search.forget",
    "search.keep",
}

# Of the meeting as a whole: whoever asks for one item of it sits at the same table.
AT_THE_TABLE = {"meeting.answer", "presence.beside", "presence.beside_leave"}

NO = (NotFound, Denied)


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def called_with(name: str, things: Things) -> dict[str, Any]:
    """Arguments for the action, by the names of its parameters."""
    known = arguments(things)
    wanted = [each for each in inspect.signature(ACTIONS[name]).parameters if each not in ("by", "command_id")]
    unknown = [each for each in wanted if each not in known]
    assert not unknown, (
        f"{name} takes {', '.join(unknown)}: add a value that fits (and, for an id, one that exists) to arguments() or"
        " Things.ids in tests/architecture/world.py"
    )
    values = {each: known[each] for each in wanted}
    if "command_id" in inspect.signature(ACTIONS[name]).parameters:
        values["command_id"] = new_id()
    return values


def answer(cast: Cast, who: str, name: str, /, **values: Any) -> Refused | None:
    """What refuses the call; `None` when it was done."""
    with acting_as(cast.members[who]) as person:
        try:
            ACTIONS[name](by=person, **values)
        except Refused as refusal:
            refused = refusal
        else:
            return None
    return refused


def tried(cast: Cast, who: str, name: str, /, **values: Any) -> Exception | None:
    """As `answer`, undone afterwards; a fault is given back too."""
    with transaction.atomic():
        try:
            return answer(cast, who, name, **values)
        except Exception as fault:
            return fault
        finally:
            transaction.set_rollback(True)


@pytest.mark.slow
def test_whoever_has_no_right_is_refused(world: World) -> None:
    let_in, asked = {}, set()
    with nothing_written():
        for name in sorted(set(ACTIONS) - OWN_HOUSE - OWN_ACCOUNT):
            row = ACTIONS[name].row
            for things in (world.ours, world.theirs):
                values = called_with(name, things)
                before = world.ours if name in AT_THE_TABLE else things
                for who in NAMES:
                    if permits(row, seats_before(world, who, before), facts_before(world, who, before)):
                        continue
                    asked.add((name, who))
                    outcome = answer(world.cast, who, name, **values)
                    if not isinstance(outcome, NO):
                        let_in[name, who, things.hospital.short_name] = repr(outcome)
    assert let_in == {}
    assert {name for name, who in asked if who == "outsider"} == set(ACTIONS) - OWN_HOUSE - OWN_ACCOUNT
    assert len(asked) > 4 * len(ACTIONS)


def test_the_walk_would_find_an_open_door(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: with the matrix wide open the members get through."""
    monkeypatch.setattr("mdo.directory.access.permits", lambda row, seats, facts=(): bool(seats))
    values = called_with("meeting.start", world.ours)
    assert not isinstance(tried(world.cast, "observer", "meeting.start", **values), NO)


def test_a_thing_of_others_is_answered_like_none(world: World) -> None:
    """For the outsider there is no difference between what exists elsewhere and what exists nowhere."""
    different = {}
    for name in sorted(set(ACTIONS) - OWN_HOUSE - OWN_ACCOUNT):
        values = called_with(name, world.ours)
        nowhere = {each: new_id() if isinstance(value, UUID) else value for each, value in values.items()}
        real, none = (answer(world.cast, "outsider", name, **each) for each in (values, nowhere))
        expected = Denied if ACTIONS[name].row == "system" else NotFound
        if (type(real), str(real)) != (type(none), str(none)) or type(real) is not expected:
            different[name] = (repr(real), repr(none))
    assert different == {}


@pytest.mark.slow
@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_nobody_meets_a_fault(world: World, whose: str) -> None:
    """Whoever may and whoever may not: it is done, or refused in words. Anything else would be a 500."""
    things = getattr(world, whose)
    faults = {}
    for name in sorted(ACTIONS):
        for who in NAMES:
            outcome = tried(world.cast, who, name, **called_with(name, things))
            if outcome is not None and not isinstance(outcome, (*NO, Invalid, RuleBroken, Stale, IdReused)):
                faults[name, who] = repr(outcome)
    assert faults == {}


def test_in_the_own_house_nothing_of_others_is_touched(world: World) -> None:
    """The outsider registers patients of their own; what they name of another hospital is answered as if it were not there."""
    with nothing_written():
        for name in sorted(OWN_HOUSE):
            refused = answer(world.cast, "outsider", name, **called_with(name, world.ours))
            assert isinstance(refused, (*NO, Invalid, RuleBroken, IdReused)), (name, refused)


def test_the_own_account_is_the_only_one(world: World) -> None:
    for name in sorted(OWN_ACCOUNT):
        for who in NAMES:
            assert answer(world.cast, who, name, **called_with(name, world.ours)) is None
    cast = {each.pk for each in world.cast.members.values()}
    assert set(Person.objects.filter(language="fr").values_list("pk", flat=True)) == cast


def test_what_is_signed_asks_who_signs(world: World) -> None:
    """Each action that wants a proof, by whoever has the right and nothing else: refused, and nothing written."""
    wanting = {name for name, each in ACTIONS.items() if each.proven}
    assert wanting == {"decision.sign"}
    for name in wanting:
        coordinator, values = world.cast.coordinator, called_with(name, world.ours)
        with nothing_written(), acting_as(coordinator, proof=lambda: None) as by, pytest.raises(Unproved):
            ACTIONS[name](by=by, **values)
        assert not isinstance(tried(world.cast, "coordinator", name, **values), Unproved)


# --- what is declared --------------------------------------------------------------------------------------------------------


def test_every_action_names_a_row_of_the_matrix() -> None:
    assert {name: each.row for name, each in ACTIONS.items() if each.row not in MATRIX} == {}


def test_every_action_lies_in_a_module_of_actions() -> None:
    elsewhere = {each.__module__ for each in ACTIONS.values() if ".actions." not in each.__module__}
    assert elsewhere == {"meetings.room.presence"}  # says what the leases beside it already hold


def test_every_action_takes_keywords_and_an_actor() -> None:
    for name, each in ACTIONS.items():
        parameters = inspect.signature(each).parameters.values()
        assert {str(parameter.kind) for parameter in parameters} == {"KEYWORD_ONLY"} or {
            parameter.kind for parameter in parameters
        } == {inspect.Parameter.KEYWORD_ONLY}, name
        assert next(iter(parameters)).name == "by", name


# What takes no command id, and why: a repetition changes nothing or finds the work done.
WITHOUT_COMMAND_ID = {
    "agenda.call_people": "whoever was called in is not called in again",
    "agenda.withdraw_items": "finds nothing left to strike",
    "call.move": "moves from the epoch that the caller saw, and from no other",
    "call.note_stay": "a session of the media server is one row, whatever is told of it again",
    "call.take_way": "as above",
    "delivery.send": "a row that is done is not done again",
    "dispatch.lose": "a letter that does not wait any more is left alone",
    "dispatch.send": "a row that is done is not done again",
    "directory.begin": "a second telling finds the operator that the first one made",
    "directory.amend": "the same again changes nothing",
    "directory.join": "a name is taken once",
    "directory.leave": "an entry that was taken away is not there any more",
    "directory.change": "Django's admin, a form at a time, under its own protection",
    "guest.confirm": "a second telling finds this browser let in, or the try counted",
    "guest.identify": "as above",
    "guest.withdraw_for_deceased": "finds no link left to withdraw",
    "launch.accept": "its nonce is taken once",
    "launch.open": "it is opened once",
    "meeting.plan_due": "sittings that are there are not made again",
    "person.choose_language": "the same language twice is that language",
    "decision.import": "a row that was brought in is not brought in again",
    "import.bring_in": "a row that was brought in is not brought in again",
    "import.check": "goes on where it stopped",
    "import.finish": "a list that has ended does not end again",
    "import.forget": "a list that was thrown away is not thrown away again",
    "import.leave_out": "a row that was left out is not left out again",
    "import.stop": "a list that stopped does not stop again",
    "presence.note": "says what the leases hold",
    "reminder.plan": "a rule that has its row gets no second one",
    "signin.link_person": "who is linked is not linked again",
    "sketch.forget": "what is gone is not forgotten again",
    "reminder.send": "a row that is done is not done again",
    "report.give_up": "a row that is done is not done again",
    "report.make": "a row that is done is not done again",
}


def test_what_people_ask_for_happens_once() -> None:
    without = {name for name, each in ACTIONS.items() if "command_id" not in inspect.signature(each).parameters}
    assert without == set(WITHOUT_COMMAND_ID)


def test_every_action_has_tests() -> None:
    """Its function is called by name somewhere in the tests, or its command is sent over the wire."""
    folder = BASE_DIR / "tests"
    text = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*.py"))
        if Path("architecture") not in path.relative_to(folder).parents
    )
    untested = {
        name
        for name, each in ACTIONS.items()
        if each.__name__ not in text and f'"{name}"' not in text  # type: ignore[attr-defined]
    }
    assert untested == set()
