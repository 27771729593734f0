"""Pages of errors, as the asynchronous handler draws them: beside the request's own thread, where nobody else gives connections back."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.db import connections
from django.test import AsyncClient, Client

from mdo import errors
from tests.cast import Cast
from tests.room_client import sign_in


def ask(path: str, session: str) -> int:
    """The status that somebody who is signed in gets."""
    client = AsyncClient(SERVER_NAME=urlsplit(settings.MDO_ORIGINS[0]).hostname)
    client.cookies[settings.SESSION_COOKIE_NAME] = session
    return int(async_to_sync(client.get)(path).status_code)


def kept() -> int:
    """How many connections are out of the pool."""
    counts = connections["default"].pool.get_stats()  # type: ignore[attr-defined]
    return int(counts["pool_size"] - counts["pool_available"])


def left_behind(session: str) -> int:
    """How many connections the page of an address that there is not keeps."""
    connections.close_all()
    before = kept()
    assert ask("/no/such/page/", session) == 404
    connections.close_all()  # of this thread, in which the rest of the request ran
    return kept() - before


def test_a_page_that_there_is_not_keeps_no_connection(committed: None, cast: Cast) -> None:
    assert left_behind(sign_in(cast.chair)) == 0


def test_a_connection_that_stays_would_be_seen(committed: None, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def nothing() -> Iterator[None]:
        yield

    monkeypatch.setattr(errors, "_given_back", nothing)
    assert left_behind(sign_in(cast.chair)) == 1


def test_another_host_is_bad_input_and_no_fault() -> None:
    answer = Client(SERVER_NAME="other.example.org").get("/accounts/login/")
    assert (answer.status_code, "We did not understand that request" in answer.content.decode()) == (400, True)
