"""Two browsers that may reach each other through the relay alone: picture, sound and words flow, and nobody's address is told.

A page without the product: what is shown here is that coturn as it is deployed, and what the room lets pass between a guest and
anybody else, are enough for Chromium.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from mdo.cli.relay import HERE
from meetings.room import relay as product
from tests.meetings.room.test_relay import hosts
from tests.parts import NEVER_ASKS, until
from tests.relay import SECRET, Relay

pytestmark = pytest.mark.journey

BROWSER_FLAGS = [NEVER_ASKS]
PAGE = f"http://{HERE}:9/"  # never asked for: answered by the browser's own route
SCRIPT = """
<video autoplay muted playsinline></video><script>
window.begin = async (ice) => {
    window.told = [];
    window.words = [];
    window.pc = new RTCPeerConnection({iceServers: ice, iceTransportPolicy: 'relay'});
    pc.onicecandidate = event => told.push(event.candidate ? event.candidate.toJSON() : null);
    pc.ontrack = event => { document.querySelector('video').srcObject = event.streams[0]; };
    window.channel = pc.createDataChannel('words', {negotiated: true, id: 0});
    channel.onmessage = event => words.push(event.data);
    const own = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 320, height: 180, frameRate: 10}});
    for (const track of own.getTracks()) pc.addTrack(track, own);
};
window.describe = async () => {
    await pc.setLocalDescription();
    return {type: pc.localDescription.type, sdp: pc.localDescription.sdp};
};
window.path = async () => {
    const stats = await pc.getStats();
    const transport = [...stats.values()].find(each => each.type === 'transport');
    const pair = stats.get(transport?.selectedCandidatePairId);
    if (!pair) return null;
    const [own, other] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
    const heard = [...stats.values()].filter(each => each.type === 'inbound-rtp');
    return {
        types: [own.candidateType, other.candidateType], by: own.relayProtocol,
        frames: heard.find(each => each.kind === 'video')?.framesDecoded ?? 0,
        sound: heard.find(each => each.kind === 'audio')?.bytesReceived ?? 0,
    };
};
</script>
"""


@pytest.fixture
def pages(browser: Any) -> Iterator[list[Page]]:
    """Two browsers that know nothing of each other."""
    contexts = [browser.new_context() for _ in range(2)]
    found = []
    for context in contexts:
        context.route(PAGE, lambda route: route.fulfill(content_type="text/html", body=SCRIPT))
        found.append(context.new_page())
        found[-1].goto(PAGE)
    yield found
    for context in contexts:
        context.close()


def ice(relay: Relay, settings: Any, peer: str, at: datetime, transport: str = "udp") -> list[dict[str, Any]]:
    """What the product would give this peer."""
    settings.MDO_TURN_SECRET = SECRET
    settings.MDO_TURN = [url for url in relay.urls if url.endswith(transport)]
    return product.ice_servers(peer, at)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_picture_sound_and_words_through_the_relay(
    relay: Relay, pages: list[Page], settings: Any, transport: str
) -> None:
    one, other = pages
    one.evaluate("begin", ice(relay, settings, "one", datetime.now(UTC), transport))
    other.evaluate("begin", ice(relay, settings, "other", datetime.now(UTC)))
    # The offer tells all candidates at once, the answer none: they follow one by one.
    one.evaluate("describe()")
    until(lambda: one.evaluate("told.includes(null)"), "all candidates of the offer")
    offer = one.evaluate("({type: 'offer', sdp: pc.localDescription.sdp})")
    passed = product.only_relayed_sdp(offer["sdp"])
    assert (passed.count("a=candidate:"), hosts(passed)) == (offer["sdp"].count("a=candidate:"), {HERE, "0.0.0.0"})
    other.evaluate("said => pc.setRemoteDescription(said)", {**offer, "sdp": passed})
    answer = other.evaluate("describe()")
    one.evaluate("said => pc.setRemoteDescription(said)", {**answer, "sdp": product.only_relayed_sdp(answer["sdp"])})
    until(lambda: other.evaluate("told.includes(null)"), "all candidates of the answer")
    candidates = [each for each in other.evaluate("told") if each is not None and each["candidate"]]
    for each in candidates:
        candidate = product.only_relayed_candidate(each["candidate"])
        assert candidate is not None
        one.evaluate("said => pc.addIceCandidate(said)", {**each, "candidate": candidate})
    assert candidates

    for page, by in ((one, transport), (other, "udp")):
        until(
            lambda page=page: (page.evaluate("path()") or {}).get("frames", 0) >= 10,
            "ten pictures",
            log=relay.child.program.log,
        )
        path = page.evaluate("path()")
        assert (path["types"], path["by"], path["sound"] > 0) == (["relay", "relay"], by, True)
        assert page.evaluate("[document.querySelector('video').videoWidth, channel.readyState]") == [320, "open"]
    one.evaluate("channel.send('from one')")
    until(lambda: other.evaluate("words") == ["from one"], "words")


def test_with_credentials_that_ended_there_is_no_way(relay: Relay, pages: list[Page], settings: Any) -> None:
    """Negative control: nothing but the relay is there to meet at."""
    page = pages[0]
    page.evaluate("begin", ice(relay, settings, "late", datetime.now(UTC) - timedelta(hours=1)))
    page.evaluate("describe()")
    until(lambda: page.evaluate("told.includes(null)"), "the end of the search")
    assert [each for each in page.evaluate("told") if each is not None and each["candidate"]] == []
