"""Signing somebody out everywhere, whatever they are signed in by."""

from uuid import UUID

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session

from mdo.kernel.clock import now


def end_all(person_id: UUID) -> int:
    """Delete every session of a person; pages are signed out with the next request, sockets within half a second. Gives how many.

    Sessions are not stored by person: all that live are read, some thirty microseconds each.
    """
    mine = [
        session.pk
        for session in Session.objects.filter(expire_date__gt=now()).iterator()
        if session.get_decoded().get(SESSION_KEY) == str(person_id)
    ]
    Session.objects.filter(pk__in=mine).delete()
    return len(mine)
