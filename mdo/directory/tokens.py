"""The secrets of an organisation's programs: made, recognised, never stored.

A token is 256 random bits, so its plain SHA-256 is enough to recognise it and tells nobody the token. The key with which a record
system signs (scope ``launch``) has to be known on both sides: it follows by HMAC-SHA256 from the site's own secret and the row's id, as
guests' links do, so that a copy of the database gives neither.
"""

import hashlib
import secrets
from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db.models import Q
from django.utils.crypto import salted_hmac

from mdo.directory.models import ApiToken
from mdo.kernel.clock import now

PREFIX: Final = "mdo_"
LONGEST: Final = 128
_NOTED_EVERY = timedelta(minutes=1)


def new_secret() -> str:
    """A token that nobody can guess: ``mdo_`` and 43 characters."""
    return PREFIX + secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """By which a token is recognised: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def find(secret: str) -> ApiToken | None:
    """The token in force with this secret, and a note that it was used. Takes one query, and a second one once a minute."""
    if not secret.startswith(PREFIX) or len(secret) > LONGEST:
        return None
    token = ApiToken.objects.select_related("organisation").filter(digest=digest(secret)).first()
    if token is None or not token.in_force:
        return None
    note_use(token)
    return token


def note_use(token: ApiToken) -> None:
    """Write down that a program was here, at most once a minute so that its requests do not wait for each other."""
    at = now()
    unnoted = Q(last_used_at=None) | Q(last_used_at__lt=at - _NOTED_EVERY)
    if token.last_used_at is None or token.last_used_at < at - _NOTED_EVERY:
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=at)


def signing_key(token_id: UUID) -> str:
    """The key by which a record system signs what it tells (HS256), 43 characters: the same as long as the site's secret is."""
    mac = salted_hmac("mdo.launch", str(token_id), algorithm="sha256").digest()
    return urlsafe_b64encode(mac).decode().rstrip("=")
