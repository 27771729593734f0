"""The signed form by which a hospital's record system opens a patient here: what it may say, and whether it is true.

A JSON Web Token (RFC 7519), HS256, in the field ``token`` of a form that the browser posts: so nothing about a patient stands in any
address. Claims: ``iss`` the record system's identity, ``aud`` the address that it is posted to, ``iat`` and ``exp`` at most two minutes
apart, ``jti`` used once, ``user`` (``licence`` or ``username``), ``patient``.
"""

import unicodedata
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import jwt
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

LONGEST: Final = 8 * 1024
LIVES: Final = timedelta(minutes=2)
_SKEW: Final = timedelta(seconds=10)  # between the two machines' clocks
_ALGORITHM: Final = "HS256"


class InvalidLaunch(ValueError):
    """What was posted cannot be believed. ``why`` is a word for the access log; the sender learns nothing more than that."""

    def __init__(self, why: Literal["malformed", "signature", "time"]) -> None:
        super().__init__(why)
        self.why = why


def _shown(text: str) -> str:
    if any(unicodedata.category(each) in ("Cc", "Cs") for each in text):
        raise ValueError("characters that cannot be shown")
    return " ".join(text.split())


Line = Annotated[str, Field(max_length=300), AfterValidator(_shown)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LaunchUser(_Strict):
    """Who is in front of the screen: by licence number, else by the name of the account here."""

    licence: Annotated[str, Field(max_length=20)] = ""
    username: Line = ""

    @model_validator(mode="after")
    def _named(self) -> "LaunchUser":
        if not self.licence and not self.username:
            raise ValueError("nobody is named")
        return self


class LaunchPatient(_Strict):
    """Who is on the screen. One of the two numbers leads to the patient; the rest fills a new case."""

    national_number: Annotated[str, Field(max_length=20), AfterValidator(_shown)] = ""
    other_identifier: Annotated[str, Field(max_length=40), AfterValidator(_shown)] = ""
    family_name: Line = ""
    given_name: Line = ""
    birth_date: date | None = None
    sex: Literal["", "female", "male", "other", "unknown"] = ""

    @model_validator(mode="after")
    def _numbered(self) -> "LaunchPatient":
        if not self.national_number and not self.other_identifier:
            raise ValueError("no number")
        return self


class LaunchClaims(_Strict):
    """Everything that a token says. Times are seconds since 1970."""

    iss: UUID
    aud: str
    iat: Annotated[int, Field(ge=0, le=2**40)]
    exp: Annotated[int, Field(ge=0, le=2**40)]
    jti: Annotated[str, Field(min_length=16, max_length=200)]
    user: LaunchUser
    patient: LaunchPatient


def issuer(token: str) -> UUID:
    """Whose token it says it is; nothing of it is believed yet. Raises ``InvalidLaunch``."""
    if len(token) > LONGEST or not token.isascii():
        raise InvalidLaunch("malformed")
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
        return UUID(claims["iss"])
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise InvalidLaunch("malformed") from None


def read_launch(token: str, *, key: str, audience: str, at: datetime) -> LaunchClaims:
    """The claims of a token that was signed with ``key`` for ``audience`` and lives at ``at``. Raises ``InvalidLaunch``."""
    try:
        raw: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            audience=audience,
            # Times by our own clock, below.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False, "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise InvalidLaunch("signature") from None
    try:
        claims = LaunchClaims.model_validate(raw)
    except ValidationError:
        raise InvalidLaunch("malformed") from None
    now = at.timestamp()
    lives, skew = LIVES.total_seconds(), _SKEW.total_seconds()
    if not (claims.iat - skew <= now < claims.exp and claims.iat < claims.exp <= claims.iat + lives):
        raise InvalidLaunch("time")
    return claims
