"""A call as a browser really carries it: what is counted on its lines, and a line that can be cut.

What flows is read from the browser's own counters (``getStats``), not from what the page says. A cut takes the socket and the media
alike: media goes through a relay whose way to this one browser leads through a forwarder of the test's own.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread

from tests.journeys.visitors import Visitor
from tests.parts import until

# Keeps every connection that the page makes, so that the test can count; with a relay of its own where one is given.
_WATCH = """([turn, plain]) => {
    const made = [];
    const Real = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Real {
        constructor(configuration, ...rest) {
            super(turn ? relayed(configuration) : configuration, ...rest);
            made.push(this);
        }
        setConfiguration(configuration) { super.setConfiguration(turn ? relayed(configuration) : configuration); }
    };
    const relayed = (configuration = {}) => ({
        ...configuration,
        iceTransportPolicy: 'relay',
        iceServers: (configuration.iceServers ?? []).map((each) => ({ ...each, urls: [turn] })),
    });
    const ask = navigator.mediaDevices?.getUserMedia.bind(navigator.mediaDevices);
    const picture = { width: 320, height: 180, frameRate: 10 };
    const sound = plain ? { echoCancellation: false, noiseSuppression: false, autoGainControl: false } : {};
    const less = (wish, limits) => wish ? { ...(wish === true ? {} : wish), ...limits } : wish;
    if (ask) navigator.mediaDevices.getUserMedia = (wish) =>
        ask({ ...wish, video: less(wish?.video, picture), audio: less(wish?.audio, sound) });
    window.callCounts = async () => {
        const found = { lines: 0, voice: 0, frames: 0, sent: 0, bytes: 0, relayed: 0 };
        for (const line of made) {
            if (line.connectionState !== 'connected') continue;
            found.lines += 1;
            const stats = [...(await line.getStats()).values()];
            const ids = new Map(stats.map((each) => [each.id, each]));
            for (const each of stats) {
                if (each.type === 'inbound-rtp' && each.kind === 'audio') found.voice += each.bytesReceived;
                if (each.type === 'inbound-rtp' && each.kind === 'video') found.frames += each.framesDecoded ?? 0;
                if (each.type === 'inbound-rtp') found.bytes += each.bytesReceived;
                if (each.type === 'outbound-rtp') found.sent += each.bytesSent;
                if (each.type === 'transport') {
                    const pair = ids.get(each.selectedCandidatePairId);
                    const ends = [pair?.localCandidateId, pair?.remoteCandidateId].map((id) => ids.get(id)?.candidateType);
                    if (ends.every((type) => type === 'relay')) found.relayed += 1;
                }
            }
        }
        return found;
    };
}"""


@dataclass(frozen=True)
class Counts:
    """Over all lines of one browser that stand now: how many, bytes of voice and frames of pictures that came, bytes in all, and how many
    go through a relay at both ends."""

    lines: int
    voice: int
    frames: int
    sent: int
    bytes: int
    relayed: int


def watch(visitor: Visitor, turn: str | None = None, *, plain: bool = False) -> None:
    """Count in this browser from its next page on; ``turn``: through this relay and by no other way; ``plain``: sound as the microphone
    gives it, without the filters that would take most of a processor from many browsers on one machine."""
    import json

    visitor.context.add_init_script(f"({_WATCH})({json.dumps([turn, plain])})")


def counts(visitor: Visitor) -> Counts:
    found = visitor.page.evaluate("window.callCounts()")
    return Counts(**{name: int(found[name]) for name in Counts.__dataclass_fields__})


def lines_stand(visitor: Visitor, number: int, within_s: float = 30) -> None:
    until(lambda: counts(visitor).lines == number, f"{number} lines of {visitor.name}", within_s)


def hears(visitor: Visitor, within_s: float = 20) -> None:
    """Sound comes in: the counter rises."""
    before = counts(visitor).voice
    until(lambda: counts(visitor).voice > before, f"sound for {visitor.name}", within_s)


def sees(visitor: Visitor, within_s: float = 20) -> None:
    """Pictures come in and are decoded: the counter rises."""
    before = counts(visitor).frames
    until(lambda: counts(visitor).frames > before + 3, f"pictures for {visitor.name}", within_s)


class Forwarder:
    """Between one browser and the relay: datagrams both ways, until it is cut."""

    def __init__(self, relay: tuple[str, int]) -> None:
        self.relay = relay
        self.front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.front.bind(("127.0.0.1", 0))
        self.backs: dict[tuple[str, int], socket.socket] = {}
        self.cut = Event()
        self.ended = Event()
        self.thread = Thread(target=self._forward, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"turn:127.0.0.1:{self.front.getsockname()[1]}?transport=udp"

    def _forward(self) -> None:
        fronts = {back: client for client, back in self.backs.items()}
        while not self.ended.is_set():
            ready, _, _ = select.select([self.front, *fronts], [], [], 0.1)
            for each in ready:
                data, client = each.recvfrom(65_536)
                if self.cut.is_set():
                    continue
                if each is not self.front:
                    self.front.sendto(data, fronts[each])
                    continue
                if client not in self.backs:
                    back = self.backs[client] = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                    fronts[back] = client
                self.backs[client].sendto(data, self.relay)

    def close(self) -> None:
        self.ended.set()
        self.thread.join(5)
        for each in (self.front, *self.backs.values()):
            each.close()


@contextmanager
def cut(visitor: Visitor, forwarder: Forwarder) -> Iterator[None]:
    """No network at all for this browser: neither the socket nor picture and sound."""
    with visitor.network_cut():
        forwarder.cut.set()
        try:
            yield
        finally:
            forwarder.cut.clear()
