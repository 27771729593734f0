"""The provider of identities by which guests may show who they are, out of its setting."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from mdo.loopback import is_loopback


@dataclass(frozen=True)
class Identities:
    """An OpenID Connect provider: where its configuration lies, as what this site is known there, and its name for people."""

    configuration: str
    client: str
    secret: str
    name: str


def parse_oidc_url(url: str) -> Identities:
    """`https://client:secret@issuer[/path][?name=words]`, plain http on loopback only; raises ValueError with a sentence."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname or "")):
        raise ValueError("must start with https://")
    if not parts.hostname or not parts.username or not parts.password:
        raise ValueError("must name client, secret and issuer, as in https://client:secret@login.example.org")
    query = dict(parse_qsl(parts.query))
    if set(query) - {"name"} or parts.fragment:
        raise ValueError("holds more than client, secret, issuer and name")
    host = parts.netloc.rpartition("@")[2]
    issuer = f"{parts.scheme}://{host}{parts.path.rstrip('/')}"
    configuration = f"{issuer}/.well-known/openid-configuration"
    return Identities(configuration, unquote(parts.username), unquote(parts.password), query.get("name", host))
