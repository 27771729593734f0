"""The relay (TURN): short-lived credentials for it, and what of an address passes between a guest and anybody else.

Credentials are those of coturn's REST interface (draft-uberti-behave-turn-rest-00, §2.2): the name is the moment at which they end and
whose they are, the password its HMAC-SHA1 with the secret that this site and the relay share. SHA-1 is that draft's; as a keyed
digest it holds.

An address is told to a peer in lines of RFC 8839 (§5.1 ``candidate``) within a description (RFC 8866), or one by one. Between a guest
and anybody else only relayed candidates pass, without the address behind the relay (``raddr``, ``rport``), and no other line that
names a host or an address.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings

LASTS: Final = timedelta(minutes=10)

# RFC 8839 §5.1: foundation component transport priority address port "typ" type [raddr rport] *(name value)
_CANDIDATE: Final = re.compile(
    r"candidate:(?P<foundation>[A-Za-z0-9+/]{1,32}) (?P<component>\d{1,5}) (?P<transport>\S{1,16}) (?P<priority>\d{1,10})"
    r" (?P<address>\S{1,255}) (?P<port>\d{1,5}) typ (?P<type>\S{1,16})(?P<rest>(?: \S+ \S+)*)",
    re.ASCII | re.IGNORECASE,
)
_PASSING: Final = frozenset({"generation", "ufrag", "network-cost", "tcptype"})
# Lines that may name an address, and what is put in their place: nobody's (RFC 8829 §5.2.1 allows it in c= and o=).
_ORIGIN: Final = re.compile(r"o=(\S+) (\d+) (\d+) IN \S+ \S+")


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
    """The candidate without the address behind the relay; ``None`` for one that is not relayed. Raises ``ValueError`` for none at all."""
    parts = _CANDIDATE.fullmatch(candidate.removeprefix("a=").strip())
    if parts is None:
        raise ValueError("is no candidate")
    if parts["type"].lower() != "relay":
        return None
    words = parts["rest"].split()
    rest = "".join(
        f" {name} {value}" for name, value in zip(words[::2], words[1::2], strict=True) if name.lower() in _PASSING
    )
    head = " ".join(parts[name] for name in ("foundation", "component", "transport", "priority", "address", "port"))
    return f"candidate:{head} typ relay raddr 0.0.0.0 rport 0{rest}"


def only_relayed_sdp(sdp: str) -> str:
    """The description with relayed candidates alone and nobody's address. Raises ``ValueError`` for what is no description."""
    lines = sdp.replace("\r\n", "\n").replace("\r", "\n").strip("\n").split("\n")
    if lines[0].strip() != "v=0":
        raise ValueError("is no description")
    kept = []
    for line in lines:
        plain = line.strip().lower()
        if plain.startswith("a=candidate"):
            candidate = only_relayed_candidate(line.strip()[2:])
            if candidate is not None:
                kept.append(f"a={candidate}")
        elif plain.startswith("o="):
            parts = _ORIGIN.fullmatch(line.strip())
            if parts is None:
                raise ValueError("has no origin")
            kept.append(f"o={parts[1] if parts[1].isalnum() else '-'} {parts[2]} {parts[3]} IN IP4 0.0.0.0")
        elif plain.startswith("c="):
            kept.append("c=IN IP4 0.0.0.0")
        elif plain.startswith("a=rtcp:"):
            kept.append("a=rtcp:9 IN IP4 0.0.0.0")
        elif plain.startswith(("a=remote-candidates", "a=source-filter", "u=", "e=", "p=", "i=", "s=", "k=")):
            if plain.startswith("s="):
                kept.append("s=-")
        else:
            kept.append(line.strip())
    return "\r\n".join(kept) + "\r\n"
