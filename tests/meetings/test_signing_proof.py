"""Who signs shows that it is them: at the door of every action that signs, and once in the middle of *Sign all*."""

import json
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.webauthn.internal.auth import WebAuthn
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import sha256, websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from mdo.kernel.acting import acting
from mdo.kernel.errors import Unproved
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import chain
from meetings.actions.signing import sign_decisions
from meetings.models import AgendaItem, Decision, Meeting
from tests.cast import PASSWORD, Cast
from tests.factories import make_decision, make_item, make_meeting, make_referral, writing
from tests.meetings.acts import client_of, house, show
from tests.parts import until

LONG_AGO = timedelta(hours=5)


@pytest.fixture(autouse=True)
def no_earlier_tries(db: None) -> None:
    cache.clear()


@pytest.fixture
def meeting(cast: Cast) -> Meeting:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    for _ in range(3):
        referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
        make_decision(make_item(meeting, referral, state=AgendaItem.State.DISCUSSED), recorded_by=cast.chair.person)
    return meeting


def states() -> list[str]:
    with house():
        return list(Decision.objects.order_by("item__position").values_list("state", flat=True))


def proof() -> dict[str, Any]:
    detail = AuditEntry.objects.get(action="decision.sign", outcome="ok").detail
    return {key: detail[key] for key in ("proof", "proof_age_s")}


def press(client: Client, meeting: Meeting, **more: Any) -> Any:
    """*Sign all*, as the page was just read."""
    ((_meeting, waiting),) = client.get(reverse("meetings:signing")).context["groups"]
    sent = {"command_id": str(new_id()), "decision": [each.value for each in waiting], **more}
    return client.post(reverse("meetings:sign", args=[meeting.pk]), sent)


def again(client: Client, asked: Any, **typed: str) -> Any:
    """The page that asked, sent back with what was typed."""
    sent: dict[str, Any] = {"decision": []}
    for name, value in asked.context["carried"]:
        sent[name] = [*sent[name], value] if name == "decision" else value
    return client.post(asked.request["PATH_INFO"], {**sent, **typed})


def with_app(cast: Cast) -> str:
    secret: str = totp.generate_totp_secret()
    totp.TOTP.activate(cast.coordinator.person, secret)
    RecoveryCodes.activate(cast.coordinator.person)
    return secret


def code(secret: str) -> str:
    """One that still counts for a moment: it is not asked for in the last seconds of its thirty."""
    until(lambda: time.time() % 30 < 25, "a code that has just begun")
    return totp.format_hotp_value(totp.hotp_value(secret, next(iter(totp.yield_hotp_counters_from_time()))))


