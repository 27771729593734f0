"""Journey: the test of picture and sound at a site with a real relay goes through it by every address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.cast import Cast
from tests.journeys.test_call_test import DEVICES, answer, states, verdict
from tests.journeys.visitors import Visitors
from tests.relay import Relay

pytestmark = pytest.mark.journey


@pytest.fixture
def site(relayed_site: str) -> str:
    return relayed_site


def test_picture_and_sound_will_work_by_every_address_of_the_relay(
    cast: Cast, visitors: Visitors, relay: Relay
) -> None:
    visitor = visitors.bring("partner", cast.partner, permissions=[*DEVICES, "clipboard-read", "clipboard-write"])
    page = visitor.go("/call-test/")
    page.get_by_role("button", name="Start the test").click()
    answer(visitor)
    expect(verdict(page)).to_have_text("Picture and sound will work.")
    assert (states(page)["relay"], states(page)["bandwidth"]) == ("good", "good")
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    tried = re.findall(rf"^- (UDP|TCP) 127\.0\.0\.1:{relay.port}: connected in \d+ ms$", copied, re.MULTILINE)
    assert tried == ["UDP", "TCP"]
    assert re.findall(r"^Kinds of network candidates, without addresses: (.*)$", copied, re.MULTILINE) == [
        "host, relay"
    ]
