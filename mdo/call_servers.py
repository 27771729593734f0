"""The servers behind picture and sound, as settings name them: relays (TURN) and media servers (LiveKit)."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

_RELAY = re.compile(
    r"(?P<scheme>turns?):(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::(?P<port>\d{1,5}))?(?:\?(?P<query>.*))?"
)


def relay_urls(value: str) -> list[str]:
    """The TURN URIs (RFC 7065) of a list with commas; raises ValueError with a sentence."""
    found = [each.strip() for each in value.split(",") if each.strip()]
    for url in found:
        parts = _RELAY.fullmatch(url)
        if parts is None:
            raise ValueError(f"{url!r} is no relay such as turn:relay.example.org:3478?transport=udp")
        if parts["port"] and not 0 < int(parts["port"]) < 65_536:
            raise ValueError(f"{url!r} names a port that there is not")
        query = dict(parse_qsl(parts["query"] or "", strict_parsing=bool(parts["query"])))
        if set(query) - {"transport"} or query.get("transport", "udp") not in ("udp", "tcp"):
            raise ValueError(f"{url!r} may say transport=udp or transport=tcp, and nothing else")
    return found


def server_urls(value: str, *schemes: str) -> list[str]:
    """The addresses of a list with commas, each with one of these schemes and nothing after the port; raises ValueError with a sentence."""
    found = [each.strip().rstrip("/") for each in value.split(",") if each.strip()]
    for url in found:
        parts = urlsplit(url)
        parts.port  # noqa: B018  (raises ValueError when it is no number)
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(f"{url!r} must be an address such as {schemes[0]}://media.example.org")
        if parts.path or parts.query or parts.fragment or parts.username:
            raise ValueError(f"{url!r} holds more than scheme, host and port")
    return found


def api_urls(browsers: list[str]) -> list[str]:
    """Where the media servers' API is when nothing else is said: at the same hosts, over HTTP."""
    return [re.sub(r"^ws", "http", url) for url in browsers]
