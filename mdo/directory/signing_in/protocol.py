"""What allauth leaves open of OpenID Connect: the token's signature is always checked, and so are nonce, issuer and time.

allauth keeps state and PKCE, asks for the token and signs in. Nothing of what a provider says is stored but the subject.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import jwt
import requests
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin, SocialToken
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from mdo.directory.models import IdentityProvider, Person
from mdo.directory.signing_in import providers
from mdo.kernel.clock import now
from mdo.kernel.encryption import Damaged

ALGORITHMS: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
LEEWAY: Final = timedelta(seconds=60)  # by which two clocks may differ
SIGN_IN, PROVE = "sign_in", "prove"
_NEEDED: Final = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


class Unfit(OAuth2Error):
    """What a provider answered is not what OpenID Connect asks of it. Its text is for tests; people get a sentence of ours."""


def configuration(provider: IdentityProvider) -> dict[str, Any]:
    """What the provider says of itself, kept for five minutes. Raises ``Unfit`` and ``requests.RequestException``."""
    key = f"oidc:{provider.pk}:{provider.version}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = _asked(provider.issuer.rstrip("/") + providers.CONFIGURATION)
        if any(not isinstance(found.get(name), str) for name in _NEEDED):
            raise Unfit("configuration")
        if found["issuer"] != provider.issuer:
            raise Unfit("issuer")
        if not providers.allowed(found["authorization_endpoint"]):
            raise providers.NotListed(found["authorization_endpoint"])
        cache.set(key, found, settings.MDO_PROVIDER_KEPT_S)
    return found


def _asked(address: str, **headers: str) -> dict[str, Any]:
    with providers.Session() as session:
        return _body(session.request("GET", address, headers=headers))


def _body(response: requests.Response) -> dict[str, Any]:
    if response.status_code != 200:
        raise Unfit("status")
    try:
        body = response.json()
    except (ValueError, RecursionError) as error:
        raise Unfit("json") from error
    if not isinstance(body, dict):
        raise Unfit("json")
    return body


class HospitalAdapter(OpenIDConnectOAuth2Adapter):
    """allauth's, for a provider that is a row of ours."""

    def __init__(self, request: HttpRequest, row: IdentityProvider) -> None:
        super().__init__(request, str(row.pk))
        self.row = row

    def get_provider(self) -> "HospitalProvider":
        try:
            app = providers.app_of(self.row)
        except Damaged as error:  # sealed under another file key: the administrator gives the secret anew
            raise Unfit("secret") from error
        return HospitalProvider(self.request, app=app, row=self.row)

    @property
    def openid_config(self) -> dict[str, Any]:
        return configuration(self.row)

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        return callback_address(self.row)

    def get_access_token_data(
        self, request: HttpRequest, app: SocialApp, client: Any, pkce_code_verifier: str | None = None
    ) -> dict[str, Any]:
        """Exchange the code. Raises ``Unfit`` and ``requests.RequestException``. Unlike allauth's own, asks named hosts alone."""
        form = {
            "grant_type": "authorization_code",
            "code": request.GET["code"],
            "redirect_uri": callback_address(self.row),
            "code_verifier": pkce_code_verifier or "",
        }
        who = None
        if self.basic_auth:
            who = (quote(app.client_id, safe=""), quote(app.secret, safe=""))  # RFC 6749 §2.3.1
        else:
            form |= {"client_id": app.client_id, "client_secret": app.secret}
        with providers.Session() as session:
            response = session.request("POST", self.openid_config["token_endpoint"], data=form, auth=who)
        found = _body(response)
        if not all(isinstance(found.get(each), str) for each in ("access_token", "id_token")):
            raise Unfit("token")
        return {each: found[each] for each in ("access_token", "id_token")}

    def complete_login(self, request: HttpRequest, app: SocialApp, token: SocialToken, **kwargs: Any) -> SocialLogin:
        """Who came back: an account of allauth's that is never stored, with the claims."""
        claims = self._claims(kwargs["response"]["id_token"])
        if "email" not in claims and isinstance(address := self.openid_config.get("userinfo_endpoint"), str):
            more = _asked(address, Authorization=f"Bearer {token.token}")
            if more.get("sub") != claims["sub"]:
                raise Unfit("userinfo")
            claims = {**more, **claims}
        account = SocialAccount(provider=str(self.row.pk), uid=claims["sub"], extra_data=claims)
        return HospitalLogin(user=Person(), account=account, provider=self.get_provider())

    def _claims(self, id_token: str) -> dict[str, Any]:
        """The claims of a token that this provider signed for this site. Raises ``Unfit``."""
        try:
            keys = jwt.PyJWKSet.from_dict(_asked(self.openid_config["jwks_uri"])).keys
            kid = jwt.get_unverified_header(id_token).get("kid")
            fitting = [key for key in keys if key.key_id == kid] if kid else keys
            claims: dict[str, Any] = jwt.decode(
                id_token,
                key=fitting[0],
                algorithms=ALGORITHMS,
                issuer=self.row.issuer,
                audience=self.row.client_id,
                leeway=LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (jwt.PyJWTError, IndexError, KeyError, TypeError, ValueError) as error:
            raise Unfit("signature") from error
        if claims.get("azp", self.row.client_id) != self.row.client_id:
            raise Unfit("azp")
        if not _text(claims["sub"], 255):
            raise Unfit("sub")
        return claims


class HospitalLogin(SocialLogin):
    """A sign-in that is under way. While it waits for a second factor, the session keeps who it is by id, and nothing of them."""

    user: Person

    def serialize(self) -> dict[str, Any]:
        whole, self.user = self.user, Person(pk=self.user.pk)
        try:
            kept: dict[str, Any] = super().serialize()
        finally:
            self.user = whole
        return kept


class HospitalProvider(OpenIDConnectProvider):
    """An organisation's provider, for allauth."""

    def __init__(self, request: HttpRequest, app: SocialApp, row: IdentityProvider) -> None:
        super().__init__(request, app=app)
        self.row = row

    def get_oauth2_adapter(self, request: HttpRequest) -> HospitalAdapter:
        return HospitalAdapter(request, self.row)

    def serialize(self) -> dict[str, Any]:
        return {"id": str(self.row.pk)}

    def leave(self, purpose: str, after: str, **kept: Any) -> HttpResponse:
        """Send the browser to the provider. ``after`` is where it goes in the end; ``kept`` waits in the session. To ``PROVE`` that it is
        them, people type their password there once more."""
        nonce = secrets.token_urlsafe(24)
        asked = {"nonce": nonce}
        if purpose == PROVE:
            asked |= {"prompt": "login", "max_age": "0"}
        at = int(now().timestamp())
        answer: HttpResponse = self.redirect(
            self.request, "login", next_url=after, auth_params=asked, nonce=nonce, purpose=purpose, left_at=at, **kept
        )
        return answer


def callback_address(row: IdentityProvider) -> str:
    """Where the provider sends people back, as it has to know it: at the first of the site's own origins."""
    return f"{settings.MDO_ORIGINS[0]}{reverse('sign_in_back', args=[row.pk])}"


@dataclass(frozen=True)
class Told:
    """Who a provider says came back: nothing but what is needed to find a person. ``shown_at``: when they last showed it there, if it
    says so; ``strong``: by what the organisation counts as a second factor."""

    subject: str
    external: str
    mail: str
    verified: bool
    shown_at: datetime | None
    strong: bool


def told_by(row: IdentityProvider, login: SocialLogin) -> Told:
    """Read what came back for the very request that left this browser. Raises ``Unfit``."""
    claims, state = login.account.extra_data, login.state
    nonce, ours = claims.get("nonce"), str(state.get("nonce") or "none")
    # As bytes: it compares no text beyond ASCII.
    if not isinstance(nonce, str) or not secrets.compare_digest(nonce.encode(errors="replace"), ours.encode()):
        raise Unfit("nonce")
    values = [claims.get("acr"), *_list(claims.get("amr"))]
    return Told(
        subject=claims["sub"],
        external=_text(claims.get(row.external_claim), 200),
        mail=_text(claims.get("email"), 254),
        verified=claims.get("email_verified") is True,
        shown_at=_moment(claims.get("auth_time")),
        strong=row.second_factor == IdentityProvider.SecondFactor.THEIRS
        and any(isinstance(each, str) and each in row.strong for each in values),
    )


def _text(value: Any, most: int) -> str:
    """A claim that is a text and can be stored; empty: it is none."""
    return value if isinstance(value, str) and len(value) <= most and value.isprintable() else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _moment(value: Any) -> datetime | None:
    """An ``auth_time`` that can be true: not of the future, beyond what clocks differ by."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        moment = datetime.fromtimestamp(value, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return min(moment, now()) if moment <= now() + LEEWAY else None
