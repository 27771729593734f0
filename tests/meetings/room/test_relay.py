"""Nobody's address passes between a guest and anybody else, however it is written; credentials of the relay are as coturn reads them."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from aioice import Candidate
from hypothesis import given
from hypothesis import strategies as st

from meetings.room import relay
from meetings.room.relay import only_relayed_candidate, only_relayed_sdp

RELAYED = "candidate:2 1 udp 41885439 198.51.100.9 50002 typ relay raddr 0.0.0.0 rport 0 generation 0 ufrag a1b2"

# What a browser offers: sound, a picture and data, all gathered.
OFFER = """\
v=0
o=- 4611731400430051336 2 IN IP4 192.0.2.7
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS 5f1c
a=x-mdo-answers:b3d4
m=audio 50001 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 203.0.113.7
a=rtcp:50001 IN IP4 203.0.113.7
a=candidate:1 1 udp 2122260223 192.0.2.7 50001 typ host generation 0 ufrag a1b2 network-id 1 network-cost 10
a=candidate:3 1 udp 2122194687 fd00::7 50003 typ host generation 0 ufrag a1b2 network-id 2
a=candidate:4 1 udp 2122063615 0d2e4b1c-6f0a-4c8e-9b3f-2f1a7f5e9d11.local 50004 typ host generation 0 ufrag a1b2
a=candidate:5 1 tcp 1518280447 192.0.2.7 9 typ host tcptype active generation 0 ufrag a1b2
a=candidate:6 1 udp 1686052607 203.0.113.7 50001 typ srflx raddr 192.0.2.7 rport 50001 generation 0 ufrag a1b2
a=candidate:7 1 udp 1686052607 203.0.113.8 50006 typ prflx raddr 192.0.2.7 rport 50001 generation 0 ufrag a1b2
a=candidate:2 1 udp 41885439 198.51.100.9 50002 typ relay raddr 203.0.113.7 rport 50001 generation 0 ufrag a1b2 network-id 1
a=ice-ufrag:a1b2
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:5f1c 77aa
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=ssrc:1234567 cname:J9hQ2w
a=remote-candidates:1 192.0.2.7 50001
m=video 0 UDP/TLS/RTP/SAVPF 96
c=IN IP6 ::
b=AS:300
a=mid:1
a=inactive
a=rtpmap:96 VP8/90000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
"""
RELAYED_OFFER = """\
v=0
o=- 4611731400430051336 2 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE 0 1 2
a=extmap-allow-mixed
a=msid-semantic: WMS 5f1c
a=x-mdo-answers:b3d4
m=audio 9 UDP/TLS/RTP/SAVPF 111 63
c=IN IP4 0.0.0.0
a=rtcp:9 IN IP4 0.0.0.0
a=candidate:2 1 udp 41885439 198.51.100.9 50002 typ relay raddr 0.0.0.0 rport 0 generation 0 ufrag a1b2
a=ice-ufrag:a1b2
a=ice-pwd:0123456789abcdefghijklmn
a=ice-options:trickle
a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF
a=setup:actpass
a=mid:0
a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level
a=sendrecv
a=msid:5f1c 77aa
a=rtcp-mux
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:63 red/48000/2
a=fmtp:63 111/111
a=ssrc:1234567 cname:J9hQ2w
m=video 0 UDP/TLS/RTP/SAVPF 96
c=IN IP4 0.0.0.0
b=AS:300
a=mid:1
a=inactive
a=rtpmap:96 VP8/90000
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=mid:2
a=sctp-port:5000
a=max-message-size:262144
"""


def crlf(text: str) -> str:
    return text.replace("\n", "\r\n")


# --- credentials ----------------------------------------------------------------------------------------------------------------------


def test_credentials_as_coturn_reads_them(settings: Any) -> None:
    settings.MDO_TURN = ["turn:relay.example.org:3478?transport=udp", "turns:relay.example.org:443?transport=tcp"]
    settings.MDO_TURN_SECRET = "a secret of this test"
    at = datetime(2026, 11, 28, 20, 0, tzinfo=UTC)
    # printf %s 1795896600:peer | openssl dgst -sha1 -hmac 'a secret of this test' -binary | base64
    assert relay.ice_servers("peer", at) == [
        {"urls": settings.MDO_TURN, "username": "1795896600:peer", "credential": "cO0hn9hDXDwhJY00jvYyoCo7Fvo="}
    ]
    assert relay.configured()


def test_without_a_relay_there_are_no_credentials(settings: Any) -> None:
    settings.MDO_TURN, settings.MDO_TURN_SECRET = [], ""
    assert (relay.configured(), relay.ice_servers("peer", datetime.now(UTC))) == (False, [])


# --- one candidate --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "candidate",
    [
        "candidate:2 1 udp 41885439 198.51.100.9 50002 typ relay raddr 192.0.2.7 rport 50001 generation 0 ufrag a1b2 network-id 1",
        "a=candidate:2 1 UDP 41885439 198.51.100.9 50002 typ relay raddr 192.0.2.7 rport 50001 generation 0 ufrag a1b2\r\n",
        "CANDIDATE:2 1 udp 41885439 198.51.100.9 50002 TYP RELAY RADDR 192.0.2.7 RPORT 50001 GENERATION 0 UFRAG a1b2",
        " candidate: 2  1 udp  41885439 198.51.100.9 50002 typ  relay generation 0  ufrag a1b2 address 192.0.2.7",
        "candidate:2 1 udp 41885439 198.51.100.9 50002 typ relay generation 0 ufrag a1b2 generation 192.0.2.7 ufrag 192.0.2.7",
    ],
)
def test_a_relayed_candidate_tells_nothing_of_who_is_behind(candidate: str) -> None:
    assert only_relayed_candidate(candidate) == RELAYED


@pytest.mark.parametrize(
    "candidate",
    [
        *(line.removeprefix("a=") for line in OFFER.splitlines() if "a=candidate" in line and "typ relay" not in line),
        "candidate:1 1 udp 1 laptop.hospital.example 50001 typ host",
        # A name would be looked up, which tells its own server where one is; a zone names a network card; ICE-TCP goes past the relay.
        "candidate:1 1 udp 1 who-asks.example 50001 typ relay raddr 0.0.0.0 rport 0",
        "candidate:1 1 udp 1 0d2e4b1c.local 50001 typ relay raddr 0.0.0.0 rport 0",
        "candidate:1 1 udp 1 fe80::1%eth0 50001 typ relay raddr 0.0.0.0 rport 0",
        "candidate:1 1 tcp 1 198.51.100.9 50001 typ relay raddr 0.0.0.0 rport 0 tcptype passive",
        "candidate:1 1 udp 1 198.51.100.9 50001 typ relayed",
    ],
)
def test_no_other_candidate_passes(candidate: str) -> None:
    assert only_relayed_candidate(candidate) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=mid:0",
        "candidate:",
        "candidate:1 1 udp 1 198.51.100.9 50001",
        "candidate:1 1 udp 1 198.51.100.9 50001 relay",
        "candidate:1 0 udp 1 198.51.100.9 50001 typ relay",
        "candidate:1 257 udp 1 198.51.100.9 50001 typ relay",
        "candidate:1 1 udp 1 198.51.100.9 65536 typ relay",
        "candidate:1 1 udp 1 198.51.100.9 ٥٠٠٠١ typ relay",
        "candidate:1 1 udp 1 198.51.100.9 50001 typ relay raddr",
        "candidate:1 1 udp 1 198.51.100.9 50001 typ relay\na=candidate:1 1 udp 1 192.0.2.7 50001 typ host",
        "candidate:1\u00a01 udp 1 198.51.100.9 50001 typ relay",
    ],
)
def test_what_is_no_candidate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no candidate"):
        only_relayed_candidate(text)


@given(st.text(max_size=200))
def test_no_text_breaks_the_filter(text: str) -> None:
    for one in (text, f"candidate:{text}", f"candidate:2 1 udp 41885439 198.51.100.9 50002 typ relay {text}"):
        try:
            passed = only_relayed_candidate(one)
        except ValueError:
            continue
        assert passed is None or hosts(passed) == {"198.51.100.9", "0.0.0.0"}


# --- a description --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_a_browser_s_offer(end: str) -> None:
    assert only_relayed_sdp(OFFER.replace("\n", end)) == crlf(RELAYED_OFFER)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is no description"),
        ("o=- 1 2 IN IP4 0.0.0.0\n", "is no description"),
        ("v=1\n", "is no description"),
        ("v=0\nwords\n", "is no description"),
        ("v=0\na=mid:\u0660\n", "is no description"),
        ("v=0\na=mid:0\x0b\na=mid:1\n", "is no description"),
        ("v=0\no=- 1 2 192.0.2.7\n", "has no origin"),
        ("v=0\nm=audio 192.0.2.7 UDP/TLS/RTP/SAVPF 111\n", "has media that cannot be"),
        ("v=0\na=candidate:192.0.2.7\n", "is no candidate"),
        ("v=0\na=candidates: 192.0.2.7\n", "is no candidate"),
    ],
)
def test_what_is_no_description_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        only_relayed_sdp(text)


@pytest.mark.parametrize(
    "line",
    [
        "a=rtcp:9 IN IP4 192.0.2.7",
        "a=source-filter: incl IN IP4 * 192.0.2.7",
        "a=remote-candidates:1 192.0.2.7 50001",
        "a=ssrc:1 cname:anna@192.0.2.7",
        "a=ssrc:1 cname:anna@laptop.LOCAL",
        "a=ssrc:1 cname:fd00::7",
        "a=msid:x:fd00::7 y",
        "a=label:fd00:0:0:0:0:0:0:7",
        "a=fingerprint:192.0.2.7",
        "a=fingerprint:sha-256 fd00:0:0:0:0:0:0:7",
        "a=x-where:192.0.2.7",
        "a= candidate-where:192.0.2.7 typ host 1 2 3",
        "A=SSRC:1 CNAME:192.0.2.7",
        "i=192.0.2.7",
        "u=http://192.0.2.7/",
        "e=anna@192.0.2.7",
        "p=192.0.2.7",
        "k=uri:http://192.0.2.7/",
        "z=192.0.2.7",
        "C=IN IP4 192.0.2.7",
        "c = IN IP6 fd00::7",
        "s=192.0.2.7",
        "b=192.0.2.7:1",
        "t=192.0.2.7",
    ],
)
def test_no_other_line_names_anybody(line: str) -> None:
    try:
        passed = only_relayed_sdp(f"v=0\r\n{line}\r\n")
    except ValueError:
        return
    assert hosts(passed) <= {"0.0.0.0"}
    assert "local" not in passed.lower()


# --- any description ------------------------------------------------------------------------------------------------------------------


def hosts(text: str) -> set[str]:
    """Every address in it, and every name of a local network."""
    found = set()
    text = re.sub(
        r"(?m)^a=fingerprint:sha-256 [0-9A-F]{2}(:[0-9A-F]{2}){31}\r?$", "", text
    )  # looks like IPv6 in places
    for word in re.split(r"[\s=,;@/\[\]()%]+", text):
        ends = [word[place + 1 :] for place, letter in enumerate(word) if letter == ":"]
        for one in (word, *ends):
            if one.lower().endswith(".local"):
                found.add(one.lower())
            try:
                found.add(str(ipaddress.ip_address(one)))
            except ValueError:
                continue
            break  # the ends of an address may be addresses too
    return found


@dataclass(frozen=True)
class Described:
    """A description, whose addresses are in it, and which relays."""

    text: str
    hidden: frozenset[str]
    relays: frozenset[str]


def in_network(network: str) -> st.SearchStrategy[str]:
    return st.ip_addresses(network=network).map(str)


HIDDEN = st.one_of(
    *map(in_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "203.0.113.0/24", "fd00::/8", "2001:db8::/48")),
    st.uuids().map(lambda name: f"{name}.local"),
)
RELAY = st.one_of(in_network("198.51.100.0/24"), in_network("2001:db8:ffff::/48"))
NAMING = (
    "c=IN IP4 {}",
    "a=rtcp:50001 IN IP6 {}",
    "a=ssrc:1 cname:me@{}",
    "a=source-filter: incl IN IP4 * {}",
    "a=remote-candidates:1 {} 50001",
    "i={}",
    "a=x-new-in-some-browser:{}",
)
SPACE = st.sampled_from([" ", " ", " ", "  "])


@st.composite
def descriptions(draw: st.DrawFn) -> Described:
    """As browsers write them, and as somebody writes them who would like an address to pass."""
    hidden, relays = set(), set()

    def nobody() -> str:
        hidden.add(address := draw(HIDDEN))
        return address

    def candidate() -> str:
        kind = draw(st.sampled_from(["host", "srflx", "prflx", "relay"]))
        if kind == "relay":
            relays.add(address := draw(RELAY))
        else:
            address = nobody()
        behind = f" raddr {nobody()} rport 50001" if kind != "host" and draw(st.booleans()) else ""
        more = f" generation 0 ufrag a1b2 network-id {draw(st.integers(1, 9))}" if draw(st.booleans()) else ""
        word = draw(st.sampled_from(["candidate", "candidate", "Candidate", "CANDIDATE"]))
        return f"a={word}:1 1 udp 41885439 {address} 50002 typ {kind}{behind}{more}".replace(" ", draw(SPACE))

    lines = ["v=0", f"o=- 1 2 IN IP4 {nobody()}", "s=-", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"]
    for _ in range(draw(st.integers(0, 12))):
        line = draw(st.sampled_from(["", *NAMING]))
        lines.append(line.format(nobody()) if line else candidate())
    end = draw(st.sampled_from(["\r\n", "\n"]))
    return Described(end.join(lines) + end, frozenset(hidden), frozenset(relays))


def passing(only: Callable[[str], str], described: Described) -> set[str]:
    """Whose addresses pass."""
    return hosts(only(described.text)) & described.hidden


@given(descriptions())
def test_nobody_s_address_passes(described: Described) -> None:
    passed = only_relayed_sdp(described.text)
    assert hosts(passed) == described.relays | {"0.0.0.0"}
    assert passing(only_relayed_sdp, described) == set()


@given(descriptions())
def test_without_the_filter_every_address_would_pass(described: Described) -> None:
    """Negative control: what the test above looks for is in what it looks at."""
    assert passing(lambda text: text, described) == described.hidden != set()


@given(descriptions())
def test_what_passes_is_read_again_and_stays(described: Described) -> None:
    passed = only_relayed_sdp(described.text)
    assert only_relayed_sdp(passed) == passed
    lines = passed.split("\r\n")
    assert lines.pop() == ""
    assert all(re.fullmatch(r"[a-z]=\S.*", line) for line in lines)
    assert [line[0] for line in lines[:5]] == ["v", "o", "s", "t", "m"]
    candidates = [line.removeprefix("a=candidate:") for line in lines if line.startswith("a=candidate:")]
    read = [Candidate.from_sdp(each) for each in candidates]
    assert {(each.type, each.transport, each.related_address, each.related_port) for each in read} <= {
        ("relay", "udp", "0.0.0.0", 0)
    }
    assert {each.host for each in read} == described.relays
