"""TNM categories as values: prefix, T, N, M, and the edition by which they were given.

Sources: UICC, *TNM Classification of Malignant Tumours*, general rules (prefixes c, p, y, r, a; `cM0` is never `pM0`;
MX does not exist since the seventh edition) and the site's chapter, which lies beside this file as data. A value never
travels without its edition, since the same letters mean other things in another one. No stage is derived here: see
`cases.coding.stage`. A tumour without a chapter of ours is read by the site `general`, which checks nothing but form.

    >>> str(parse("cT2 N1 M0", edition="8"))
    'cT2 cN1 cM0'
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _
from pydantic import model_validator

from cases.coding.errors import InvalidTNM
from cases.coding.words import Definition, Words, in_language, read_yaml

Axis = Literal["T", "N", "M"]
Basis = Literal["clinical", "pathological"]

AXES: tuple[Axis, ...] = ("T", "N", "M")
PREFIXES: dict[str, Basis] = {
    "c": "clinical",
    "p": "pathological",
    "yc": "clinical",
    "yp": "pathological",
    "r": "clinical",
    "rc": "clinical",
    "rp": "pathological",
    "a": "pathological",
}
GENERAL = "general"
SITES = ("breast", "lung", "colorectal", "prostate", GENERAL)
LONGEST = 80

_CATEGORY = re.compile(
    r"(?P<prefix>y?[cp]|r[cp]?|a)?(?P<axis>[TNM])(?P<value>X|is|a(?![a-lo-z])|[0-9](?:mi(?:c)?|[a-e][0-9]?)?)"
    r"(?P<parentheses>(?:\([^()]{1,10}\))*)",
    re.IGNORECASE,
)
_IN_PARENTHESES = re.compile(r"\(([^()]+)\)")
_PREFIXED = re.compile(r"N[0-9X][^cM]*cM", re.IGNORECASE)
# What stands between categories when they are copied from a report.
_BETWEEN = re.compile(r"[\s,;/|_.-]*")
_MORPHOLOGY = re.compile(r"\A[89][0-9]{3}/[0-9]\Z")
# What may follow a value and says how it was found: several tumours, sentinel node, fine needle.
_SUFFIXES: dict[Axis, re.Pattern[str]] = {
    "T": re.compile(r"\A(?:m|[2-9]|[1-9][0-9])\Z"),
    "N": re.compile(r"\A(?:sn|f)\Z"),
    "M": re.compile(r"(?!)"),
}


class CategoryDefinition(Definition):
    """One category of a site, as the data file holds it."""

    value: str
    words: Words
    of: tuple[Basis, ...] = ("clinical", "pathological")
    editions: tuple[str, ...] | None = None


class SiteDefinition(Definition):
    """The categories of a site in every edition that is known, the newest edition first.

    `topographies` and `morphologies` (from, to) say for which tumours the chapter is. An `open` site takes any value.
    """

    site: str
    editions: tuple[str, ...]
    topographies: tuple[str, ...] = ()
    morphologies: tuple[tuple[int, int], ...] = ()
    open: bool = False
    t: tuple[CategoryDefinition, ...]
    n: tuple[CategoryDefinition, ...]
    m: tuple[CategoryDefinition, ...]

    @model_validator(mode="after")
    def _unambiguous(self) -> "SiteDefinition":
        for axis in AXES:
            seen: set[tuple[str, str, str]] = set()
            for category in self.categories(axis):
                if not set(category.editions or self.editions) <= set(self.editions):
                    raise ValueError(f"{axis}{category.value} names an unknown edition")
                for edition in category.editions or self.editions:
                    for basis in category.of:
                        if (category.value, edition, basis) in seen:
                            raise ValueError(f"{axis}{category.value} stands twice")
                        seen.add((category.value, edition, basis))
        return self

    def categories(self, axis: Axis) -> tuple[CategoryDefinition, ...]:
        """All categories of an axis, in the order of the book."""
        return {"T": self.t, "N": self.n, "M": self.m}[axis]

    def is_for(self, topography: str, morphology: str) -> bool:
        """Whether the chapter is for a tumour; an unknown morphology is taken for one that fits."""
        if not any(topography == code or topography.startswith(f"{code}.") for code in self.topographies):
            return False
        return not morphology or any(first <= int(morphology[:4]) <= last for first, last in self.morphologies)

    def known(self, axis: Axis, value: str, basis: Basis, edition: str) -> str | None:
        """The value as the book writes it, or None."""
        if self.open:
            return value if value[0] in "X01234ia" else None
        found = self.find(axis, value, basis, edition)
        return None if found is None else found.value

    def find(self, axis: Axis, value: str, basis: Basis, edition: str) -> CategoryDefinition | None:
        """The category, compared without regard to capitals, or None."""
        for category in self.categories(axis):
            if (
                category.value.lower() == value.lower()
                and basis in category.of
                and edition in (category.editions or self.editions)
            ):
                return category
        return None


@cache
def site_definition(site: str = "breast") -> SiteDefinition:
    """The categories of a site. Raises `KeyError` for a site that has none."""
    if site not in SITES:
        raise KeyError(site)
    return SiteDefinition.model_validate(read_yaml("cases.coding", f"tnm_{site}.yaml"))


def site_of(topography: str | None, morphology: str | None = None) -> str:
    """The site whose chapter is for a tumour, by its ICD-O-3 codes; `general` where none of ours is."""
    known = morphology if morphology and _MORPHOLOGY.match(morphology) else ""
    return next((site for site in SITES if site_definition(site).is_for(topography or "", known)), GENERAL)


def editions(site: str = "breast") -> tuple[str, ...]:
    """The editions known for a site, the newest first."""
    return site_definition(site).editions


@dataclass(frozen=True, slots=True)
class Category:
    """One category, such as `ypN0(sn)`: axis N, prefix `yp`, value `0`, suffixes `("sn",)`."""

    axis: Axis
    prefix: str
    value: str
    suffixes: tuple[str, ...] = ()

    @property
    def basis(self) -> Basis:
        return PREFIXES[self.prefix]

    def __str__(self) -> str:
        return f"{self.prefix}{self.axis}{self.value}" + "".join(f"({suffix})" for suffix in self.suffixes)


@dataclass(frozen=True, slots=True)
class TNM:
    """At least one category, the edition that gave them, and the site to which they belong."""

    edition: str
    t: Category | None = None
    n: Category | None = None
    m: Category | None = None
    site: str = "breast"

    @property
    def categories(self) -> tuple[Category, ...]:
        return tuple(category for category in (self.t, self.n, self.m) if category is not None)

    @property
    def is_complete(self) -> bool:
        """Whether T, N and M are all there."""
        return len(self.categories) == len(AXES)

    def __str__(self) -> str:
        return " ".join(str(category) for category in self.categories)

    def words(self, language: str | None) -> str:
        """What the categories mean, in a language: `tumour > 20 mm and ≤ 50 mm; …`."""
        site = site_definition(self.site)
        found = (site.find(c.axis, c.value, c.basis, self.edition) for c in self.categories)
        return "; ".join(in_language(category.words, language) for category in found if category is not None)

    def as_json(self) -> dict[str, str]:
        """`{"edition": "8", "t": "cT2", "n": "cN1", "m": "cM0"}`; a missing category has no key."""
        return {"edition": self.edition} | {category.axis.lower(): str(category) for category in self.categories}


def from_json(data: Mapping[str, Any], *, site: str = "breast") -> TNM:
    """The reverse of `TNM.as_json`. Raises `InvalidTNM`, also for keys and types that do not belong."""
    if not set(data) <= {"edition", "t", "n", "m"} or not all(isinstance(value, str) for value in data.values()):
        raise InvalidTNM(_("A TNM classification has an edition and the categories T, N and M."), code="shape")
    tnm = parse(
        " ".join(data[axis] for axis in ("t", "n", "m") if axis in data), edition=data.get("edition"), site=site
    )
    if set(tnm.as_json()) != set(data):
        raise InvalidTNM(_("A TNM classification has an edition and the categories T, N and M."), code="shape")
    return tnm


def parse(
    text: str,
    *,
    edition: str | None,
    site: str = "breast",
    default_prefix: str | None = None,
    prefixes: tuple[str, ...] = tuple(PREFIXES),
) -> TNM:
    """The classification in `text`: `cT2 N1 M0`, `pT1c(m)N0(sn)`, `ypT0, ypN0, cM0`.

    A prefix holds for the categories after it until the next one; `default_prefix` holds where none was written.
    `prefixes` are the ones that may be used for T and N. M never takes over a `p` or a `y`: M0 is always `cM0`, and M1
    behind a pathological T must say itself whether it is `cM1` or `pM1`.

    Raises `InvalidTNM` with a sentence. `edition` None is refused: a value without its edition says nothing.
    """
    definition = site_definition(site)
    if edition not in definition.editions:
        raise InvalidTNM(_("Choose the edition of the TNM classification."), code="edition")
    if len(text) > LONGEST:
        raise InvalidTNM(_("A TNM classification is shorter, like cT2 N1 M0."), code="length")
    found: dict[Axis, Category] = {}
    prefix = default_prefix
    position = _end_of_gap(text, 0)
    while position < len(text):
        match = _CATEGORY.match(text, position)
        if match is None:
            raise InvalidTNM(
                _("“%(text)s” is no TNM category: write it like cT2 N1 M0."),
                code="syntax",
                params={"text": text[position : position + 12]},
            )
        match, category = _read(match, prefix, definition, edition)
        if match["prefix"] and category.axis != "M":
            prefix = match["prefix"].lower()
        if category.axis != "M" and category.prefix not in prefixes:
            raise InvalidTNM(
                _("%(category)s does not belong here: the prefix must be %(prefixes)s."),
                code="prefix",
                params={"category": str(category), "prefixes": ", ".join(prefixes)},
            )
        if category.axis in found:
            raise InvalidTNM(
                _("There are two %(axis)s categories: keep one."), code="twice", params={"axis": category.axis}
            )
        found[category.axis] = category
        position = _end_of_gap(text, match.end())
    if not found:
        raise InvalidTNM(_("Write at least one TNM category, like cT2."), code="empty")
    return TNM(edition=edition, t=found.get("T"), n=found.get("N"), m=found.get("M"), site=site)


def _end_of_gap(text: str, position: int) -> int:
    gap = _BETWEEN.match(text, position)
    return gap.end() if gap else position


def _read(
    match: re.Match[str], inherited: str | None, definition: SiteDefinition, edition: str
) -> tuple[re.Match[str], Category]:
    """The category, and how far it goes: in `cT2cN1` the second c belongs to N1, in `pT1cN0` to the value."""
    follows = match.string[match.end() : match.end() + 1].upper()
    shorter = None
    if match["value"][-1] in "cC" and len(match["value"]) > 1 and not match["parentheses"] and follows in ("N", "M"):
        shorter = _CATEGORY.match(match.string, match.start(), match.end() - 1)
    if shorter is None:
        return match, _category(match, inherited, definition, edition)
    try:
        category = _category(match, inherited, definition, edition)
    except InvalidTNM:
        return shorter, _category(shorter, inherited, definition, edition)
    # In pN1cM0, and in cT2cN0cM0 where every category has its prefix, both are as likely.
    doubtful = follows == "M" or (category.prefix == "c" and _PREFIXED.match(match.string, match.end()))
    if doubtful and definition.known(category.axis, category.value[:-1], category.basis, edition):
        raise InvalidTNM(
            _("“%(text)s” can be read in two ways: put spaces between the categories."),
            code="ambiguous",
            params={"text": match.string[match.start() : match.end() + 2]},
        )
    return match, category


def _axis(letter: str) -> Axis:
    return next(axis for axis in AXES if axis == letter.upper())


def _category(match: re.Match[str], inherited: str | None, definition: SiteDefinition, edition: str) -> Category:
    axis = _axis(match["axis"])
    value = match["value"].lower().replace("x", "X").replace("mic", "mi")
    written = match["prefix"].lower() if match["prefix"] else None
    prefix = _metastasis_prefix(written, inherited, value) if axis == "M" else written or inherited
    if prefix is None:
        raise InvalidTNM(
            _("Say how %(category)s was found: write cT… for clinical or pT… for pathological."),
            code="prefix",
            params={"category": f"{axis}{value}"},
        )
    suffixes: list[str] = []
    for inner in _IN_PARENTHESES.findall(match["parentheses"]):
        # (i+), (DCIS) and the like are part of the value; (sn) and (m) are not.
        is_suffix = _SUFFIXES[axis].match(inner.lower()) is not None
        belongs = not suffixes and "(" not in value and not (definition.open and is_suffix)
        if belongs and definition.known(axis, f"{value}({inner})", PREFIXES[prefix], edition):
            value = f"{value}({inner})"
        elif is_suffix and inner.lower() not in suffixes:
            suffixes.append(inner.lower())
        else:
            raise InvalidTNM(
                _("“%(suffix)s” does not belong behind %(category)s."),
                code="suffix",
                params={"suffix": f"({inner})", "category": f"{axis}{value}"},
            )
    known = definition.known(axis, value, PREFIXES[prefix], edition)
    if known is None:
        raise InvalidTNM(
            _("%(category)s is no category of this tumour in edition %(edition)s of the TNM classification."),
            code="category",
            params={"category": f"{prefix}{axis}{value}", "edition": edition},
        )
    return Category(axis=axis, prefix=prefix, value=known, suffixes=tuple(suffixes))


def _metastasis_prefix(written: str | None, inherited: str | None, value: str) -> str:
    if value == "X":
        raise InvalidTNM(_("MX does not exist: leave M out when it was not examined."), code="category")
    if written in ("c", "p"):
        if written == "p" and value == "0":
            raise InvalidTNM(_("M0 is always clinical: write cM0."), code="category")
        return written
    if written is not None:
        raise InvalidTNM(_("M takes only the prefix c or p: write cM0, cM1 or pM1."), code="prefix")
    if value == "0" or inherited is None or PREFIXES[inherited] == "clinical":
        return "c"
    raise InvalidTNM(_("Say how the metastasis was found: write cM1 or pM1."), code="prefix")
