"""What `mdo run --profile production` starts on one machine, and how its proxy meets the world."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated

from pydantic import Field

from mdo.environment.kinds import Address, Group, Whole, held

INTERNAL = "internal"


def _check_certificate(value: str) -> None:
    if value != INTERNAL and certificate_files(value) is None:
        raise ValueError("must be internal, or a certificate and its key: /etc/mdo/site.pem,/etc/mdo/site.key")


def certificate_files(value: str) -> tuple[str, str] | None:
    """The paths of the certificate with its chain and of its key, or None where there are no two whole paths."""
    paths = value.split(",")
    if len(paths) != 2 or any(not path.startswith("/") or any(c <= " " for c in path) for path in paths):
        return None
    return paths[0], paths[1]


class Machine(Group):
    """One machine without containers (`mdo run --profile production`)"""

    web_processes: Whole = Field(
        2,
        alias="MDO_WEB_PROCESSES",
        examples=["4"],
        json_schema_extra={"read_by": "run"},
        ge=1,
        le=32,
        description="How many web processes are started, on MDO_PORT and the ports after it.",
    )
    tls: Annotated[str, held(_check_certificate)] = Field(
        INTERNAL,
        alias="MDO_TLS",
        examples=["/etc/mdo/site.pem,/etc/mdo/site.key"],
        json_schema_extra={"read_by": "run"},
        description="The proxy's certificate: `internal` (an authority of its own, which browsers have to be told of), or the files of one with its chain and of its key: `/etc/mdo/site.pem,/etc/mdo/site.key`.",
    )
    proxy_host: Address = Field(
        "0.0.0.0",  # noqa: S104 (people reach the proxy, and nothing else)
        alias="MDO_PROXY_HOST",
        examples=["10.0.0.11"],
        json_schema_extra={"read_by": "run"},
        description="The address on which the proxy listens, at the ports that MDO_ORIGINS names.",
    )

    @cached_property
    def certificate(self) -> tuple[str, str] | None:
        """The files of the certificate and its key; None for the proxy's own authority."""
        return certificate_files(self.tls)
