"""What a variable may hold: the kinds of values that several groups share. Each refuses junk with a sentence."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict


class Group(BaseModel):
    """Variables that belong together. A field's alias is the variable's name; the docstring's first line heads its table in the docs."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def unless_empty(check: Callable[[str], object]) -> AfterValidator:
    """Anything but nothing at all must pass `check`, which raises ValueError with a sentence."""

    def checked(value: str) -> str:
        if value:
            check(value)
        return value

    return AfterValidator(checked)


def held(check: Callable[[str], object]) -> AfterValidator:
    """The value must pass `check`, which raises ValueError with a sentence, and stays as it was given."""

    def checked(value: str) -> str:
        check(value)
        return value

    return AfterValidator(checked)


def _flag(value: Any) -> Any:
    if isinstance(value, str):
        if value in ("0", "1"):
            return value == "1"
        raise ValueError("must be 0 or 1")
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdigit()):
        raise ValueError("must be a whole number")
    return value


def _one_line(value: str) -> None:
    if value != value.strip() or any(ord(c) < 32 for c in value):
        raise ValueError("holds spaces at its ends or control characters")


def _word(value: str) -> None:
    if any(not "!" <= character <= "~" for character in value):
        raise ValueError("may hold letters, digits and signs without spaces only")


def _key(value: str) -> None:
    _one_line(value)
    try:
        raw = base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ValueError("is not base64") from error
    if len(raw) != 32:
        raise ValueError(f"must hold 32 bytes, holds {len(raw)}")


def _address(value: str) -> None:
    _one_line(value)
    try:
        ipaddress.ip_address(value)
    except ValueError as error:
        raise ValueError("must be an IP address, as in 127.0.0.1, 0.0.0.0 or ::1") from error


def _folder(value: str) -> None:
    if not value.startswith("/") or ".." in value.split("/") or any(ord(c) < 32 for c in value):
        raise ValueError("must be a whole path, as in /srv/handover")


Flag = Annotated[bool, BeforeValidator(_flag)]
Whole = Annotated[int, BeforeValidator(_whole)]
OneLine = Annotated[str, held(_one_line)]
Word = Annotated[str, held(_word)]
Key = Annotated[str, held(_key)]
OptionalKey = Annotated[str, unless_empty(_key)]
Address = Annotated[str, held(_address)]
Folder = Annotated[str, unless_empty(_folder)]
