"""The relay (TURN): short-lived credentials for it, and what of an address passes between a guest and anybody else.

Credentials are those of coturn's REST interface (draft-uberti-behave-turn-rest-00, §2.2): the name is the moment at which they end and
whose they are, the password its HMAC-SHA1 with the secret that this site and the relay share. SHA-1 is that draft's; as a keyed
digest it holds.

An address is told to a peer in lines of RFC 8839 (§5.1 ``candidate``) within a description (RFC 8866), or one by one; RFC 8445 (§5.1.1)
says which kinds there are. Between a guest and anybody else only relayed candidates pass, without the address behind the relay
(``raddr``, ``rport``). Of the rest of a description only what is known to name no host passes: what a browser learns to say
tomorrow is left out until it stands here. Candidates and lines are read as a stranger may write them, not only as browsers do.
"""

import base64
import hashlib
import hmac
import ipaddress
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

LASTS: Final = timedelta(minutes=10)
NOBODY: Final = "IN IP4 0.0.0.0"  # RFC 8829 §5.2.1 has it in o=, RFC 8840 §4.1.3 in c= while no candidate is known
NO_PORT: Final = "9"

# RFC 8839 §5.1: foundation component transport priority address port "typ" type [raddr rport] *(name value)
_CANDIDATE: Final = re.compile(
    r"candidate *: *(?P<foundation>[A-Za-z0-9+/]{1,32}) +(?P<component>\d{1,3}) +(?P<transport>[A-Za-z-]{1,16}) +(?P<priority>\d{1,10})"
    r" +(?P<address>\S{1,255}) +(?P<port>\d{1,5}) +typ +(?P<type>[A-Za-z0-9-]{1,16})(?P<rest>(?: +\S+ +\S+)*)",
    re.ASCII | re.IGNORECASE,
)
# What follows the type and is needed: to tell one attempt from the next.
_PASSING: Final = {"generation": re.compile(r"\d{1,5}"), "ufrag": re.compile(r"[A-Za-z0-9+/]{1,256}")}
_LINE: Final = re.compile(r"([A-Za-z]) *= *(.*)")
_ORIGIN: Final = re.compile(r"\S+ +(\d{1,20}) +(\d{1,20}) +IN +\S+ +\S+", re.IGNORECASE)
_MEDIA: Final = re.compile(r"([a-z]{1,20}) +(\d{1,5}) +([A-Z/]{1,40})((?: +[A-Za-z0-9-]{1,40})+)", re.ASCII)
_PLAIN: Final = {
    "v": re.compile(r"0"),
    "t": re.compile(r"\d{1,20} \d{1,20}"),
    "b": re.compile(r"[A-Za-z-]{1,20}:\d{1,10}"),
}
# Attributes that describe sound, picture, data and the keys of a connection, and name no host (RFC 8829 §5.2.1, and browsers' own).
_ATTRIBUTE: Final = re.compile(
    "bundle-only|content|end-of-candidates|extmap|extmap-allow-mixed|fingerprint|fmtp|framerate|group|ice-lite|ice-options|ice-pwd"
    "|ice-ufrag|imageattr|inactive|label|max-message-size|maxptime|mid|msid|msid-semantic|ptime|recvonly|rid|rtcp-fb|rtcp-mux"
    "|rtcp-mux-only|rtcp-rsize|rtpmap|sctp-port|sctpmap|sendonly|sendrecv|setup|simulcast|ssrc|ssrc-group|tls-id|x-google-flag"
    "|x-mdo-answers"  # which offer an answer is for (frontend/src/room/call/sdp.ts)
)
# An address wherever it stands: four numbers; eight groups or fewer with `::`; a name of the local network (RFC 8828 §3.1).
_HOST: Final = re.compile(
    r"\d{1,3}(?:\.\d{1,3}){3}|(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}|::|\.local(?![a-z0-9-])", re.ASCII | re.IGNORECASE
)
_FINGERPRINT: Final = re.compile(
    r"fingerprint:sha-\d{1,3} [0-9A-F]{2}(?::[0-9A-F]{2}){19,63}", re.ASCII | re.IGNORECASE
)


