"""What the kernel does every second: chain, anchor once a minute, forget old command ids and ended sessions once an hour."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache

from mdo.kernel import audit, clock, ledger, tasks
from mdo.kernel.acting import System, acting
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditSeal, CommandId
from tests.parts import until

KEYS = ("mdo.audit.anchored", "mdo.command_ids.forgotten")


@pytest.fixture
def fresh(committed: None, settings: Any, tmp_path: Any) -> Any:
    settings.MDO_VAR = tmp_path
    cache.delete_many(KEYS)
    yield tmp_path / "anchors" / "audit.jsonl"
    cache.delete_many(KEYS)


def leave_a_trace() -> None:
    with acting(System("clerk"), None, "work") as here:
        ledger.write(here, "test.done", (), hospital_id=None, detail={}, command_id=new_id(), digest=b"d" * 32)


def test_seals_anchors_and_forgets(fresh: Any, settings: Any) -> None:
    with clock.frozen(clock.now() - timedelta(days=8)):
        leave_a_trace()
    until(lambda: tasks.seal() or AuditSeal.objects.exists(), "the row sealed", 150)
    assert not CommandId.objects.exists()
    assert audit.verify(fresh, settings.MDO_FILE_KEY) == []
    lines = fresh.read_text().splitlines()
    cache.set(KEYS[0], 1, 3600)
    leave_a_trace()
    until(lambda: tasks.seal() or AuditSeal.objects.count() == 2, "the second row sealed", 150)
    assert CommandId.objects.count() == 1
    assert fresh.read_text().splitlines() == lines  # the next anchor is due in a minute
    cache.delete(KEYS[0])
    tasks.seal()
    assert len(fresh.read_text().splitlines()) == len(lines) + 1
    assert audit.verify(fresh, settings.MDO_FILE_KEY) == []


def test_an_ended_session_is_deleted(fresh: Any) -> None:
    ended, lives = SessionStore(), SessionStore()
    ended.set_expiry(-1)
    for session in (ended, lives):
        session["who"] = "somebody"
        session.save()
    tasks.seal()
    assert (ended.exists(ended.session_key), lives.exists(lives.session_key)) == (False, True)
    lives.delete()
