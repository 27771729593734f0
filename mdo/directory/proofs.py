"""How and when somebody last showed in this session that it is them: signing in counts, and so does a password or code typed since.

allauth keeps a record of each in the session. Whoever has a second factor shows that one: a password alone, which somebody
may have seen typed, is not enough then.
"""

from datetime import UTC, datetime
from typing import Any, cast

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.http import HttpRequest

from mdo.directory.models import Person
from mdo.kernel.acting import Proof

SECOND_FACTOR = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
PROVIDER = "provider"  # the sign-in of the hospital
HOSPITAL = "hospital"  # the method of its record: `at` as the provider says, `strong` with a second factor that the organisation trusts


def factors(person: Person) -> set[str]:
    """The kinds of second factor that somebody has; recovery codes among them only beside another one."""
    kinds = set(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    return kinds if kinds & set(SECOND_FACTOR) else set()


def latest(request: HttpRequest) -> Proof | None:
    """The latest proof that counts, or ``None``. One query, and only where the session holds one."""
    person = cast(Person, request.user)
    records = get_authentication_records(request, person)
    if not records:
        return None
    second = bool(factors(person))
    found = None
    for record in records:
        means = _means(record, second=second)
        if means:
            found = Proof(means, datetime.fromtimestamp(record["at"], UTC))
    return found


def _means(record: dict[str, Any], *, second: bool) -> str:
    """What a record is called in the access log; empty: it does not count. allauth's own record of a provider (``socialaccount``) tells when
    somebody came back, not when they last typed their password there: ours (``hospital``) does."""
    method = record.get("method")
    if method == "mfa":
        return str(record.get("type"))
    if method == HOSPITAL:
        return PROVIDER if record.get("strong") is True or not second else ""
    return "password" if method == "password" and not second else ""
