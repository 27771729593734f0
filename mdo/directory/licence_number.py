"""The Belgian licence number of a care provider: RIZIV (nl), INAMI (fr), LIKIV (de).

Source: RIZIV/INAMI, *structure of the identification number of care providers*. Eleven digits `P-NNNNN-CC-QQQ`: the
first tells the profession, the first eight identify, the last three are the qualification. Digits seven and eight are
97 − (the first six mod 97); numbers given out later use 89 instead of 97, and some lists hold older ones that follow
neither. So a number whose check digits fit neither rule gets a warning and is taken.
"""

from dataclasses import dataclass
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mdo.kernel.codes import InvalidCode
from mdo.kernel.digits import digits_of

Profession = Literal["physician", "nurse_or_midwife", "hospital"]

LENGTH = 11
MODULI = (97, 89)
PROFESSIONS: dict[str, Profession] = {"1": "physician", "4": "nurse_or_midwife", "7": "hospital"}


class InvalidLicenceNumber(InvalidCode):
    """A text that is no licence number (RIZIV/INAMI)."""


@dataclass(frozen=True, slots=True)
class LicenceNumber:
    """A number that passed `parse`: its eleven digits, and whether its check digits fit."""

    digits: str
    checks: bool

    @property
    def identifying(self) -> str:
        """The eight digits that stay the same when the qualification changes."""
        return self.digits[:8]

    @property
    def qualification(self) -> str:
        return self.digits[8:]

    @property
    def profession(self) -> Profession | None:
        """None for a first digit that this product knows no word for."""
        return PROFESSIONS.get(self.digits[0])

    @property
    def warning(self) -> str | Promise | None:
        """A sentence to show beside the number; it never blocks."""
        if self.checks:
            return None
        return _("The check digits of this licence number do not fit: compare it with the person's card or stamp.")

    def __str__(self) -> str:
        return formatted(self.digits)


def parse(text: str) -> LicenceNumber:
    """The licence number in `text`, with any punctuation. Raises `InvalidLicenceNumber` with a sentence."""
    digits = digits_of(text)
    if digits is None:
        raise InvalidLicenceNumber(_("A licence number holds digits only, like 1-12233-93-140."), code="characters")
    if len(digits) != LENGTH:
        raise InvalidLicenceNumber(
            _("A licence number has 11 digits; this one has %(count)d."), code="length", params={"count": len(digits)}
        )
    if digits[0] == "0":
        raise InvalidLicenceNumber(_("A licence number does not start with 0."), code="profession")
    return LicenceNumber(digits=digits, checks=digits[6:8] in {check_digits(digits[:6], m) for m in MODULI})


def check_digits(six: str, modulus: int) -> str:
    """The two check digits that belong to the first six, for 97 or 89."""
    return f"{modulus - int(six) % modulus:02d}"


def formatted(digits: str) -> str:
    """Eleven digits as they stand on a stamp: `1-12233-93-140`."""
    return f"{digits[0]}-{digits[1:6]}-{digits[6:8]}-{digits[8:]}"
