"""Command ids as rows; what an action does with them stands in test_action.py."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from mdo.kernel import clock, command_ids
from mdo.kernel.models import CommandId


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


def test_any_text_has_a_digest() -> None:
    assert len(command_ids.digest("draft.save", {"text": "\ud800 \x00 é"})) == 32


def test_found_again_by_actor_and_id(db: None) -> None:
    actor, command, stream = uuid4(), uuid4(), uuid4()
    command_ids.store(actor, command, "agenda.open", b"d" * 32, {stream: 12})
    assert command_ids.find(actor, command) == command_ids.Earlier(b"d" * 32, {stream: 12})
    assert command_ids.find(uuid4(), command) is None
    assert command_ids.find(actor, uuid4()) is None
    assert str(CommandId.objects.get()) == f"agenda.open {command}"


def test_one_actor_stores_an_id_once(db: None) -> None:
    actor, command = uuid4(), uuid4()
    command_ids.store(actor, command, "agenda.open", b"d" * 32, {})
    command_ids.store(uuid4(), command, "agenda.open", b"d" * 32, {})
    with pytest.raises(IntegrityError), transaction.atomic():
        command_ids.store(actor, command, "agenda.open", b"d" * 32, {})


def test_kept_for_seven_days(db: None) -> None:
    actor, old, young = uuid4(), uuid4(), uuid4()
    with clock.frozen(clock.now() - timedelta(days=7, seconds=1)):
        command_ids.store(actor, old, "agenda.open", b"d" * 32, {})
    with clock.frozen(clock.now() - timedelta(days=6, hours=23)):
        command_ids.store(actor, young, "agenda.open", b"d" * 32, {})
    assert command_ids.forget() == 1
    assert (command_ids.find(actor, old), command_ids.find(actor, young)) == (
        None,
        command_ids.Earlier(b"d" * 32, {}),
    )