def configured() -> bool:
    """Whether this site has a relay."""
    return bool(settings.MDO_TURN)


def ice_servers(peer: str, at: datetime) -> list[dict[str, Any]]:
    """``[{"urls", "username", "credential"}]`` as browsers take it, for this peer and ten minutes; empty where there is no relay."""
    if not configured():
        return []
    username = f"{int((at + LASTS).timestamp())}:{peer}"
    digest = hmac.new(settings.MDO_TURN_SECRET.encode(), username.encode(), hashlib.sha1).digest()
    credential = base64.b64encode(digest).decode()
    return [{"urls": list(settings.MDO_TURN), "username": username, "credential": credential}]


def only_relayed_candidate(candidate: str) -> str | None:
    """The candidate without the address behind the relay; ``None`` for one that is not relayed. Raises ``ValueError`` for none at all.

    A relay is given by its address. A name would be looked up by whoever hears of it, and tell its own server who asks.
    """
    text = candidate.strip(" \r\n")
    parts = _CANDIDATE.fullmatch(text.removeprefix("a=").lstrip(" "))
    if parts is None or not 1 <= int(parts["component"]) <= 256 or int(parts["port"]) > 65_535:
        raise ValueError("is no candidate")
    if parts["type"].lower() != "relay" or parts["transport"].lower() != "udp" or not _is_address(parts["address"]):
        return None
    words = parts["rest"].split()
    rest = "".join(
        f" {name.lower()} {value}"
        for name, value in zip(words[::2], words[1::2], strict=True)
        if name.lower() in _PASSING and _PASSING[name.lower()].fullmatch(value)
    )
    head = f"{parts['foundation']} {parts['component']} udp {parts['priority']} {parts['address']} {parts['port']}"
    return f"candidate:{head} typ relay raddr 0.0.0.0 rport 0{rest}"


def only_relayed_sdp(sdp: str) -> str:
    """The description with relayed candidates alone and nobody's address. Raises ``ValueError`` for what is no description."""
    lines = [line.strip(" \t") for line in re.split(r"\r\n|\r|\n", sdp)]
    found = [_LINE.fullmatch(line) for line in lines if line]
    if not found or not all(found) or found[0] is None or found[0].groups() != ("v", "0"):
        raise ValueError("is no description")
    if not (sdp.isascii() and all(line.isprintable() for line in lines)):
        raise ValueError("is no description")
    kept = [line for parts in found if parts for line in _kept(parts[1], parts[2])]
    return "\r\n".join(kept) + "\r\n"


def _kept(kind: str, value: str) -> Iterator[str]:
    """What of one line of a description passes: nothing, or one line."""
    if kind.lower() == "a":
        name = value.partition(":")[0].strip(" ").lower()
        if name.startswith("candidate"):
            candidate = only_relayed_candidate(value)
            if candidate is not None:
                yield f"a={candidate}"
        elif name == "rtcp":
            yield f"a=rtcp:{NO_PORT} {NOBODY}"
        elif _ATTRIBUTE.fullmatch(name) and (_FINGERPRINT.fullmatch(value) or not _HOST.search(value)):
            yield f"a={value}"
    elif kind == "o":
        parts = _ORIGIN.fullmatch(value)
        if parts is None:
            raise ValueError("has no origin")
        yield f"o=- {parts[1]} {parts[2]} {NOBODY}"
    elif kind == "s":
        yield "s=-"
    elif kind == "c":
        yield f"c={NOBODY}"
    elif kind == "m":
        parts = _MEDIA.fullmatch(value)
        if parts is None:
            raise ValueError("has media that cannot be")
        # Port 0 says that this part is refused; any other one is where somebody is reached without a relay.
        yield f"m={parts[1]} {NO_PORT if int(parts[2]) else 0} {parts[3]}{parts[4]}"
    elif kind in _PLAIN and _PLAIN[kind].fullmatch(value):
        yield f"{kind}={value}"


def _is_address(word: str) -> bool:
    try:
        ipaddress.ip_address(word)
    except ValueError:
        return False
    return "%" not in word  # what follows it names a network card
