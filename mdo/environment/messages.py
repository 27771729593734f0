"""What leaves to people: mail and text messages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import Field

from mdo.environment.kinds import Group, OneLine, held


@dataclass(frozen=True)
class Mail:
    """Where mail leaves: parsed from `smtp://` (plain), `smtp+starttls://` or `smtps://` (TLS from the first byte)."""

    host: str
    port: int
    user: str
    password: str
    starttls: bool
    tls: bool


def parse_mail_url(url: str) -> Mail:
    """`smtp[s|+starttls]://[user:password@]host[:port]`; raises ValueError with a sentence."""
    parts = urlsplit(url)
    default_ports = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}
    if parts.scheme not in default_ports:
        raise ValueError("must start with smtp://, smtp+starttls:// or smtps://")
    if not parts.hostname:
        raise ValueError("names no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError("holds more than user, password, host and port")
    return Mail(
        host=parts.hostname,
        port=parts.port or default_ports[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp+starttls",
        tls=parts.scheme == "smtps",
    )


MailUrl = Annotated[OneLine, held(parse_mail_url)]


class Messages(Group):
    """Mail and text messages"""

    email_url: MailUrl = Field(
        alias="EMAIL_URL",
        examples=["smtp+starttls://mdo:secret@mail.example.org:587"],
        description="`smtp://`, `smtp+starttls://` or `smtps://` with host and port.",
    )
    email_from: OneLine = Field(
        "MDO <mdo@localhost>",
        alias="MDO_EMAIL_FROM",
        examples=["MDO <mdo@example.org>"],
        min_length=3,
        description="The sender of every mail.",
    )
    sms: str = Field(
        "",
        alias="MDO_SMS",
        examples=["hospital.gateway.Gateway"],
        json_schema_extra={"read_by": "web"},
        pattern=r"^([A-Za-z_][A-Za-z0-9_]*\.)+[A-Za-z_][A-Za-z0-9_]*$|^$",
        description="The class that sends text messages, such as `hospital.gateway.Gateway`; empty: the secretary reads codes out.",
    )

    @cached_property
    def mail(self) -> Mail:
        return parse_mail_url(self.email_url)
