"""How the program reaches other machines: whom it believes by TLS, as whom it shows itself, and by which proxy it leaves the house.

Only what a hospital's network asks for: an authority of its own (MDO_CA), a certificate for those who want to see one (MDO_CLIENT_CERT),
a proxy for https (HTTPS_PROXY, NO_PROXY). Loopback is never reached through a proxy.
"""

from __future__ import annotations

import base64
import ipaddress
import os
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit


def refuse_unreadable(ca: str, client: str) -> list[str]:
    """Sentences about files that hold not what they should: certificates of authorities; a certificate with its private key."""
    problems = []
    for name, path, check in (("MDO_CA", ca, check_ca), ("MDO_CLIENT_CERT", client, check_client)):
        try:
            if path:
                check(path)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    return problems


def check_ca(path: str) -> None:
    """A file with certificates of authorities (PEM); raises ValueError with a sentence."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ssl.SSLError):
        raise ValueError(f"{path} holds no certificate that can be read (PEM)") from None


def check_client(path: str) -> None:
    """A file with a certificate and its private key without a password (PEM); raises ValueError with a sentence."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(path, password=lambda: b"")
    except (OSError, ssl.SSLError):
        raise ValueError(f"{path} holds no certificate with its private key that can be read (PEM)") from None


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy that opens tunnels."""

    host: str
    port: int
    authorization: str = ""

    def request(self, host: str, port: int) -> bytes:
        """What it is asked for a tunnel (RFC 9110, 9.3.6)."""
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}"]
        if self.authorization:
            lines.append(f"Proxy-Authorization: Basic {self.authorization}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def parse_proxy(url: str) -> Proxy:
    """`http://[user:password@]host:port`; raises ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError("must be an HTTP proxy, as in http://proxy.example.org:3128")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("holds more than user, password, host and port")
    who = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Proxy(parts.hostname, parts.port or 80, base64.b64encode(who.encode()).decode() if who else "")


def passes_by(host: str, exceptions: str) -> bool:
    """Whether a host is reached without the proxy: loopback always, and what NO_PROXY names (a host, a domain with what is below it, an
    address, a network such as 10.0.0.0/8, or * for everything)."""
    host = host.lower().rstrip(".")
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = None
    if host == "localhost" or host.endswith(".localhost") or (address is not None and address.is_loopback):
        return True
    for word in filter(None, (each.strip().lower() for each in exceptions.split(","))):
        if word == "*":
            return True
        name = word.removeprefix("*").lstrip(".")
        if address is None:
            if host == name or host.endswith(f".{name}"):
                return True
            continue
        try:
            if address in ipaddress.ip_network(word, strict=False):
                return True
        except ValueError:
            continue
    return False


def believe(ca: str, folder: Path) -> None:
    """Believe the house's authority beside those that are believed anyway, in all of this process: Python's TLS reads ``SSL_CERT_FILE``,
    requests (sign-in by a provider) ``REQUESTS_CA_BUNDLE``. Raises ``OSError``."""
    import certifi

    before = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or certifi.where()
    bundle = folder / "authorities.pem"
    if before == str(bundle):
        before = certifi.where()
    text = "\n".join(Path(each).read_text(encoding="utf-8") for each in (before, ca))
    if not bundle.is_file() or bundle.read_text(encoding="utf-8") != text:
        folder.mkdir(parents=True, exist_ok=True)
        part = bundle.with_name(f".{bundle.name}.{os.getpid()}")
        part.write_text(text, encoding="utf-8")
        part.replace(bundle)
    os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = str(bundle)


def context(client: str = "") -> ssl.SSLContext:
    """TLS towards another machine, whose certificate must be believed and be its own; with the house's own where there is one."""
    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if client:
        made.load_cert_chain(client, password=lambda: b"")
    return made
