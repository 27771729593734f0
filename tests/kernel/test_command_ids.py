"""Command ids as rows; what an action does with them stands in test_action.py."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError

from mdo.kernel import clock, command_ids, ledger
from mdo.kernel.acting import System, acting
from mdo.kernel.models import CommandId

CLERK, OTHER = System("clerk"), System("other")


def store(actor: System, command_id: UUID) -> None:
    with acting(actor, None, "work") as here:
        ledger.write(here, "agenda.open", (), hospital_id=None, detail={}, command_id=command_id, digest=b"d" * 32)


def test_the_digest_holds_name_and_arguments() -> None:
    item = uuid4()
    asked = command_ids.digest("agenda.move", {"to": 3, "item": item})
    assert len(asked) == 32
    assert asked == command_ids.digest("agenda.move", {"item": item, "to": 3})
    others = [
        command_ids.digest("agenda.move", {"item": item, "to": 4}),
        command_ids.digest("agenda.open", {"item": item, "to": 3}),
        command_ids.digest("agenda.move", {"item": uuid4(), "to": 3}),
    ]
    assert len({asked, *others}) == 4


def test_ids_as_keys_and_sets_have_a_digest() -> None:
    one, two = uuid4(), uuid4()
    asked = command_ids.digest(
        "case.change", {"tumours": {one: {"grade": "1"}, two: [{"grade": "2"}]}, "who": {"a", "b"}}
    )
    assert asked == command_ids.digest(
        "case.change", {"who": frozenset("ba"), "tumours": {str(two): ({"grade": "2"},), str(one): {"grade": "1"}}}
    )
    assert asked != command_ids.digest(
        "case.change", {"tumours": {one: {"grade": "1"}, two: [{"grade": "3"}]}, "who": {"a", "b"}}
    )


def test_any_text_has_a_digest() -> None:
    assert len(command_ids.digest("draft.save", {"text": "\ud800 \x00 é"})) == 32


def test_found_again_by_actor_and_id(db: None) -> None:
    command = uuid4()
    store(CLERK, command)
    assert command_ids.find(CLERK.actor_id, command) == command_ids.Earlier(b"d" * 32, {})
    assert command_ids.find(OTHER.actor_id, command) is None
    assert command_ids.find(CLERK.actor_id, uuid4()) is None
    assert str(CommandId.objects.get()) == f"agenda.open {command}"


def test_one_actor_stores_an_id_once(db: None) -> None:
    command = uuid4()
    store(CLERK, command)
    store(OTHER, command)
    with pytest.raises(IntegrityError):
        store(CLERK, command)


def test_kept_for_seven_days(db: None) -> None:
    old, young = uuid4(), uuid4()
    with clock.frozen(clock.now() - timedelta(days=7, seconds=1)):
        store(CLERK, old)
    with clock.frozen(clock.now() - timedelta(days=6, hours=23)):
        store(CLERK, young)
    assert command_ids.forget() == 1
    assert command_ids.find(CLERK.actor_id, old) is None
    assert command_ids.find(CLERK.actor_id, young) == command_ids.Earlier(b"d" * 32, {})