class Key:
    """A security key, and the browser that speaks for it."""

    def __init__(self) -> None:
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.id = b"sleutel"

    def _said(self, kind: CollectedClientData.TYPE, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(kind, challenge, "https://testserver")

    def _seen(self, data: AttestedCredentialData | None = None) -> AuthenticatorData:
        flags = AuthenticatorData.FLAG.UP | (AuthenticatorData.FLAG.AT if data else AuthenticatorData.FLAG(0))
        return AuthenticatorData.create(sha256(b"testserver"), flags, 1, data or b"")

    def registered(self) -> dict[str, Any]:
        public = ES256.from_cryptography_key(self.private.public_key())
        seen = self._seen(AttestedCredentialData.create(b"\0" * 16, self.id, public))
        return {
            "id": websafe_encode(self.id),
            "rawId": websafe_encode(self.id),
            "type": "public-key",
            "response": {
                "clientDataJSON": websafe_encode(self._said(CollectedClientData.TYPE.CREATE, "c2NoZXA")),
                "attestationObject": websafe_encode(AttestationObject.create("none", seen, {})),
            },
            "clientExtensionResults": {},
        }

    def answers(self, challenge: str) -> str:
        said, seen = self._said(CollectedClientData.TYPE.GET, challenge), self._seen()
        signature = self.private.sign(seen + said.hash, ec.ECDSA(hashes.SHA256()))
        response = {"clientDataJSON": said, "authenticatorData": seen, "signature": signature}
        return json.dumps(
            {
                "id": websafe_encode(self.id),
                "rawId": websafe_encode(self.id),
                "type": "public-key",
                "response": {name: websafe_encode(value) for name, value in response.items()},
                "clientExtensionResults": {},
            }
        )


def test_whoever_signed_in_a_moment_ago_is_not_asked(cast: Cast, meeting: Meeting) -> None:
    client = client_of(cast.coordinator, shown=timedelta(minutes=9))
    assert press(client, meeting)["Location"] == reverse("meetings:signing")
    assert states() == ["signed"] * 3
    assert proof() == {"proof": "password", "proof_age_s": pytest.approx(540, abs=55)}


def test_one_password_for_all(cast: Cast, meeting: Meeting) -> None:
    """Asked once, with what was read kept; a wrong one keeps it as well; then it holds for the next signature too."""
    client = client_of(cast.coordinator, shown=LONG_AGO)
    asked = press(client, meeting)
    assert (asked.status_code, asked.context["title"], states()) == (401, "3 besluiten ondertekenen", ["recorded"] * 3)
    assert [name for name, _value in asked.context["carried"]] == ["command_id", *["decision"] * 3]
    wrong = again(client, asked, password="mis")
    assert (wrong.status_code, wrong.context["carried"], states()) == (422, asked.context["carried"], ["recorded"] * 3)
    done = again(client, wrong, password=PASSWORD)
    assert (done.status_code, done["Location"], states()) == (303, reverse("meetings:signing"), ["signed"] * 3)
    assert proof() == {"proof": "password", "proof_age_s": pytest.approx(0, abs=55)}
    repeated = again(client, wrong, password="mis")  # a second click of the same button is answered, and checks nothing
    assert (repeated.status_code, AuditEntry.objects.filter(action="decision.sign").count()) == (303, 1)


def test_what_changed_while_it_was_asked_is_not_signed(cast: Cast, meeting: Meeting) -> None:
    client = client_of(cast.coordinator, shown=LONG_AGO)
    asked = press(client, meeting)
    with writing():
        Decision.objects.filter(item__position=2).update(text="Iets anders.")
    page = again(client, asked, password=PASSWORD)
    assert (page.status_code, states()) == (409, ["signed", "recorded", "signed"])
    assert page.context["groups"][0][1][0].differs == ("Advies",)


def test_with_a_second_factor_it_is_the_code(cast: Cast, meeting: Meeting) -> None:
    """A password, however fresh, is not enough then; a recovery code is."""
    secret = with_app(cast)
    client = client_of(cast.coordinator)
    asked = press(client, meeting)
    assert (asked.status_code, list(asked.context["form"].fields)) == (401, ["code"])
    assert again(client, asked, password=PASSWORD).status_code == 401
    assert again(client, asked, code="000000").status_code == 422
    assert again(client, asked, code=code(secret)).status_code == 303
    assert proof() == {"proof": "totp", "proof_age_s": pytest.approx(0, abs=55)}


def test_a_recovery_code_counts(cast: Cast, meeting: Meeting) -> None:
    with_app(cast)
    client = client_of(cast.coordinator, shown=LONG_AGO, by="totp")
    codes = Authenticator.objects.get(user=cast.coordinator.person, type="recovery_codes").wrap().get_unused_codes()
    assert again(client, press(client, meeting), code=codes[0]).status_code == 303
    assert proof()["proof"] == "recovery_codes"


def test_a_security_key(cast: Cast, meeting: Meeting) -> None:
    key = Key()
    WebAuthn.add(cast.coordinator.person, "sleutel", key.registered())
    client = client_of(cast.coordinator, shown=LONG_AGO, by="webauthn")
    asked = press(client, meeting)
    (allowed,) = asked.context["key"]["request_options"]["publicKey"]["allowCredentials"]
    assert (asked.context["form"], allowed["type"], "use-key" in asked.content.decode()) == (None, "public-key", True)
    for junk in ("{}", "[]", "x", '{"id": 1}'):
        refused = again(client, asked, credential=junk)
        assert (refused.status_code, states()) == (422, ["recorded"] * 3)
        assert refused.context["errors"]
        asked = refused
    answer = key.answers(asked.context["key"]["request_options"]["publicKey"]["challenge"])
    assert again(client, asked, credential=answer).status_code == 303
    assert proof()["proof"] == "webauthn"


def test_whoever_signs_in_elsewhere_is_told_what_to_do(cast: Cast, meeting: Meeting) -> None:
    """No password and no second factor: no dead end. A fresh sign-in there counts; so does a second factor that one sets up after it."""
    cast.coordinator.person.set_unusable_password()
    cast.coordinator.person.save()
    client = client_of(cast.coordinator, shown=LONG_AGO, by="hospital")
    asked = press(client, meeting)
    assert (asked.status_code, asked.context["form"]) == (401, None)
    page = asked.content.decode()
    assert reverse("mfa_index") in page
    assert f"{reverse('account_login')}?next={reverse('meetings:signing')}" in page
    show(client, cast.coordinator, timedelta(minutes=1), by="hospital")
    assert client.get(reverse("mfa_activate_totp")).status_code == 200
    assert press(client, meeting).status_code == 303
    assert proof()["proof"] == "provider"


SETTING_UP = ("mfa_activate_totp", "mfa_add_webauthn", "mfa_generate_recovery_codes")


@pytest.mark.parametrize("name", SETTING_UP)
def test_a_session_left_open_sets_up_no_second_factor(cast: Cast, meeting: Meeting, name: str) -> None:
    """Else whoever finds it open scans their own telephone, and signs with its code."""
    cast.coordinator.person.set_unusable_password()
    cast.coordinator.person.save()
    client = client_of(cast.coordinator, shown=LONG_AGO, by="hospital")
    secret = totp.generate_totp_secret()
    session = client.session
    session["mfa.totp.secret"] = secret
    session.save()
    for answer in (client.get(reverse(name)), client.post(reverse(name), {"code": code(secret)})):
        assert answer.status_code == 401
        page = answer.content.decode()
        assert f"{reverse('account_login')}?next={reverse('mfa_index')}" in page
        assert secret not in page
    assert not Authenticator.objects.exists()
    assert client.get("/accounts/password/set/").status_code == 404
    assert client.post("/accounts/password/set/", {"password1": PASSWORD, "password2": PASSWORD}).status_code == 404
    cast.coordinator.person.refresh_from_db()
    assert not cast.coordinator.person.has_usable_password()


def test_the_same_factor_by_whoever_showed_it(cast: Cast, meeting: Meeting) -> None:
    """The control: set up a minute after the sign-in there, its code signs hours later."""
    cast.coordinator.person.set_unusable_password()
    cast.coordinator.person.save()
    client = client_of(cast.coordinator, shown=timedelta(minutes=1), by="hospital")
    client.get(reverse("mfa_activate_totp"))
    secret = client.session["mfa.totp.secret"]
    assert client.post(reverse("mfa_activate_totp"), {"code": code(secret)}).status_code == 302
    cache.clear()  # a code counts once
    show(client, cast.coordinator, LONG_AGO, by="hospital")
    assert again(client, press(client, meeting), code=code(secret)).status_code == 303
    assert proof()["proof"] == "totp"


def test_a_password_takes_no_second_factor_away(cast: Cast, meeting: Meeting) -> None:
    """Whoever saw it typed would otherwise take the factor away first, and sign with the password then."""
    with_app(cast)
    client = client_of(cast.coordinator, shown=LONG_AGO, by="totp")
    there = client.get(reverse("mfa_deactivate_totp"))["Location"]
    assert there.startswith(reverse("mfa_reauthenticate"))
    answer = client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    assert answer["Location"].startswith(reverse("mfa_reauthenticate"))
    assert client.post(reverse("mfa_deactivate_totp")).status_code == 302
    assert Authenticator.objects.filter(type="totp").exists()


def test_an_address_of_one_s_own_is_added_by_whoever_showed_it(cast: Cast, meeting: Meeting) -> None:
    """A forgotten password goes there: in a session that was left open, anybody could have it sent to themselves."""
    client = client_of(cast.coordinator, shown=LONG_AGO)
    added = {"email": "stranger@elsewhere.example", "action_add": "1"}
    assert client.post("/accounts/email/", added)["Location"].startswith(reverse("account_reauthenticate"))
    assert not EmailAddress.objects.filter(email=added["email"]).exists()


@pytest.mark.parametrize("by", ["password", "totp"])
def test_tries_are_counted(cast: Cast, meeting: Meeting, by: str) -> None:
    secret = with_app(cast) if by == "totp" else ""
    client = client_of(cast.coordinator, shown=None)
    asked = press(client, meeting)
    name, right = ("password", PASSWORD) if by == "password" else ("code", code(secret))
    for _ in range(5):
        assert again(client, asked, **{name: "mis"}).status_code == 422
    held = again(client, asked, **{name: right})
    assert (held.status_code, states()) == (422, ["recorded"] * 3)
    statuses = [again(client, asked, **{name: right}).status_code for _ in range(5)]
    assert statuses == [422] * 4 + [429]
    assert states() == ["recorded"] * 3


def test_no_door_without_a_proof_signs(cast: Cast, meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line, the room, a program: whoever opens a door without one signs nothing. With the check off they would."""
    with house():
        what = [(each.pk, chain.seen(each)) for each in Decision.objects.filter(meeting=meeting)]

    def sign(read: list[tuple[UUID, str]]) -> None:
        by = cast.coordinator
        with acting(by.person, by.organisation_id, "care"):
            sign_decisions(by=by.person, meeting_id=meeting.pk, decisions=read, command_id=new_id())

    with pytest.raises(Unproved):
        sign(what)
    assert states() == ["recorded"] * 3
    monkeypatch.setattr("mdo.kernel.action._proof", dict)
    sign(what)
    assert states() == ["signed"] * 3
