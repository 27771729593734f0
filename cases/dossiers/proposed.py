"""Proposals of pasted texts as answers of a dossier: which question they fill, and what stands there already.

The map is data (`proposed.yaml`). Pure: nothing is stored here, and nothing is an answer before somebody ticked it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Final, Literal, Self

from pydantic import model_validator

from cases.coding import tnm
from cases.coding.errors import InvalidTNM
from cases.coding.proposals import FIELDS
from cases.coding.proposals.comparing import Said, Text
from cases.coding.words import Definition, read_yaml
from cases.dossiers.definition import OTHER, Dossier, Field, dossier

Source = Literal["pathology", "imaging", "letter"]
SOURCES: Final[tuple[Source, ...]] = ("pathology", "imaging", "letter")

_TNM: Final = ("tnm_prefix", "t", "n", "m", "tnm_edition")
_REACH = 80  # characters between the categories of one classification
_SUFFIX = re.compile(r"[ ]?\((sn|m|f)\)", re.IGNORECASE)
_SENTENCE = re.compile(r"\n|[.;](?=\s)")


class Target(Definition):
    """A question that a proposal may fill; see the head of `proposed.yaml`."""

    field: str
    sources: tuple[Source, ...] = SOURCES
    words: str = ""
    anywhere: str = ""
    nowhere: str = ""
    values: dict[str, str] = {}
    earliest: bool = False
    ticked: bool = True

    def fits(self, source: str, sentence: str, text: str) -> bool:
        """Whether a value that was said in this sentence of this text is meant."""
        return (
            source in self.sources
            and (not self.words or re.search(self.words, sentence.lower()) is not None)
            and (not self.anywhere or re.search(self.anywhere, text.lower()) is not None)
            and (not self.nowhere or re.search(self.nowhere, text.lower()) is None)
        )


class ProposalMap(Definition):
    """What the proposals fill in one dossier."""

    dossier: str
    texts: dict[str, str]
    prefix: dict[str, str]
    fields: dict[str, tuple[Target, ...]]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        form = dossier(self.dossier)
        asked = {one.key: one for one in form.fields("tumour")}
        if set(self.texts) != set(SOURCES) or set(self.prefix) != set(SOURCES):
            raise ValueError(f"{self.dossier}: each of {SOURCES} needs its question and its prefix")
        if unknown := set(self.texts.values()) - {one.key for one in form.fields("case")}:
            raise ValueError(f"{self.dossier}: the case has no questions {sorted(unknown)}")
        if unknown := set(self.fields) - (set(FIELDS) - set(_TNM)):
            raise ValueError(f"{self.dossier}: nothing proposes {sorted(unknown)}")
        for name, targets in self.fields.items():
            for target in targets:
                if target.field not in asked:
                    raise ValueError(f"{self.dossier}.{name}: there is no question {target.field}")
                if unknown := set(target.values.values()) - set(form.values(asked[target.field])):
                    raise ValueError(f"{self.dossier}.{name}: {target.field} has no answers {sorted(unknown)}")
        return self


@cache
def _maps() -> dict[str, ProposalMap]:
    found = [ProposalMap.model_validate(each) for each in read_yaml("cases.dossiers", "proposed.yaml")]
    return {each.dossier: each for each in found}


def proposal_map(dossier_code: str) -> ProposalMap:
    """The map of a dossier. Raises `KeyError` for one that has none."""
    return _maps()[dossier_code]


@dataclass(frozen=True, slots=True)
class Place:
    """Characters of one of the texts."""

    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Offer:
    """Answers that a text offers for one question about one tumour of the texts (numbered as `together` does).

    `answers` are canonical; a morphology that the list does not hold brings its own code along. `assumed` is the TNM edition
    where no text states one. Not `ticked` by itself where somebody has to think first.
    """

    tumour: int
    field: str
    answers: Mapping[str, Any]
    places: tuple[Place, ...]
    assumed: str = ""
    ticked: bool = True
    earliest: bool = False


def offers(definition: Dossier, texts: Sequence[Text], said: Sequence[Said], *, today: date) -> list[Offer]:
    """What the texts offer, by tumour and in the order of the form; several of one question where they differ.

    What the dossier does not ask, cannot hold, or what lies in the future is left out. Overruled words offer nothing.
    """
    known = proposal_map(definition.dossier)
    asked = {one.key: one for one in definition.fields("tumour")}
    written = {text.name: text.text for text in texts}
    found: dict[tuple[int, str, str], Offer] = {}
    for offer in (
        *_values(known, definition, asked, written, said, today),
        *_classifications(known, definition, texts, said),
    ):
        key = (offer.tumour, offer.field, repr(sorted(offer.answers.items())))
        same = found.get(key)
        found[key] = offer if same is None else _with_places(same, offer.places)
    kept = [one for one in found.values() if not one.earliest or one is _earliest(found.values(), one)]
    order = list(asked)
    return sorted(kept, key=lambda one: (one.tumour, order.index(one.field)))


def without(definition: Dossier, said: Sequence[Said], offered: Sequence[Offer]) -> list[Said]:
    """What the texts say that no offer holds, dates and the parts of a classification left aside: it has no place in the dossier."""
    held = {place for offer in offered for place in offer.places}
    fields = proposal_map(definition.dossier).fields
    return [
        one
        for one in said
        if not one.overruled
        and one.proposal.field not in ("date", "tnm_prefix", "tnm_edition")
        and Place(one.text, one.proposal.start, one.proposal.end) not in held
        and not (one.proposal.field in fields and fields[one.proposal.field][0].earliest)
    ]


def merged(now: Any, offered: Any) -> Any:
    """The answer after taking an offer: a classification keeps the categories of its edition that the text does not name."""
    if isinstance(now, Mapping) and isinstance(offered, Mapping) and now.get("edition") == offered.get("edition"):
        return {
            axis: (dict(now) | dict(offered))[axis] for axis in ("edition", "t", "n", "m") if axis in {*now, *offered}
        }
    return offered


def contradicts(now: Any, after: Any) -> bool:
    """Whether an answer is replaced; one that is empty, or a classification that only grows, is not."""
    if now in (None, "", []):
        return False
    if isinstance(now, Mapping) and isinstance(after, Mapping):
        return any(after.get(axis) != value for axis, value in now.items())
    return bool(now != after)


# --- pieces ------------------------------------------------------------------------------------------------------------


def _with_places(offer: Offer, more: Sequence[Place]) -> Offer:
    places = tuple(dict.fromkeys((*offer.places, *more)))
    return Offer(offer.tumour, offer.field, offer.answers, places, offer.assumed, offer.ticked, offer.earliest)


def _earliest(found: Any, offer: Offer) -> Offer:
    rivals = [one for one in found if (one.tumour, one.field) == (offer.tumour, offer.field)]
    return min(rivals, key=lambda one: str(one.answers[one.field]))


def _sentence(text: str, start: int, end: int) -> str:
    before = [match.end() for match in _SENTENCE.finditer(text, max(0, start - 200), start)]
    after = _SENTENCE.search(text, end, end + 200)
    return text[before[-1] if before else max(0, start - 200) : after.start() if after else end + 200]


def _values(
    known: ProposalMap,
    definition: Dossier,
    asked: Mapping[str, Field],
    written: Mapping[str, str],
    said: Sequence[Said],
    today: date,
) -> Iterator[Offer]:
    for one in said:
        proposal = one.proposal
        sentence = _sentence(written[one.text], proposal.start, proposal.end)
        targets = known.fields.get(proposal.field, ())
        target = next((each for each in targets if each.fits(one.text, sentence, written[one.text])), None)
        if one.overruled or target is None:
            continue
        answers = _answers(
            definition, asked[target.field], target.values.get(str(proposal.value), proposal.value), today
        )
        if answers:
            place = Place(one.text, proposal.start, proposal.end)
            yield Offer(one.tumour, target.field, answers, (place,), "", target.ticked, target.earliest)


def _answers(definition: Dossier, asked: Field, value: Any, today: date) -> dict[str, Any]:
    """The value as the question stores it; empty where it cannot."""
    match asked.kind:
        case "choice":
            return {asked.key: str(value)} if str(value) in definition.values(asked) else {}
        case "code":
            if value in definition.values(asked):
                return {asked.key: value}
            other = f"{asked.key}_other"
            has_other = asked.codes == "morphology" and any(one.key == other for one in definition.fields("tumour"))
            return {asked.key: OTHER, other: value} if has_other else {}
        case "integer" | "decimal":
            inside = float(asked.minimum or 0) <= float(value) <= float(asked.maximum or 0)
            whole = float(value) == int(value)
            if not inside or (asked.kind == "integer" and not whole):
                return {}
            return {asked.key: int(value) if asked.kind == "integer" else f"{value:g}"}
        case "date":
            return {asked.key: value} if str(value) <= today.isoformat() else {}
    return {}


@dataclass
class _Classification:
    """The categories of one tumour under one prefix that stand beside each other, or agree."""

    axes: dict[str, tuple[str, str]]  # by axis: as written, and what may stand behind it
    places: list[Place] = field(default_factory=list)
    editions: set[str] = field(default_factory=set)

    def agrees(self, other: "_Classification") -> bool:
        return all(self.axes[axis][0] == value[0] for axis, value in other.axes.items() if axis in self.axes) and (
            len(self.editions | other.editions) <= 1
        )


def _classifications(
    known: ProposalMap, definition: Dossier, texts: Sequence[Text], said: Sequence[Said]
) -> Iterator[Offer]:
    questions = {prefix: one for one in definition.fields("tumour") if one.kind == "tnm" for prefix in one.prefixes}
    found: dict[tuple[int, str], list[_Classification]] = {}
    for text in texts:
        stated = [one for one in said if one.text == text.name and one.proposal.field == "tnm_edition"]
        for tumour, prefix, chain in _chains(known, text, said):
            if prefix not in questions:
                continue
            near = min(stated, key=lambda one: abs(one.proposal.start - chain.places[0].start), default=None)
            if near is not None:
                chain.editions.add(str(near.proposal.value))
                chain.places.append(Place(text.name, near.proposal.start, near.proposal.end))
            agreeing = next((one for one in found.get((tumour, prefix), ()) if one.agrees(chain)), None)
            if agreeing is None:
                found.setdefault((tumour, prefix), []).append(chain)
            else:
                agreeing.axes = chain.axes | agreeing.axes
                agreeing.places += chain.places
                agreeing.editions |= chain.editions
    site = definition.site
    newest = tnm.site_definition(site).editions[0]
    for (tumour, prefix), classifications in found.items():
        for each in classifications:
            edition = next(iter(each.editions), newest)
            value = _parsed(each, edition, site, questions[prefix].prefixes)
            if value:
                assumed = "" if each.editions else newest
                key = questions[prefix].key
                yield Offer(tumour, key, {key: value}, tuple(dict.fromkeys(each.places)), assumed)


def _chains(known: ProposalMap, text: Text, said: Sequence[Said]) -> Iterator[tuple[int, str, _Classification]]:
    """The classifications of one text: tumour, prefix and the categories that stand beside each other."""
    chain: _Classification | None = None
    tumour, prefix, end = 0, "", -_REACH - 1
    for one in (each for each in said if each.text == text.name and each.proposal.field in ("t", "n", "m")):
        proposal, axis = one.proposal, one.proposal.field
        own = one.prefix or known.prefix[text.name]
        near = proposal.start - end <= _REACH and one.tumour == tumour
        goes_on = chain is not None and near and axis not in chain.axes and (axis == "m" or own == prefix)
        if chain is None or not goes_on:
            if chain is not None:
                yield tumour, prefix, chain
            # Metastasis is clinical unless the text says otherwise; alone it follows the text's own kind.
            chain, tumour, prefix = _Classification({}), one.tumour, own if axis != "m" else known.prefix[text.name]
        behind = _SUFFIX.match(text.text, proposal.end)
        head = ("p" if one.prefix == "p" and proposal.value != "0" else "c") if axis == "m" else prefix
        chain.axes[axis] = (f"{head}{axis.upper()}{proposal.value}", f"({behind[1].lower()})" if behind else "")
        chain.places.append(Place(text.name, proposal.start, proposal.end))
        end = proposal.end
    if chain is not None:
        yield tumour, prefix, chain


def _parsed(found: _Classification, edition: str, site: str, prefixes: tuple[str, ...]) -> dict[str, str]:
    """As the question stores it; a category that the book does not know is left out, whatever stands behind one too."""
    parts = []
    for axis in ("t", "n", "m"):
        if axis in found.axes:
            value, behind = found.axes[axis]
            parts += [next((each for each in (value + behind, value) if _reads(each, edition, site)), "")]
    text = " ".join(filter(None, parts))
    try:
        return tnm.parse(text, edition=edition, site=site, prefixes=prefixes).as_json()
    except InvalidTNM:
        return {}


def _reads(text: str, edition: str, site: str) -> bool:
    try:
        tnm.parse(text, edition=edition, site=site)
    except InvalidTNM:
        return False
    return True


_maps()  # a broken map stops the start, not the first text
