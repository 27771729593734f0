"""Actions that want a proof of who acts: none without it, none with an old one, and the access log says which it was."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from mdo.kernel import action as kernel
from mdo.kernel.acting import Actor, Proof
from mdo.kernel.action import ACTIONS, action, granted
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, IdReused, Unproved
from mdo.kernel.events import Event
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, acting_as


@action("test.swear", row="sign", proven=True)
def swear(*, by: Actor, words: str, command_id: object) -> tuple[Event, ...]:
    """Say something that counts."""
    if words == "denied":
        raise Denied()
    granted("sign", hospital_id=None)
    return ()


del ACTIONS["test.swear"]


def ago(seconds: int, means: str = "totp") -> Callable[[], Proof | None]:
    return lambda: Proof(means, now() - timedelta(seconds=seconds))


def test_a_proof_that_is_fresh_enough_is_written_down(cast: Cast) -> None:
    assert swear.proven is True
    with acting_as(cast.coordinator, proof=ago(590)) as by:
        swear(by=by, words="ja", command_id=new_id())
    assert AuditEntry.objects.get().detail == {"proof": "totp", "proof_age_s": 590, "events": []}


@pytest.mark.parametrize(
    "proof", [None, lambda: None, ago(610), ago(-610)], ids=["a door without", "none", "too old", "of the future"]
)
def test_without_one_nothing_happens(cast: Cast, proof: Callable[[], Proof | None]) -> None:
    with acting_as(cast.coordinator, proof=proof) as by, pytest.raises(Unproved):
        swear(by=by, words="ja", command_id=new_id())
    assert not AuditEntry.objects.exists()


def test_the_right_comes_first_and_a_repetition_needs_none(cast: Cast) -> None:
    said = {"words": "ja", "command_id": new_id()}
    with acting_as(cast.coordinator, proof=lambda: None) as by, pytest.raises(Denied):
        swear(by=by, words="denied", command_id=new_id())
    with acting_as(cast.coordinator) as by:
        swear(by=by, **said)
    with acting_as(cast.coordinator, proof=lambda: None) as by:
        assert swear(by=by, **said).replayed
        with pytest.raises(IdReused):
            swear(by=by, words="nee", command_id=said["command_id"])


def test_with_the_check_switched_off_it_would_be_done(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control."""
    monkeypatch.setattr(kernel, "_proof", dict)
    with acting_as(cast.coordinator, proof=lambda: None) as by:
        assert not swear(by=by, words="ja", command_id=new_id()).replayed
