"""Every address, by everybody: nobody who has no right to it sees anything of it, and nobody meets a fault.

Walks the resolver, so a new address is covered by itself; a new name of a parameter has to be given a value in `filled`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls.resolvers import RoutePattern

from mdo.directory.models import Person
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.architecture.world import CANARY, Things, World, make_world, nothing_written
from tests.cast import NAMES, Cast

pytestmark = pytest.mark.slow

# Open to whoever comes by, and why.
OPEN = {
    "account_login": "the way in",
    "account_logout": "answers whoever is out already with the way in",
    "account_inactive": "says that an account was closed",
    "account_signup": "says that there is none: people are entered by the site's operator",
    "account_reset_password": "a forgotten password",
    "account_reset_password_done": "a forgotten password",
    "account_reset_password_from_key": "a forgotten password, with the key out of the mail",
    "account_reset_password_from_key_done": "a forgotten password",
    "account_confirm_email": "the key out of a mail",
    "account_email_verification_sent": "says that a mail is under way",
    "mfa_authenticate": "the second step of signing in",
    "socialaccount_login_cancelled": "the way back from another sign-in",
    "socialaccount_login_error": "the way back from another sign-in",
    "socialaccount_signup": "the way back from another sign-in",
    "account_confirm_login_code": "the second step of signing in",
    "api:openapi-json": "what the programs' interface is like",
    "api:nothing": "any other address there, answered as a program understands it",
    "fhir:metadata": "what the programs' interface for FHIR is like",
    "fhir:nothing": "any other address there, answered as a program understands it",
    "scim:nothing": "any address below SCIM's, answered to a token alone",
    "cases:launch_accept": "a hospital's record system, which signs what it tells",
    "meetings:livekit_hook": "the media server, which signs what it tells",
    "meetings:feed": "a calendar program, with the secret of its address",
    "meetings:guest": "where a guest's link leads",
    "meetings:guest_open": "a guest's link, with its secret",
    "meetings:guest_code": "a guest's code",
    "meetings:guest_identity": "the way to another sign-in, for whoever opened a guest's link",
    "openid_connect_callback": "the way back from another sign-in",
    "openid_connect_login": "leads nowhere",
    "sign_in": "the way to an organisation's own sign-in",
    "sign_in_back": "the way back from it",
    "set_language": "choosing a language on the way in",
    "admin:login": "the operator's way in",
    "meetings:wall": "a screen on a wall: who paired it decides what it shows",
    "meetings:wall_code": "the code of a screen that waits",
    "meetings:wall_state": "whether the screen was paired",
    "meetings:wall_words": "the sentences of that page",
    "meetings:verify": "whoever holds a printed report",
    "meetings:verify_code": "whoever holds a printed report, with its code",
    "mailbox": "the demonstration's mail, in demo mode only",
    "mailbox-mail": "the demonstration's mail, in demo mode only",
    "mailbox-attachment": "the demonstration's mail, in demo mode only",
}

OFFICES = ("privacy", "admin")

# Signing in keeps its own traces; a page that is refused leaves one in the audit.
TRACES = ("cache", "django_session", "directory_person", "kernel_auditentry")


@dataclass(frozen=True)
class Route:
    """One address: its name with the namespace, and its pattern with the parameters still in it."""

    name: str
    pattern: str
    parameters: frozenset[str]

    def __str__(self) -> str:
        return self.name or self.pattern


def routes() -> list[Route]:
    return sorted(
        _walk(get_resolver().url_patterns, "", "", frozenset()), key=lambda route: (route.name, route.pattern)
    )


def _walk(patterns: Any, prefix: str, namespace: str, outer: frozenset[str]) -> Iterator[Route]:
    for each in patterns:
        pattern = each.pattern
        piece = str(pattern) if isinstance(pattern, RoutePattern) else _plain(pattern.regex.pattern)
        names = outer | set(re.findall(r"<(?:\w+:)?(\w+)>", piece))
        if isinstance(each, URLPattern):
            yield Route(f"{namespace}{each.name or ''}", prefix + piece, names)
        elif isinstance(each, URLResolver):
            inner = f"{namespace}{each.namespace}:" if each.namespace else namespace
            yield from _walk(each.url_patterns, prefix + piece, inner, names)


def _plain(regex: str) -> str:
    """A pattern written as a regular expression, with its groups as parameters."""
    return re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", regex.lstrip("^").removesuffix("$").removesuffix(r"\Z"))


def filled(route: Route, ids: dict[str, UUID], person: Person) -> str:
    """The address with ids that exist. Fails with what to add for a parameter that has no value yet."""
    values = {
        **ids,
        "object_id": person.pk,
        "id": person.pk,
        "content_type_id": 1,
        "app_label": "directory",
        "url": "nowhere/",
        "key": "nokey",
        "number": 0,
        "token": "x",
        "code": "0" * 16,
        "pk": 1,
        "provider_id": "identity",
        "provider": new_id(),
        "name": "User",
        "uidb36": "1",
        "rest": "nowhere",
        "kind": "CarePlan",
        "channel": "hl7",
    }
    unknown = sorted(route.parameters - set(values))
    assert not unknown, (
        f"{route.pattern} takes {', '.join(unknown)}: add a value (for an id, one that exists) to Things.ids in"
        " tests/architecture/world.py or to filled()"
    )
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: str(values[found[1]]), route.pattern)


ROUTES = routes()
OURS = [route for route in ROUTES if not route.pattern.startswith(("accounts/", "admin/", "mailbox/"))]
FOREIGN = [route for route in OURS if any(name.endswith("_id") for name in route.parameters)]


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)


def signed_in(person: Person) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def body_for(things: Things) -> dict[str, Any]:
    """What forms ask for: fields that fit, and ids of others in every one that takes an id."""
    return {
        "command_id": str(new_id()),
        "version": "1",
        "item": str(things.item.pk),
        "referral": str(things.submitted.pk),
        "referrals": str(things.submitted.pk),
        "meeting": str(things.meeting.pk),
        "board": str(things.board.pk),
        "patient": str(things.patient.pk),
        "requester": str(things.person.pk),
        "decision": str(things.decision.pk),
        "organisation": str(things.hospital.pk),
        "guest": str(things.person.pk),
        "reason": "pathology_missing",
        "minutes": "10",
        "to": "1",
        "title": "Onderwerp",
        "text": "Tekst",
        "question": "Vraag?",
        "q": CANARY,
    }


def text_of(response: HttpResponseBase) -> str:
    content = b"".join(response) if response.streaming else response.content  # type: ignore[attr-defined, arg-type]
    return unescape(content.decode("utf-8", "replace"))


def seen(response: HttpResponseBase, things: Things, asked: str) -> set[str]:
    """What of these things an answer shows; what was asked for stands in an address and may come back."""
    headers = " ".join(f"{name}: {value}" for name, value in response.items())
    text = f"{text_of(response)} {headers}"
    return {secret for secret in things.secrets if secret in text and secret not in asked}


# --- nobody ----------------------------------------------------------------------------------------------------------------------


def test_whoever_is_not_signed_in_is_led_to_the_way_in(world: World) -> None:
    wrong = {}
    with nothing_written(*TRACES):
        for route in ROUTES:
            url = filled(route, world.ours.ids, world.cast.admin.person)
            for method in ("get", "post"):
                response = getattr(Client(raise_request_exception=False), method)(url)
                to_login = response.status_code == 302 and "/login/" in response.headers["Location"]
                if route.name in OPEN:
                    fine = response.status_code < 500
                else:
                    fine = to_login or response.status_code in (401, 404, 405)
                if not fine or seen(response, world.ours, url):
                    wrong[str(route), method] = (response.status_code, response.headers.get("Location"))
    assert wrong == {}
    assert set(OPEN) <= {route.name for route in ROUTES}


# --- the outsider ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("whose", ["ours", "theirs"])
def test_the_outsider_finds_nothing(world: World, method: str, whose: str) -> None:
    things: Things = getattr(world, whose)
    client = signed_in(world.cast.outsider.person)
    wrong = {}
    with nothing_written(*TRACES):
        for route in FOREIGN:
            url = filled(route, things.ids, things.person)
            response = getattr(client, method)(url, body_for(things) if method == "post" else {})
            told = (
                (404, 405, 401) if route.name.startswith(("api:", "fhir:", "scim:")) else (404, 405)
            )  # there no session counts
            if response.status_code not in told or seen(response, things, url):
                wrong[str(route)] = (response.status_code, seen(response, things, url))
    assert wrong == {}
    assert len(FOREIGN) > 25


def test_what_exists_elsewhere_is_answered_like_what_exists_nowhere(world: World) -> None:
    client = signed_in(world.cast.outsider.person)
    different = {}
    for route in FOREIGN:
        answers = []
        for ids in (world.ours.ids, {name: new_id() for name in world.ours.ids}):
            url = filled(route, ids, world.ours.person)
            response = client.get(url)
            text = re.sub(r'value="[^"]+"', "", text_of(response)).replace(url, "")
            answers.append((response.status_code, re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "", text)))
        if answers[0] != answers[1]:
            different[str(route)] = [status for status, _ in answers]
    assert different == {}


def test_pages_without_ids_show_the_outsider_nothing_of_others(world: World) -> None:
    client = signed_in(world.cast.outsider.person)
    wrong = {}
    for route in ROUTES:
        url = filled(route, world.ours.ids, world.cast.admin.person)
        if route in FOREIGN:
            continue
        for method in ("get", "post"):
            sent = body_for(world.ours) if method == "post" else {"q": CANARY[:5]}
            response = getattr(client, method)(url, sent)
            asked = " ".join([url, *sent.values()])  # what was typed comes back in a form that has errors
            shown = seen(response, world.ours, asked) | seen(response, world.theirs, asked)
            if response.status_code >= 500 or shown:
                wrong[str(route), method] = (response.status_code, shown)
            if route.pattern == "accounts/logout/":
                client = signed_in(world.cast.outsider.person)
    assert wrong == {}


def test_a_refusal_leaves_a_trace(world: World) -> None:
    client = signed_in(world.cast.outsider.person)
    url = f"/cases/{world.ours.case.pk}/"
    assert client.get(url).status_code == 404
    last = AuditEntry.objects.latest("id")
    assert (last.action, last.outcome, last.actor_id) == ("cases:detail", "not_found", world.cast.outsider.pk)


# --- everybody -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("who", NAMES)
def test_nobody_meets_a_fault(world: World, who: str, method: str) -> None:
    """A 500 is always a fault of ours, whoever asks. The privacy officer sees the log, the administrator the people: no page shows them a
    patient, a question, a decision."""
    faults: dict[str, object] = {}
    unseen = {CANARY, world.ours.patient.national_number} if who in OFFICES and method == "get" else set()
    things = world.ours if method == "get" else world.theirs
    client = signed_in(world.cast.members[who].person)
    for route in OURS:
        url = filled(route, things.ids, things.person)
        response = getattr(client, method)(url, body_for(things) if method == "post" else {})
        found = text_of(response)
        if response.status_code >= 500 or any(secret in found for secret in unseen):
            faults[str(route)] = response.status_code
    assert faults == {}


def test_the_operator_reads_no_care_content(world: World) -> None:
    operator = Person.objects.create(
        username="operator", email="operator@example.org", is_staff=True, is_superuser=True
    )
    client = signed_in(operator)
    wrong, pages = {}, 0
    for route in ROUTES:
        url = filled(route, world.ours.ids, world.cast.radiologist.person)
        if route.pattern.endswith("logout/"):
            continue
        response = client.get(url)
        text = text_of(response)
        pages += response.status_code == 200
        if response.status_code >= 500 or CANARY in text or world.ours.patient.national_number in text:
            wrong[str(route)] = response.status_code
    assert wrong == {}
    assert pages > 25
