"""Journey: somebody tries out picture and sound before the meeting, by keyboard, and takes the report to the IT desk."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page, expect

from tests.cast import Cast
from tests.journeys.visitors import Visitor, Visitors
from tests.meetings.guesting import come_in, invite, set_table
from tests.parts import until

pytestmark = pytest.mark.journey

LOOKS = os.environ.get("JOURNEY_LOOKS", "")  # a folder: keep how each page looks
DEVICES = ["camera", "microphone"]
STEPS = ["browser", "microphone", "camera", "loudspeaker", "socket", "relay", "bandwidth", "server"]
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
ADDRESS = re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}\b|\b[0-9a-f]{8}-[0-9a-f]{4}-[^ ]+\.local\b")


def look(page: Page, name: str) -> None:
    """Keep how the whole page looks, light and dark, at three widths."""
    if not LOOKS:
        return
    size = page.viewport_size
    page.evaluate("scrollTo(0, 0)")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        for width in (360, 1366, 1920):
            page.set_viewport_size({"width": width, "height": 900})
            page.screenshot(path=Path(LOOKS) / f"{name}-{scheme}-{width}.png", full_page=True)
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    if size is not None:
        page.set_viewport_size(size)


def states(page: Page) -> dict[str, str]:
    """How each step stands."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('[data-step]')].map(row => [row.dataset.step, row.dataset.state]))"
    )
    return found


def step(page: Page, name: str) -> Any:
    return page.locator(f"[data-step={name}]")


def verdict(page: Page) -> Any:
    """The sentence at the end, once it is there; the slowest step is given up after a while of its own."""
    heading = page.locator("[data-verdict] h2")
    expect(heading).to_be_visible(timeout=90_000)
    return heading


def answer(visitor: Visitor, key: str = "Tab") -> None:
    """Say by keyboard that the two notes were heard (Tab), or after one more Tab that they were not."""
    expect(visitor.page.locator("#heard")).to_be_visible()
    expect(visitor.page.locator("#heard")).to_be_focused()
    for each in (*key.split("+"), "Enter"):
        visitor.page.keyboard.press(each)


def lights(page: Page) -> int:
    """How many devices are in use, by what the page itself was given."""
    return int(page.evaluate("window.given.flatMap(s => s.getTracks()).filter(t => t.readyState === 'live').length"))


WATCH = """
    window.given = [];
    const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async wishes => {
        const stream = await ask(wishes);
        window.given.push(stream);
        return stream;
    };
"""


def test_all_steps_end_well_without_a_relay(cast: Cast, visitors: Visitors) -> None:
    visitor = visitors.bring(
        "radiologist", cast.radiologist, permissions=[*DEVICES, "clipboard-read", "clipboard-write"]
    )
    visitor.context.add_init_script(WATCH)
    posted: list[tuple[str, str | None]] = []
    visitor.context.on("request", lambda request: posted.append((request.url, request.post_data)))
    page = visitor.go("/")
    page.get_by_text("dr.").first.wait_for()
    page.locator(".header summary").last.click()
    page.get_by_role("link", name="Test picture and sound").click()
    start = page.get_by_role("button", name="Start the test")
    expect(start).to_be_visible()
    assert states(page) == dict.fromkeys(STEPS, "waiting")
    visitor.look("before")
    look(page, "before")
    posted.clear()

    # By keyboard alone.
    start.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Stop")).to_be_focused()
    expect(step(page, "camera").locator("video")).to_be_visible()
    expect(page.locator("#heard")).to_be_visible()
    picture = "video => video.videoWidth > 0 && video.readyState >= 2"
    until(lambda: step(page, "camera").locator("video").evaluate(picture), "the own picture", 10)
    expect(page.locator("#call-test [role=status]")).to_contain_text("Camera: Good.")
    expect(page.locator("#call-test [role=status]")).to_contain_text("Did you hear two notes?")
    visitor.look("asking")
    look(page, "asking")
    assert lights(page) == 1  # the microphone was let go, the camera shows itself
    answer(visitor, "Tab+Tab+Tab")  # once more
    answer(visitor)
    expect(verdict(page)).to_have_text(
        "Picture and sound will work where participants reach each other directly: this site has no relay for the others."
    )
    assert states(page) == {**dict.fromkeys(STEPS, "good"), "relay": "left_out", "server": "left_out"}
    expect(page.get_by_role("button", name="Test again")).to_be_focused()
    assert lights(page) == 0
    visitor.look("after")
    look(page, "after")

    # The report, in the clipboard and as a file: the same text, with figures and without addresses.
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert re.fullmatch(r"mdo-call-test-\d{4}-\d\d-\d\d-\d{4}\.txt", download.value.suggested_filename)
    assert visitor.downloaded(download.value).decode() == copied
    for line in (
        r"Result: Picture and sound will work where .*",
        r"   - there and back \d+ ms, slowest \d+ ms",
        r"   - \d+ × \d+",
        r"   - [\d.]+ Mbit/s out",
        r"   - [\d.]+ Mbit/s in",
        r"Kinds of network candidates, without addresses: host",
        rf"- WebSocket ws://127\.0\.0\.1:{visitor.site.rpartition(':')[2]}/ws/call-test/: Good",
    ):
        assert re.search(f"^{line}$", copied, re.MULTILINE), (line, copied)
    assert ADDRESS.findall(copied.replace(visitor.site, "").replace("ws://127.0.0.1", "")) == re.findall(
        ADDRESS, str(page.evaluate("navigator.userAgent"))
    )
    for word in ("Fake", "fake_", "dr. ", cast.radiologist.person.display_name):
        assert word not in copied, word

    # Nothing of it went anywhere: the one thing that was asked for is the relay's address.
    own = ("blob:", "data:", f"{visitor.site}/static/")
    asked = [(url.removeprefix(visitor.site), body) for url, body in posted if not url.startswith(own)]
    assert asked == [("/call-test/relay/", None)]


