"""Journey: the test of picture and sound where there is a real relay, and networks that let one part or another not through."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from mdo.cli.relay import HERE
from tests.cast import Cast
from tests.journeys.test_call_test import DEVICES, STEPS, look, states, step, verdict
from tests.journeys.visitors import Visitor, Visitors
from tests.ports import free_port
from tests.relay import Relay

pytestmark = pytest.mark.journey

Ticket = dict[str, Any]


@pytest.fixture
def site(relayed_site: str) -> str:
    """The site that knows the relay."""
    return relayed_site


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes packets and answers nothing: what a firewall makes of UDP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind((HERE, 0))
        yield int(hole.getsockname()[1])


def run(visitor: Visitor, change: Callable[[Ticket], None] = lambda ticket: None) -> str:
    """The whole test with the real ticket, or with what ``change`` makes of it; the report at its end."""

    def alter(route: Route) -> None:
        answer = route.fetch()
        ticket = answer.json()
        change(ticket)
        route.fulfill(response=answer, json=ticket)

    visitor.context.route("**/call-test/relay/", alter)
    page = visitor.go("/call-test/")
    page.get_by_role("button", name="Start the test").click()
    page.get_by_role("button", name="Yes").click()
    verdict(page)
    return page.locator("pre").inner_text()


def ways(*urls: str) -> Callable[[Ticket], None]:
    """Other addresses of the relay, with the credentials as they were given."""

    def change(ticket: Ticket) -> None:
        ticket["ice"][0]["urls"] = list(urls)

    return change


def test_every_way_is_open(cast: Cast, visitors: Visitors, relay: Relay) -> None:
    visitor = visitors.bring("partner", cast.partner, permissions=DEVICES)
    report = run(visitor)
    expect(verdict(visitor.page)).to_have_text("Picture and sound will work.")
    assert states(visitor.page) == {**dict.fromkeys(STEPS, "good"), "server": "left_out"}
    for line in (
        "   Every way to the relay is open.",
        rf"   - UDP 127\.0\.0\.1:{relay.port}: connected in \d+ ms",
        rf"   - TCP 127\.0\.0\.1:{relay.port}: connected in \d+ ms",
        "   - over UDP",
        r"   - [\d.]+ Mbit/s both ways",
        r"   - [\d.]+% lost",
        r"   - delay \d+ ms, slowest \d+ ms",
        "Kinds of network candidates, without addresses: host, relay",
    ):
        assert re.search(f"^{line}$", report, re.MULTILINE), (line, report)
    # No address but the relay's and the site's, and nothing of the credentials.
    assert set(re.findall(r"\b(?:\d+\.){3}\d+:\d+", report)) == {
        f"{HERE}:{relay.port}",
        visitor.site.removeprefix("http://"),
    }
    visitor.look("relay")
    look(visitor.page, "relay")


def test_udp_is_blocked(cast: Cast, visitors: Visitors, relay: Relay, silent: int) -> None:
    visitor = visitors.bring("radiologist", cast.radiologist, permissions=DEVICES)
    report = run(visitor, ways(f"turn:{HERE}:{silent}?transport=udp", relay.urls[1]))
    expect(verdict(visitor.page)).to_have_text(
        "Picture and sound will work, less smoothly than they could: your network lets no UDP through."
    )
    assert states(visitor.page) == {**dict.fromkeys(STEPS, "good"), "relay": "weak", "server": "left_out"}
    expect(step(visitor.page, "relay")).to_contain_text("Ask your IT desk to allow the UDP port below.")
    assert f"- UDP {HERE}:{silent}: not reachable\n" in report
    assert re.search(rf"^- TCP 127\.0\.0\.1:{relay.port}: connected in \d+ ms$", report, re.MULTILINE)
    assert "   - over TCP\n" in report
    visitor.look("relay without UDP")
    look(visitor.page, "relay-without-udp")


def test_no_way_is_open(cast: Cast, visitors: Visitors, silent: int) -> None:
    visitor = visitors.bring("secretary", cast.secretary, permissions=DEVICES)
    report = run(visitor, ways(f"turn:{HERE}:{silent}?transport=udp", f"turn:{HERE}:{free_port()}?transport=tcp"))
    expect(verdict(visitor.page)).to_have_text("Ask your IT desk: your network blocks every way to the relay.")
    assert states(visitor.page)["relay"] == "failed"
    assert "   - over WebSocket\n" in report  # what of the line can be told without the relay
    visitor.look("no relay")


def test_credentials_that_the_relay_does_not_know(cast: Cast, visitors: Visitors) -> None:
    def forge(ticket: Ticket) -> None:
        ticket["ice"][0]["credential"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAA="

    visitor = visitors.bring("chair", cast.chair, permissions=DEVICES)
    report = run(visitor, forge)
    expect(verdict(visitor.page)).to_have_text("Tell the operator of this site: the relay refuses its credentials.")
    assert report.count("refuses the credentials\n") == 4  # each of the two, under its step and among the hosts
