"""The servers behind picture and sound, as settings name them: relays (TURN) and media servers (LiveKit)."""

from __future__ import annotations

import ipaddress
import re

# Host and port as RFC 3986 writes them, but a name only as DNS has it: these words go into a policy that browsers read (mdo/headers.py).
_PLACE = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)(?::(?P<port>\d{1,5}))?"
_RELAY = re.compile(rf"(?P<scheme>turns?):{_PLACE}(?:\?transport=(?P<transport>\w*))?", re.ASCII)
_SERVER = re.compile(_PLACE, re.ASCII)


def _check_place(url: str, parts: re.Match[str]) -> None:
    """Raises ValueError when the address or the port cannot be one."""
    if parts["port"] and not 0 < int(parts["port"]) < 65_536:
        raise ValueError(f"{url!r} names a port that there is not")
    if parts["host"].startswith("["):
        try:
            ipaddress.IPv6Address(parts["host"][1:-1])
        except ValueError:
            raise ValueError(f"{url!r} names no IPv6 address") from None


def _several(value: str) -> list[str]:
    found = [each.strip(" ") for each in value.split(",")]
    if found == [""]:
        return []
    if "" in found:
        raise ValueError("holds a comma with nothing beside it")
    if len(set(found)) < len(found):
        raise ValueError("names one server twice")
    return found


def relay_urls(value: str) -> list[str]:
    """The TURN URIs (RFC 7065) of a list with commas; raises ValueError with a sentence."""
    found = _several(value)
    for url in found:
        if "@" in url:
            raise ValueError("names and passwords are made from MDO_TURN_SECRET, and stand in no address")
        parts = _RELAY.fullmatch(url)
        if parts is None:
            raise ValueError(f"{url!r} is no relay such as turn:relay.example.org:3478?transport=udp")
        _check_place(url, parts)
        if parts["transport"] not in (None, "udp", "tcp"):
            raise ValueError(f"{url!r} may say transport=udp or transport=tcp, and nothing else")
        if (parts["scheme"], parts["transport"]) == ("turns", "udp"):
            raise ValueError(f"{url!r}: browsers reach a relay by TLS over transport=tcp only")
    return found


def server_urls(value: str, *schemes: str) -> list[str]:
    """The addresses of a list with commas, each with one of these schemes and nothing after the port; raises ValueError with a sentence."""
    found = [re.sub(r"(?<=[^/])/$", "", each) for each in _several(value)]
    for url in found:
        scheme, _, rest = url.partition("://")
        if scheme not in schemes or not rest:
            raise ValueError(f"{url!r} must be an address such as {schemes[0]}://media.example.org")
        if "@" in rest or any(each in rest for each in "/?#"):
            raise ValueError("holds more than scheme, host and port")
        parts = _SERVER.fullmatch(rest)
        if parts is None:
            raise ValueError(f"{url!r} must be an address such as {schemes[0]}://media.example.org")
        _check_place(url, parts)
    return found


def api_urls(browsers: list[str]) -> list[str]:
    """Where the media servers' API is when nothing else is said: at the same hosts, over HTTP."""
    return [re.sub(r"^ws", "http", url) for url in browsers]
