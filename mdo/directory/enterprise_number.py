"""The Belgian enterprise number: KBO (nl), BCE (fr), ZUD (de).

Source: the royal decree of 24 June 2003 on the enterprise number. Ten digits of which the first is 0 or 1; the last
two are 97 − (the first eight mod 97).
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from mdo.kernel.codes import InvalidCode
from mdo.kernel.digits import digits_of

LENGTH = 10
# The VAT number is the same number with the country before it.
_COUNTRY = re.compile(r"\A\s*BE(?=[\W\d])", re.IGNORECASE)


class InvalidEnterpriseNumber(InvalidCode):
    """A text that is no enterprise number (KBO/BCE)."""


@dataclass(frozen=True, slots=True)
class EnterpriseNumber:
    """A number that passed `parse`."""

    digits: str

    def __str__(self) -> str:
        return formatted(self.digits)


def parse(text: str) -> EnterpriseNumber:
    """The enterprise number in `text`, with any punctuation and with or without `BE`.

    Raises `InvalidEnterpriseNumber` with a sentence.
    """
    digits = digits_of(_COUNTRY.sub("", text))
    if digits is None:
        raise InvalidEnterpriseNumber(
            _("An enterprise number holds digits only, like 0566.988.259."), code="characters"
        )
    if len(digits) != LENGTH:
        raise InvalidEnterpriseNumber(
            _("An enterprise number has 10 digits; this one has %(count)d."),
            code="length",
            params={"count": len(digits)},
        )
    if digits[0] not in "01":
        raise InvalidEnterpriseNumber(_("An enterprise number starts with 0 or 1."), code="start")
    if check_digits(digits[:8]) != digits[8:]:
        raise InvalidEnterpriseNumber(
            _("The last two digits do not fit the others: check the number for a typing error."), code="check"
        )
    return EnterpriseNumber(digits)


def check_digits(eight: str) -> str:
    """The two check digits that belong to the first eight."""
    return f"{97 - int(eight) % 97:02d}"


def formatted(digits: str) -> str:
    """Ten digits as they stand on a letterhead: `0566.988.259`."""
    return f"{digits[:4]}.{digits[4:7]}.{digits[7:]}"
