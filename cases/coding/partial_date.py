"""A date of which the day, the month or even the year may be unknown."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class PartialDate:
    """Year, month 1–12 and day 1–31; a missing part makes every smaller part missing too."""

    year: int | None
    month: int | None = None
    day: int | None = None

    def __post_init__(self) -> None:
        if (self.year is None and self.month is not None) or (self.month is None and self.day is not None):
            raise ValueError("A month needs its year and a day needs its month.")
        if self.year is not None:
            date(self.year, self.month or 1, self.day or 1)

    @property
    def is_complete(self) -> bool:
        return self.day is not None

    @property
    def is_unknown(self) -> bool:
        return self.year is None

    def as_date(self) -> date | None:
        """The date itself when it is complete."""
        if self.year is None or self.month is None or self.day is None:
            return None
        return date(self.year, self.month, self.day)

    def agrees_with(self, other: date) -> bool:
        """Whether every part that is known equals that part of `other`."""
        return (
            (self.year is None or self.year == other.year)
            and (self.month is None or self.month == other.month)
            and (self.day is None or self.day == other.day)
        )

    def is_after(self, other: date) -> bool:
        """Whether the date lies after `other` whatever its unknown parts are."""
        if self.year is None:
            return False
        known = tuple(part for part in (self.year, self.month, self.day) if part is not None)
        return known > (other.year, other.month, other.day)[: len(known)]

    def __str__(self) -> str:
        """ISO 8601 with reduced precision: `1965-04-12`, `1965-04`, `1965`, or an empty text."""
        if self.year is None:
            return ""
        parts = [f"{self.year:04d}"]
        parts += [f"{part:02d}" for part in (self.month, self.day) if part is not None]
        return "-".join(parts)
