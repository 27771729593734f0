"""The addresses of collectors, out of their settings: the access log's, and the one of traces."""

from __future__ import annotations

from urllib.parse import urlsplit

from mdo.loopback import is_loopback


def parse(url: str) -> tuple[str, str, int]:
    """`tcp://host:port` or `udp://host:port` as transport, host and port; raises ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme not in ("tcp", "udp"):
        raise ValueError("must start with tcp:// or udp://")
    if not parts.hostname or not parts.port:
        raise ValueError("must name host and port, as in tcp://log.example.org:514")
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("holds more than transport, host and port")
    return parts.scheme, parts.hostname, parts.port


def parse_traces(url: str) -> str:
    """`https://host[:port]/path`, or http on this machine alone; raises ValueError with a sentence."""
    parts = urlsplit(url)
    if not parts.hostname or not parts.path.strip("/"):
        raise ValueError("must name host and path, as in https://traces.example.org:4318/v1/traces")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise ValueError("must start with https://, or http:// on this machine")
    if parts.query or parts.fragment or parts.username is not None:
        raise ValueError("holds more than host, port and path")
    return url
