"""The organisations' providers as rows: their secrets, their addresses, and who of the people has to use which."""

import io
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import requests
from allauth.socialaccount.models import SocialApp
from django.conf import settings
from django.db.models import QuerySet
from urllib3.exceptions import HTTPError

from mdo.directory import access
from mdo.directory.models import DirectoryEntry, IdentityProvider, Person
from mdo.kernel.encryption import Decrypted, encrypt
from mdo.loopback import is_loopback

CONFIGURATION: Final = "/.well-known/openid-configuration"
PROTOCOL: Final = "openid_connect"
TIMEOUT_S: Final = 10
LARGEST: Final = 512 * 1024  # bytes of one answer of a provider


class NotListed(requests.RequestException):
    """A provider leads to a host that the site's operator did not name (``MDO_SIGN_IN_HOSTS``)."""


def seal(provider_id: UUID, secret: str) -> bytes:
    """A client's secret as it is stored: encrypted with the site's file key, and of no use in another row."""
    return b"".join(encrypt(io.BytesIO(secret.encode()), settings.MDO_FILE_KEY, f"oidc:{provider_id}"))


def unseal(provider: IdentityProvider) -> str:
    """The client's secret. Raises ``mdo.kernel.encryption.Damaged`` for what was sealed elsewhere; empty where none was given."""
    if not provider.sealed:
        return ""
    with Decrypted(io.BytesIO(bytes(provider.sealed)), settings.MDO_FILE_KEY, f"oidc:{provider.pk}") as opened:
        return opened.read().decode()


def allowed(address: str) -> bool:
    """Whether this site may ask that address: https at a host that the operator named; in the demonstration also this machine."""
    try:
        parts = urlsplit(address)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return False
    host = (parts.hostname or "").lower()
    if parts.username or parts.password or not host:
        return False
    if not settings.SECURE and is_loopback(host) and parts.scheme in ("http", "https"):
        return True
    shown = f"[{host}]" if ":" in host else host
    return parts.scheme == "https" and f"{shown}:{port}" in settings.MDO_SIGN_IN_HOSTS


class Session(requests.Session):
    """Asks providers: named hosts only, no redirects, a short limit, and no answer without an end."""

    def request(self, method: str, url: str, *args: Any, **values: Any) -> requests.Response:  # type: ignore[override]
        if not allowed(url):
            raise NotListed(url)
        values |= {"timeout": TIMEOUT_S, "allow_redirects": False, "stream": True}
        response = super().request(method, url, *args, **values)
        if response.is_redirect:
            raise requests.TooManyRedirects
        try:
            body = response.raw.read(LARGEST + 1, decode_content=True)
        except HTTPError as error:  # it stalled, stopped midway or packed it wrongly
            raise requests.ConnectionError from error
        if len(body) > LARGEST:
            raise requests.RequestException("too long")
        response._content, response._content_consumed = body, True
        return response


def app_of(provider: IdentityProvider) -> SocialApp:
    """The provider as allauth knows one. Never stored: its secret is only opened for the moment."""
    return SocialApp(
        provider=PROTOCOL,
        provider_id=str(provider.pk),
        name=provider.organisation.name[:40],
        client_id=provider.client_id,
        secret=unseal(provider),
        settings={"server_url": provider.issuer.rstrip("/") + CONFIGURATION, "oauth_pkce_enabled": True},
    )


def in_use() -> QuerySet[IdentityProvider]:
    """The providers at which somebody may sign in now, by the name of their organisation."""
    return IdentityProvider.objects.filter(active=True).select_related("organisation").order_by("organisation__name")


def find(provider_id: object) -> IdentityProvider | None:
    """A provider in use by its id, whatever was sent as one."""
    try:
        return in_use().filter(pk=UUID(str(provider_id))).first()
    except ValueError:
        return None


def for_mail(text: str) -> IdentityProvider | None:
    """The provider that is meant by a mail address: by its domain alone, so that the answer tells of nobody whether they exist."""
    _name, at, domain = text.strip().lower().rpartition("@")
    return in_use().filter(domains__contains=[domain]).first() if at and domain else None


def of_person(person: Person) -> Sequence[IdentityProvider]:
    """The providers in use of the organisations to which a person belongs."""
    return list(in_use().filter(organisation__in=access.organisations_belonging(person.pk)))


def instead_of_password(person: Person) -> IdentityProvider | None:
    """The provider at which somebody has to sign in; ``None`` where a password does.

    **The rule.** An organisation may want that its people sign in at its provider alone. Whoever administers it still comes in by
    password, so that a wrong setting can be put right, and so does the site's operator, over whom no organisation has a say.
    """
    if person.is_staff:
        return None
    for provider in of_person(person):
        if not provider.passwords and not access.administers_organisation(person.pk, provider.organisation_id):
            return provider
    return None


def to_prove_at(person: Person, *, second: bool) -> IdentityProvider | None:
    """The provider at which somebody can show again that it is them: one that knows them by a subject, of an organisation to which they
    belong. Whoever has a second factor here (``second``) needs one there too, that the organisation trusts."""
    known = DirectoryEntry.objects.filter(person=person, active=True).exclude(subject="")
    issuers = {entry.organisation_id: entry.issuer for entry in known}
    for provider in of_person(person):
        strong = provider.second_factor == IdentityProvider.SecondFactor.THEIRS
        if issuers.get(provider.organisation_id) == provider.issuer and (strong or not second):
            return provider
    return None
