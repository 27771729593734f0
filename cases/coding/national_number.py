"""The Belgian national number of a person: INSZ (nl), NISS (fr), ENSS (de).

Sources: the instructions of the National Register (IBZ, information type IT000, *Identificatienummer*) for the number
itself; the royal decree of 8 February 1991 and the rules of the Crossroads Bank for Social Security for bis numbers.
The shape is `YYMMDD SSS CC`:

- `YYMMDD` is the birth date. Month or day 00 means that it is unknown (or that the day's serial numbers ran out).
  A fully unknown birth date is written 1900-00-01.
- `SSS` is a serial number, 001 to 998: odd for men, even for women.
- `CC` is 97 − (the first nine digits mod 97), 01 to 97. For people born from 2000 on, a 2 goes before the nine digits.
- A **bis number** adds 40 to the month when the sex was known at registration, 20 when it was not.

The century stands nowhere in the number: it is the one for which the check digits are right. A number that is only
right for a birth in the future is refused.

Written here and not taken from python-stdnum, since that reads the machine's clock and drops the known month of a
date without a day.
"""

import calendar
from dataclasses import dataclass
from datetime import date
from typing import Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from cases.coding.errors import InvalidNationalNumber
from cases.coding.partial_date import PartialDate
from mdo.kernel.digits import digits_of

Kind = Literal["national", "bis"]
Sex = Literal["male", "female"]

LENGTH = 11


@dataclass(frozen=True, slots=True)
class NationalNumber:
    """A number that passed `parse`: its eleven digits and what they say."""

    digits: str
    kind: Kind
    birth: PartialDate
    sex: Sex | None
    """None for a bis number that was given out before the sex was known."""

    def __str__(self) -> str:
        return formatted(self.digits)


def parse(text: str, *, today: date) -> NationalNumber:
    """The national number in `text`, with any punctuation.

    Raises `InvalidNationalNumber` with a sentence. `today` decides which births lie in the future.
    """
    digits = digits_of(text)
    if digits is None:
        raise InvalidNationalNumber(_("A national number holds digits only, like 65.04.12-357.94."), code="characters")
    if len(digits) != LENGTH:
        raise InvalidNationalNumber(
            _("A national number has 11 digits; this one has %(count)d."), code="length", params={"count": len(digits)}
        )
    year, month, day, serial = int(digits[:2]), int(digits[2:4]), int(digits[4:6]), int(digits[6:9])
    kind: Kind = "national"
    sex: Sex | None = "male" if serial % 2 else "female"
    if 20 <= month <= 32:
        kind, sex, month = "bis", None, month - 20
    elif 40 <= month <= 52:
        kind, month = "bis", month - 40
    if month > 12 or day > 31:
        raise InvalidNationalNumber(_("The first six digits of a national number are a birth date."), code="date")
    if not 1 <= serial <= 998:
        raise InvalidNationalNumber(
            _("The seventh to ninth digit of a national number lie between 001 and 998."), code="serial"
        )
    century = _century(digits)
    if century is None:
        raise InvalidNationalNumber(
            _("The last two digits do not fit the others: check the number for a typing error."), code="check"
        )
    birth = _birth(century + year, month, day)
    if birth.is_after(today):
        raise InvalidNationalNumber(
            _("This number belongs to somebody born in %(year)d: check it for a typing error."),
            code="future",
            params={"year": century + year},
        )
    return NationalNumber(digits=digits, kind=kind, birth=birth, sex=sex)


def formatted(digits: str) -> str:
    """Eleven digits as they stand on the identity card: `65.04.12-357.94`."""
    return f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}-{digits[6:9]}.{digits[9:]}"


def check_digits(nine: str, *, born_from_2000: bool) -> str:
    """The two check digits that belong to the first nine."""
    return f"{97 - int(('2' if born_from_2000 else '') + nine) % 97:02d}"


def birth_date_conflict(number: NationalNumber, birth_date: date) -> str | Promise | None:
    """A sentence when the number says another birth date than the one that was typed, else None.

    Unknown parts agree with everything. It is a reason to look again and not always an error: a birth date can have
    been corrected after the number was given out.
    """
    if number.birth.agrees_with(birth_date):
        return None
    return _("The national number says another birth date than the one given: check both.")


def sex_conflict(number: NationalNumber, sex: str) -> str | Promise | None:
    """A sentence when the number says another sex than `male` or `female` as typed, else None.

    Anything but `male` and `female` (unknown, other) agrees, and so does a bis number without known sex.
    """
    if number.sex is None or sex not in ("male", "female") or sex == number.sex:
        return None
    return _("The national number says another sex than the one given: check both.")


def _century(digits: str) -> int | None:
    # 2,000,000,000 is no multiple of 97, so at most one of the two can be right.
    for century, from_2000 in ((1900, False), (2000, True)):
        if check_digits(digits[:9], born_from_2000=from_2000) == digits[9:]:
            return century
    return None


def _birth(year: int, month: int, day: int) -> PartialDate:
    if month == 0:
        # The register writes a birth date of which nothing is known as 1900-00-01.
        return PartialDate(None) if year == 1900 else PartialDate(year)
    if day == 0:
        return PartialDate(year, month)
    if day > calendar.monthrange(year, month)[1]:
        raise InvalidNationalNumber(_("The first six digits of a national number are a birth date."), code="date")
    return PartialDate(year, month, day)
