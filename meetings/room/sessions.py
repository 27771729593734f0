"""Who is behind a session key, for sockets: they read a session as the pages do."""

from uuid import UUID

from django.contrib.auth import SESSION_KEY, get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest

from mdo.directory.middleware import ORGANISATION
from mdo.directory.models import Person


def signed_in(session_key: str | None) -> tuple[Person, str | None] | None:
    """The person who is signed in by this key (its hash against the password included) and the organisation that they chose in the
    page; ``None``: nobody is. Blocking."""
    if not session_key:
        return None
    request = HttpRequest()
    request.session = SessionStore(session_key)
    if SESSION_KEY not in request.session:
        return None
    person = get_user(request)
    if not isinstance(person, Person) or not person.is_active:
        return None
    return person, request.session.get(ORGANISATION)


def id_of(text: str | None) -> UUID | None:
    """The id that a text names, or ``None``."""
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
