"""How and when somebody last showed in this session that it is them: signing in counts, and so does a password or code typed since.

allauth keeps a record of each in the session. Whoever has a second factor shows that one: a password alone, which somebody
may have seen typed, is not enough then.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

from allauth.account.authentication import get_authentication_records
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest

from mdo.directory.models import Person
from mdo.directory.signing_in import providers
from mdo.kernel.acting import Proof
from mdo.kernel.clock import now

SECOND_FACTOR = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
PROVIDER = "provider"  # the sign-in of the hospital
HOSPITAL = "hospital"  # the method of its record: `at` as the provider says, `strong` with a second factor that the organisation trusts
ASKED = "hospital_asked"  # the method of another: came back after the provider was asked for their password, which did not say when they typed it


def factors(person: Person) -> set[str]:
    """The kinds of second factor that somebody has; recovery codes among them only beside another one."""
    kinds = set(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    return kinds if kinds & set(SECOND_FACTOR) else set()


def password_counts(person: Person) -> bool:
    """Whether a password shows that it is them: not beside a second factor, nor where their organisation wants its own sign-in."""
    return person.has_usable_password() and not factors(person) and providers.instead_of_password(person) is None


def latest(request: HttpRequest) -> Proof | None:
    """The latest proof that counts, or ``None``. A query for the second factors, only where the session holds a record; two more where one
    is of a password that would count."""
    person = cast(Person, request.user)
    records = get_authentication_records(request, person)
    if not records:
        return None
    second = bool(factors(person))
    by_password = any(each.get("method") == "password" for each in records) and not second
    password = by_password and providers.instead_of_password(person) is None
    found = None
    for record in records:
        means = _means(record, second=second, password=password)
        if means:
            found = Proof(means, datetime.fromtimestamp(record["at"], UTC))
    return found


def lately(request: HttpRequest) -> bool:
    """Whether somebody showed within ``MDO_PROOF_MINUTES`` that it is them, well enough to set up what shows it from then on. Beside a
    proof that counts, that is having come back from a provider that was asked for their password and tells no time."""
    proof = latest(request)
    moments = [proof.at] if proof else []
    for record in get_authentication_records(request, cast(Person, request.user)):
        if record.get("method") == ASKED:
            moments.append(datetime.fromtimestamp(record["at"], UTC))
    most, at = timedelta(minutes=settings.MDO_PROOF_MINUTES), now()
    return any(abs(at - each) <= most for each in moments)


def _means(record: dict[str, Any], *, second: bool, password: bool) -> str:
    """What a record is called in the access log; empty: it does not count. allauth's own record of a provider (``socialaccount``) tells when
    somebody came back, not when they last typed their password there: ours (``hospital``) does."""
    method = record.get("method")
    if method == "mfa":
        return str(record.get("type"))
    if method == HOSPITAL:
        return PROVIDER if record.get("strong") is True or not second else ""
    return "password" if method == "password" and password else ""
