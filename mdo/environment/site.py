"""The site itself: its name to the outside, its secrets, its folder."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from mdo.environment.kinds import Address, Flag, Group, OneLine, Whole, held

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def check_origins(value: str) -> None:
    """Full origins with commas; raises ValueError with a sentence."""
    for origin in filter(None, value.split(",")):
        parts = urlsplit(origin)
        parts.port  # noqa: B018  (raises ValueError when it is no number)
        if parts.scheme not in ("http", "https") or not parts.hostname or f"{parts.scheme}://{parts.netloc}" != origin:
            raise ValueError(f"{origin!r} is not an origin such as https://moc.example.org")
        if "*" in origin or "@" in origin:
            raise ValueError(f"{origin!r} must be one plain host")


Origins = Annotated[str, held(check_origins)]


class Site(Group):
    """The site"""

    mode: Literal["production", "demo"] = Field(
        "production",
        alias="MDO_MODE",
        examples=["production"],
        description="`demo` loads fictional people with a printed password and shows the mailbox; it listens on loopback only.",
    )
    secret_key: OneLine = Field(
        alias="MDO_SECRET_KEY",
        examples=['made by: python3 -c "import secrets; print(secrets.token_urlsafe(64))"'],
        min_length=50,
        description="At least 50 random characters; signs sessions and links.",
    )
    origins: Origins = Field(
        "",
        alias="MDO_ORIGINS",
        examples=["https://moc.example.org"],
        description="Full origins of the site, with commas: `https://moc.example.org`. Empty in demo mode: loopback at the port.",
    )
    host: Address = Field(
        "127.0.0.1",
        alias="MDO_HOST",
        examples=["10.0.0.11"],
        json_schema_extra={"read_by": "web"},
        description="The address to listen on.",
    )
    port: Whole = Field(
        8000,
        alias="MDO_PORT",
        examples=["8000"],
        json_schema_extra={"read_by": "web"},
        ge=1,
        le=65535,
        description="The port to listen on.",
    )
    proxy: Flag = Field(
        False,
        alias="MDO_PROXY",
        examples=["1"],
        json_schema_extra={"read_by": "web"},
        description="1 behind a proxy that sets X-Forwarded-For and X-Forwarded-Proto itself; 0 when clients connect directly.",
    )
    var: Path = Field(
        BASE_DIR / "var",
        alias="MDO_VAR",
        examples=["/var/lib/mdo"],
        description="The folder of stored files and, in demo mode, mailbox and servers.",
    )
    proof_minutes: Whole = Field(
        10,
        alias="MDO_PROOF_MINUTES",
        examples=["5"],
        json_schema_extra={"read_by": "web"},
        ge=1,
        le=60,
        description="Minutes that a proof counts.",
    )
    similar_cases: Flag = Field(
        False,
        alias="MDO_SIMILAR_CASES",
        examples=["1"],
        json_schema_extra={"read_by": "web"},
        description="1: from a case, decisions for other patients whose tumour is alike are shown too, among the cases that the reader may open. 0: not.",
    )

    @property
    def demo(self) -> bool:
        return self.mode == "demo"

    @cached_property
    def origin_list(self) -> list[str]:
        """Full origins (scheme, host, port) that pages and sockets are accepted from."""
        if self.origins:
            return [origin for origin in self.origins.split(",") if origin]
        return [f"http://{host}:{self.port}" for host in ("127.0.0.1", "localhost", "[::1]")]
