"""The pool of connections: what an outage of PostgreSQL leaves of it."""

from __future__ import annotations

import time

import pytest
from django.db import OperationalError, connection

from tests.database import nobody_connects


def test_after_an_outage_the_next_one_who_asks_is_answered(committed: None) -> None:
    """However long it was: nobody waits for the pause before a next try to be over."""
    connection.close()
    with nobody_connects():
        for _ in range(2):
            with pytest.raises(OperationalError):
                connection.ensure_connection()
    began = time.monotonic()
    connection.ensure_connection()
    assert time.monotonic() - began < 2