def test_what_is_wrong_is_told_in_words(cast: Cast, visitors: Visitors) -> None:
    visitor = visitors.bring("secretary", cast.secretary, permissions=[])
    # Something on the way, such as a proxy, that lets no WebSocket through.
    visitor.context.route_web_socket("**/ws/call-test/", lambda socket: socket.close(code=1011))
    page = visitor.go("/call-test/")
    page.get_by_role("button", name="Start the test").click()
    answer(visitor, "Tab+Tab")
    expect(verdict(page)).to_have_text("Ask your IT desk: the connection to this site (WebSocket) is blocked.")
    expect(step(page, "microphone")).to_contain_text("The browser was not allowed to use it.")
    expect(step(page, "camera")).to_contain_text("The browser was not allowed to use it.")
    expect(step(page, "loudspeaker")).to_contain_text("Turn the sound up")
    expect(step(page, "socket")).to_contain_text("A proxy or firewall blocks WebSockets to this site")
    assert states(page) == {
        **dict.fromkeys(STEPS, "failed"),
        "browser": "good",
        "relay": "left_out",
        "server": "left_out",
    }
    visitor.look("wrong")
    look(page, "wrong")
    # One thing was mended: that step alone is done again, and the verdict follows.
    visitor.context.grant_permissions(DEVICES)
    again = page.get_by_role("button", name="Try again Camera")
    again.focus()
    page.keyboard.press("Enter")
    expect(step(page, "camera")).to_contain_text("The picture moves.")
    expect(page.get_by_role("button", name="Test again")).to_be_focused()
    assert states(page)["microphone"] == "failed"


def test_it_can_be_stopped_and_keeps_no_light_on(cast: Cast, visitors: Visitors) -> None:
    visitor = visitors.bring("partner", cast.partner, permissions=DEVICES)
    visitor.context.add_init_script(WATCH)
    page = visitor.go("/call-test/")
    page.get_by_role("button", name="Start the test").click()
    expect(page.locator("#heard")).to_be_visible()
    assert lights(page) == 1
    # Another loudspeaker: the notes are played there, and asked for again.
    page.get_by_label("Loudspeaker").select_option(index=1)
    expect(step(page, "loudspeaker")).to_contain_text("Two notes are played")
    expect(page.locator("#heard")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(verdict(page)).to_have_text("The test was stopped before its end.")
    assert lights(page) == 0
    assert states(page) == {
        **dict.fromkeys(STEPS, "waiting"),
        **dict.fromkeys(("browser", "microphone", "camera"), "good"),
    }
    # Another microphone, once everything rests: that step is done again.
    page.get_by_label("Microphone").select_option(index=1)
    expect(step(page, "microphone")).to_have_attribute("data-state", "running")
    expect(step(page, "microphone")).to_have_attribute("data-state", "good")
    assert lights(page) == 0


def test_a_guest_tests_on_the_phone(cast: Cast, visitors: Visitors) -> None:
    _, items = set_table(cast)
    client = come_in(invite(cast, items[1]))
    visitor = visitors.bring("guest", cast.guest, signed_in=False, permissions=DEVICES, **PHONE)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    visitor.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": visitor.site}])
    page = visitor.go("/call-test/")
    assert page.locator("nav, footer, .header a").count() == 0
    page.get_by_role("button", name="Start the test").tap()
    page.get_by_role("button", name="Yes").tap()
    expect(verdict(page)).to_contain_text("Picture and sound will work where")
    assert "failed" not in states(page).values()
    visitor.look("guest")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= PHONE["viewport"]["width"]  # type: ignore[index]
    page.get_by_role("link", name="Back to your invitation").tap()
    expect(page.get_by_role("heading", name="You are in the lobby")).to_be_visible()
