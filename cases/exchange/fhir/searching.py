"""What a search by FHIR R4 asks for: its parameters, moments with their prefixes, and the place where the next page begins.

Pure but for the site's secret, by which a cursor is signed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core import signing
from django.db.models import Q
from django.utils.translation import gettext as _

from cases.exchange.fhir.writing import Json
from mdo.kernel.errors import Invalid

MOST: Final = 100
USUAL: Final = 50
LONGEST: Final = 500  # characters of one value
ALWAYS: Final = ("_count", "_cursor", "_summary", "_format")
PRIVATE: Final = ("identifier",)  # sent in a body so that it stands in no address, and so never written into one by us
_ZONE = ZoneInfo("Europe/Brussels")  # of a moment that comes without one
_PREFIXES: Final = ("eq", "ge", "gt", "le", "lt", "sa", "eb")


class Misread(Invalid):
    """A search that cannot be understood: 400, as FHIR says."""

    status = 400


@dataclass(frozen=True)
class Search:
    """One search. ``values`` holds what was asked by the name of the parameter; several of one name all have to hold."""

    kind: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    count: int = USUAL
    summary: bool = False  # how many there are, and none of them
    after: tuple[Any, ...] = ()  # the key after which the page begins

    def one(self, name: str) -> str | None:
        """The value of a parameter that may be given once. Raises ``Misread`` for more."""
        found = self.values.get(name, ())
        if len(found) > 1:
            raise Misread({name: [_("Give this once.")]})
        return found[0] if found else None

    def identifier(self, name: str) -> UUID | None:
        """An id, or a reference that ends in one (``Patient/…``). Another text names nothing: ``UUID(int=0)``."""
        text = self.one(name)
        if text is None:
            return None
        return uuid_of(text.rsplit("/", 1)[-1])

    def codes(self, name: str, known: Iterable[str]) -> frozenset[str] | None:
        """Codes with commas between them, each of which would do. Raises ``Misread`` for one that FHIR does not know here."""
        text = self.one(name)
        if text is None:
            return None
        asked = frozenset(each.rsplit("|", 1)[-1] for each in text.split(","))
        if not asked <= frozenset(known):
            raise Misread({name: [_("There is no such code.")]})
        return asked

    def moments(self, name: str, column: str) -> Q:
        """What every date of a parameter asks of ``column``, a moment."""
        found = Q()
        for text in self.values.get(name, ()):
            found &= _moment(name, text, column)
        return found


def read_search(
    kind: str, known: Iterable[str], sent: Iterable[tuple[str, str]], *, strict: bool, reader: UUID
) -> Search:
    """The search that was sent, as pairs. An unknown parameter is left out, or refused where ``strict``. A cursor is of one token and one
    search only. Raises ``Misread``."""
    values: dict[str, list[str]] = {}
    known = frozenset(known)
    for name, value in sent:
        if name not in known and name not in ALWAYS:
            if strict:
                raise Misread({"": [_("This search parameter is not known here: see /fhir/metadata.")]})
            continue
        if len(value) > LONGEST or "\x00" in value:
            raise Misread({name: [_("This value cannot be read.")]})
        values.setdefault(name, []).append(value)
    given = {name: tuple(found) for name, found in values.items() if name in known}
    search = Search(
        kind,
        given,
        _count(values.get("_count", [])),
        _summary(values.get("_summary", [])),
    )
    cursors = values.get("_cursor", [])
    if cursors:
        after = _opened(cursors[-1], search, reader)
        search = Search(kind, given, search.count, search.summary, after)
    return search


def _count(found: list[str]) -> int:
    if not found:
        return USUAL
    try:
        count = int(found[-1])
    except ValueError:
        count = -1
    if count < 0:
        raise Misread({"_count": [_("Give a number, from 0 to %(count)d.") % {"count": MOST}]})
    return min(count, MOST)


def _summary(found: list[str]) -> bool:
    if found and found[-1] not in ("count", "false"):
        raise Misread({"_summary": [_("Only “count” and “false” are known here.")]})
    return bool(found) and found[-1] == "count"


def cursor(search: Search, key: tuple[Any, ...], reader: UUID) -> str:
    """Where the page after ``key`` begins, signed for this token and this search."""
    return signing.dumps([str(part) for part in key], salt=_salt(search, reader))


def _opened(text: str, search: Search, reader: UUID) -> tuple[str, ...]:
    try:
        return tuple(signing.loads(text, salt=_salt(search, reader)))
    except signing.BadSignature:
        raise Misread({"_cursor": [_("This place is not of this search. Begin again.")]}) from None


def _salt(search: Search, reader: UUID) -> str:
    asked = sorted((name, value) for name, found in search.values.items() for value in found)
    return f"mdo.fhir:{reader}:{search.kind}:{urlencode(asked)}"


def uuid_of(text: str) -> UUID:
    """The id that a text spells as FHIR does; for another text one that nothing has."""
    try:
        found = UUID(text)
    except ValueError:
        return UUID(int=0)
    return found if str(found) == text else UUID(int=0)


# --- moments -----------------------------------------------------------------------------------------------------------


def _moment(name: str, text: str, column: str) -> Q:
    prefix = text[:2] if text[:2].isalpha() else "eq"
    said = text[2:] if text[:2].isalpha() else text
    span = _span(said)
    if span is None or prefix not in _PREFIXES:
        raise Misread({name: [_("There is no such date.")]})
    start, end = span
    wanted = {
        "eq": {f"{column}__gte": start, f"{column}__lt": end},
        "ge": {f"{column}__gte": start},
        "gt": {f"{column}__gte": end},
        "sa": {f"{column}__gte": end},
        "le": {f"{column}__lt": end},
        "lt": {f"{column}__lt": start},
        "eb": {f"{column}__lt": start},
    }
    return Q(**wanted[prefix])


def _span(text: str) -> tuple[datetime, datetime] | None:
    """From when until when (not included) a date lasts: a year, a month, a day, or a moment with its zone, of a second or less."""
    parts = text.split("-")
    try:
        if "T" in text:
            start = datetime.fromisoformat(text.replace(" ", "+"))
            start = start if start.tzinfo else start.replace(tzinfo=_ZONE)
            step = timedelta(microseconds=1) if start.microsecond else timedelta(seconds=1)
            return start, start + step
        if len(parts) == 1 and len(text) == 4:
            first, last = date(int(text), 1, 1), date(int(text) + 1, 1, 1)
        elif len(parts) == 2 and len(text) == 7:
            first = date(int(parts[0]), int(parts[1]), 1)
            last = (first + timedelta(days=31)).replace(day=1)
        elif len(text) == 10:
            first = date.fromisoformat(text)
            last = first + timedelta(days=1)
        else:
            return None
        return datetime.combine(first, time(), _ZONE), datetime.combine(last, time(), _ZONE)
    except (ValueError, OverflowError):
        return None


# --- the answer --------------------------------------------------------------------------------------------------------


def searchset(
    base: str, search: Search, resources: Iterable[Json], total: int, next_cursor: str | None, *, posted: bool
) -> Json:
    """The Bundle of one page, with its own address and the next one's. What was ``posted`` stands in no address of ours."""
    asked = [
        (name, value) for name, found in search.values.items() for value in found if not (posted and name in PRIVATE)
    ]
    asked += [("_summary", "count")] if search.summary else [("_count", str(search.count))]
    links = [{"relation": "self", "url": f"{base}/{search.kind}?{urlencode(asked)}"}]
    if next_cursor is not None:
        links.append(
            {"relation": "next", "url": f"{base}/{search.kind}?{urlencode([*asked, ('_cursor', next_cursor)])}"}
        )
    entries = [
        {
            "fullUrl": f"{base}/{each['resourceType']}/{each['id']}",
            "resource": each,
            "search": {"mode": "match"},
        }
        for each in resources
    ]
    found: Json = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    return found | ({"entry": entries} if entries else {})
