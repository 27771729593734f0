"""Fixtures of the tests with a hospital's own sign-in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from django.core.cache import cache

from mdo.directory.models import IdentityProvider
from mdo.directory.signing_in.protocol import callback_address
from tests.cast import Cast
from tests.identity.hospital import Hospital, offer, running


@pytest.fixture(scope="session")
def provider_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hospital]:
    with running(tmp_path_factory.mktemp("hospital")) as found:
        yield found


@pytest.fixture
def hospital(provider_process: Hospital) -> Hospital:
    """The provider with nobody in it and nobody signed in."""
    provider_process.people.clear()
    provider_process.tell()
    provider_process.browser = requests.Session()
    return provider_process


@pytest.fixture
def row(db: None, cast: Cast, hospital: Hospital, settings: Any) -> IdentityProvider:
    """The organiser's people sign in there."""
    cache.clear()
    found = offer(hospital, cast)
    hospital.back = [callback_address(found)]
    hospital.tell()
    return found
