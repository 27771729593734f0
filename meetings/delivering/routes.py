"""What a route is told, by its channel: checked here, whoever says it. An address counts only where the site's administrator allows it.

No page may lead the worker into the site's own network: ``MDO_DELIVERY_HOSTS`` names host and port of each system, and a folder lies
below ``MDO_HANDOVER``. In demo mode loopback is allowed.
"""

import ipaddress
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from mdo.kernel.errors import Invalid
from meetings.delivering.faults import NotTaken
from meetings.models import Report
from meetings.models.dispatch import Channel, Role

# HL7's own separators, its escape and control characters cannot stand in a name of a system.
Word = Annotated[str, StringConstraints(pattern=r"^[^|^~\\&\x00-\x1f\x7f]*$", max_length=60, strip_whitespace=True)]
_FOLDER: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
KINDS: Final = tuple(each for each in Report.Kind if each != Report.Kind.MINUTES)
"""What is about one patient: the minutes of a whole meeting are nobody's record."""

TO_PEOPLE: Final = (Channel.EHEALTHBOX, Channel.PAPER)


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Hl7(_Settings):
    """Where, as what, and in which words a record system takes messages over MLLP."""

    address: str
    form: Literal["MDM^T02", "ORU^R01"] = "MDM^T02"
    sending_facility: Word = ""
    receiving_application: Word = ""
    receiving_facility: Word = ""
    authority: Word = ""
    charset: Literal["UNICODE UTF-8", "8859/1"] = "UNICODE UTF-8"
    processing: Literal["P", "T", "D"] = "P"


class Fhir(_Settings):
    """The base address of a FHIR R4 server, and as what a report is laid down there."""

    address: str
    form: Literal["DocumentReference", "Bundle"] = "DocumentReference"


class EHealthBox(_Settings):
    """The folder of the hospital's messaging program, by a name below the one of the site."""

    folder: Annotated[str, Field(pattern=f"^{_FOLDER.pattern}$")]


class Paper(_Settings):
    """Nothing: the secretary prints."""


SHAPES: Final[dict[str, type[_Settings]]] = {
    Channel.HL7: Hl7,
    Channel.FHIR: Fhir,
    Channel.EHEALTHBOX: EHealthBox,
    Channel.PAPER: Paper,
}


def checked(channel: str, told: dict[str, Any]) -> dict[str, Any]:
    """The settings of a route as they are stored. Raises ``Invalid`` by field."""
    shape = SHAPES.get(channel)
    if shape is None:
        raise Invalid({"channel": [_("Choose one of the list.")]})
    try:
        found = shape.model_validate(told)
        if isinstance(found, Hl7):
            place_of(found.address)
        elif isinstance(found, Fhir):
            base_of(found.address)
    except ValidationError as error:
        fields = {str(each["loc"][0]): [_wrong(str(each["loc"][0]))] for each in error.errors(include_input=False)}
        raise Invalid(fields) from None
    except NotTaken:
        raise Invalid({"address": [_wrong("address"), str(_allowed_words())]}) from None
    return found.model_dump()


def _wrong(field: str) -> str:
    if field == "address":
        return _("This address cannot be used.")
    if field == "folder":
        return _("A folder's name holds small letters, digits, - and _ only.")
    return _("This value cannot be used here.")


def _allowed_words() -> str:
    if settings.MDO_DELIVERY_HOSTS:
        return _("The site's administrator allows: %(hosts)s") % {"hosts": ", ".join(settings.MDO_DELIVERY_HOSTS)}
    if settings.DEMO:
        return _("In the demonstration: 127.0.0.1 with a port.")
    return _("The site's administrator has allowed no address yet (MDO_DELIVERY_HOSTS).")


def allowed(host: str, port: int) -> bool:
    """Whether the worker may call there."""
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}".lower() in settings.MDO_DELIVERY_HOSTS or (settings.DEMO and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether this is a number of this machine alone: names do not count, since anybody's server may give them a number."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def place_of(address: str) -> tuple[bool, str, int]:
    """Whether by TLS, host and port of ``host:port`` or ``mllps://host:port``. Raises ``NotTaken`` for what is none, or is not allowed."""
    secure = address.lower().startswith("mllps://")
    address = address[len("mllps://") :] if secure else address
    try:
        parts = urlsplit(f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise NotTaken("not_allowed", down=True) from None
    if not host or not port or address.lower() not in (f"{host}:{port}", f"[{host}]:{port}") or not allowed(host, port):
        raise NotTaken("not_allowed", down=True)
    return secure, host, port


def base_of(address: str) -> tuple[bool, str, int, str]:
    """Whether by TLS, host, port and path of a FHIR server's base address: https, or http on loopback in demo mode. Raises ``NotTaken``."""
    try:
        parts = urlsplit(address)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
    except ValueError:
        raise NotTaken("not_allowed", down=True) from None
    plain = parts.scheme == "http" and settings.DEMO and is_loopback(host)
    clean = address.isascii() and address.isprintable() and not set(address) & set(' "<>\\^`{|}')
    if not (secure or plain) or not clean or "@" in parts.netloc or parts.query or parts.fragment or ".." in parts.path:
        raise NotTaken("not_allowed", down=True)
    if not allowed(host, port):
        raise NotTaken("not_allowed", down=True)
    return secure, host, port, parts.path.rstrip("/")


def folder_of(name: str) -> Path:
    """The folder with this name below the site's own. Raises ``NotTaken``."""
    root = settings.MDO_HANDOVER
    if root is None or not _FOLDER.fullmatch(name):
        raise NotTaken("not_allowed", down=True)
    return Path(root) / name


def roles(channel: str, kind: str, recipients: list[str]) -> list[str]:
    """To whom a report of this kind goes by a route: a letter to the GP is the GP's, a summary for the patient goes to nobody else."""
    if channel not in TO_PEOPLE:
        return [Role.RECORD]
    if kind == "summary":
        return []
    return [Role.GP] if kind == "letter" else list(recipients)
