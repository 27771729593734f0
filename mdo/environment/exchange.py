"""Other programs: providers of identity, record systems, what reports are delivered to."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated

from pydantic import Field

from mdo import outward
from mdo.environment.kinds import Address, Flag, Folder, Group, OneLine, Whole, held, unless_empty
from mdo.identities import Identities, parse_oidc_url

_PLACE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\]):[0-9]{1,5}")


def check_places(value: str) -> None:
    """Hosts with ports and commas; raises ValueError with a sentence."""
    for place in filter(None, value.split(",")):
        host, _colon, port = place.rpartition(":")
        if not _PLACE.fullmatch(place) or not host or not 1 <= int(port) <= 65535:
            raise ValueError(f"{place!r} is no host with its port, as in ehr.example.org:2575")


def parse_scanner(value: str) -> str | tuple[str, int]:
    """`host:port` as both, or the path of a socket; raises ValueError with a sentence."""
    if value.startswith("/"):
        if any(character <= " " for character in value):
            raise ValueError("holds spaces or control characters")
        return value
    host, _colon, port = value.rpartition(":")
    if not _PLACE.fullmatch(value) or "[" in host or not 1 <= int(port) <= 65535:
        raise ValueError(
            "must be a host (by name or IPv4) with its port, or the path of a socket: /run/clamav/clamd.ctl"
        )
    return host, int(port)


ProxyUrl = Annotated[str, unless_empty(outward.parse_proxy)]
OidcUrl = Annotated[str, unless_empty(parse_oidc_url)]
Places = Annotated[str, held(check_places)]


class Exchange(Group):
    """Other programs"""

    oidc: OidcUrl = Field(
        "",
        alias="MDO_OIDC",
        examples=["https://client:secret@login.example.org/realms/care?name=itsme"],
        json_schema_extra={"read_by": "web"},
        description="An OpenID Connect provider by which guests may show who they are: `https://client:secret@issuer/path?name=itsme`.",
    )
    clamav: Annotated[str, unless_empty(parse_scanner)] = Field(
        "",
        alias="MDO_CLAMAV",
        examples=["127.0.0.1:3310"],
        json_schema_extra={"read_by": "web, worker"},
        description="The virus scanner (ClamAV's clamd) that looks at each file before it is kept: `clamav:3310` or `/run/clamav/clamd.ctl`. Empty: none. While it is away, files are refused (503).",
    )
    sign_in_hosts: Places = Field(
        "",
        alias="MDO_SIGN_IN_HOSTS",
        examples=["login.example.org:443"],
        json_schema_extra={"read_by": "web"},
        description="At which hosts organisations may let their people sign in, with ports and commas: `login.example.org:443`. Empty: at none.",
    )
    hl7: Flag = Field(
        False,
        alias="MDO_HL7",
        examples=["1"],
        json_schema_extra={"read_by": "up"},
        description="1: `mdo up` takes messages about patients too (`mdo hl7`), on the address and port below. 0: nobody listens there.",
    )
    hl7_host: Address = Field(
        "127.0.0.1",
        alias="MDO_HL7_HOST",
        examples=["127.0.0.1"],
        json_schema_extra={"read_by": "hl7"},
        description="The address on which `mdo hl7` takes messages about patients. MLLP knows no sign-in: loopback, or behind a tunnel.",
    )
    hl7_port: Whole = Field(
        2575,
        alias="MDO_HL7_PORT",
        examples=["2575"],
        json_schema_extra={"read_by": "hl7"},
        ge=1,
        le=65535,
        description="The port on which `mdo hl7` listens.",
    )
    delivery_hosts: Places = Field(
        "",
        alias="MDO_DELIVERY_HOSTS",
        examples=["ehr.example.org:2575,fhir.example.org:443"],
        json_schema_extra={"read_by": "web, worker"},
        description="To which hosts reports may be sent by HL7 and FHIR, with ports and commas: `ehr.example.org:2575,fhir.example.org:443`.",
    )
    ca: Folder = Field(
        "",
        alias="MDO_CA",
        examples=["/etc/mdo/authorities.pem"],
        description="A file with the certificates of the hospital's own authorities (PEM), believed beside the public ones wherever the program goes by TLS: FHIR, HL7, mail, sign-in.",
    )
    client_cert: Folder = Field(
        "",
        alias="MDO_CLIENT_CERT",
        examples=["/etc/mdo/client.pem"],
        json_schema_extra={"read_by": "worker"},
        description="A file with the program's certificate and private key (PEM, no password), shown to record systems that ask for one. Empty: none.",
    )
    https_proxy: ProxyUrl = Field(
        "",
        alias="HTTPS_PROXY",
        examples=["http://proxy.example.org:3128"],
        json_schema_extra={"read_by": "web, worker"},
        description="The proxy by which https leaves the house (FHIR, sign-in): `http://[user:password@]proxy.example.org:3128`. Empty: directly.",
    )
    no_proxy: OneLine = Field(
        "",
        alias="NO_PROXY",
        examples=[".example.org,10.0.0.0/8"],
        json_schema_extra={"read_by": "web, worker"},
        description="What is reached without it, with commas: hosts, domains (`.example.org`), networks (`10.0.0.0/8`). Loopback always is.",
    )
    handover: Folder = Field(
        "",
        alias="MDO_HANDOVER",
        examples=["/srv/handover"],
        json_schema_extra={"read_by": "web, worker"},
        description="The folder below which reports are laid down for the hospitals' eHealthBox programs. Empty: not offered.",
    )

    @cached_property
    def scanner(self) -> str | tuple[str, int] | None:
        return parse_scanner(self.clamav) if self.clamav else None

    @cached_property
    def delivery_host_list(self) -> list[str]:
        return [place.lower() for place in self.delivery_hosts.split(",") if place]

    @cached_property
    def sign_in_host_list(self) -> list[str]:
        return [place.lower() for place in self.sign_in_hosts.split(",") if place]

    @cached_property
    def identities(self) -> Identities | None:
        return parse_oidc_url(self.oidc) if self.oidc else None

    def proxy_for(self, host: str) -> outward.Proxy | None:
        """The proxy by which https goes to a host."""
        if not self.https_proxy or outward.passes_by(host, self.no_proxy):
            return None
        return outward.parse_proxy(self.https_proxy)
