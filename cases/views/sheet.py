"""What pasted texts propose for a case: each offer beside its words and beside what stands, and which are ticked."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from django.http import QueryDict
from django.utils.translation import gettext as _

from cases.coding import national_number
from cases.coding.errors import InvalidNationalNumber
from cases.coding.proposals.comparing import Said, Text, changes, contradictions, read, together
from cases.coding.proposals.dates import birth_dates
from cases.dossiers import DossierForm, display, form_class, initial
from cases.dossiers.derived import contradicted
from cases.dossiers.fields import choice_words
from cases.dossiers.proposed import (
    SOURCES,
    Offer,
    Place,
    contradicts,
    merged,
    offers,
    proposal_map,
    without,
)
from cases.dossiers.worklists import offered_numbers
from cases.forms import PasteForm
from cases.models import Case, Discussion, Patient, Tumour
from cases.queries import case_referrals
from cases.views.dossier import definition, heads, missing_for
from cases.views.pages import language
from cases.views.since import last_discussion, tumours_then
from mdo.directory.access import today
from mdo.directory.models import Person

NEW: Final = "new"
NONE: Final = "none"
_NUMBER = re.compile(r"(?<![0-9])[0-9]{2}[. -]?[0-9]{2}[. -]?[0-9]{2}[ -]?[0-9]{3}[. -]?[0-9]{2}(?![0-9])")


@dataclass
class Choice:
    """One offer as the page shows it: what would stand, what stands, and whether it is ticked."""

    key: str
    offer: Offer
    answers: dict[str, Any]
    words: str
    now: str
    state: str
    """`new`, `same` or `change`: what taking it does to what stands."""
    then: str = ""
    """What was discussed last, where taking this says something else."""
    refused: str = ""
    """Why the dossier would not take it."""
    ticked: bool = False
    quote: str = ""
    more: int = 0
    """In how many further places the texts say it."""
    source: str = ""


@dataclass
class Question:
    """One question about one tumour with everything that is offered for it: a tick, or one of several."""

    key: str
    name: str
    label: str
    choices: list[Choice]
    contradiction: bool = False
    nothing: bool = True
    """Whether none of several is chosen."""

    @property
    def several(self) -> bool:
        return len(self.choices) > 1


@dataclass
class Group:
    """A tumour of the texts, and the tumour of the dossier that it is taken for."""

    number: int
    target: str
    targets: list[tuple[str, str]]
    questions: list[Question]


@dataclass(frozen=True)
class Piece:
    """A stretch of a text with the offers that it supports, by their keys."""

    text: str
    keys: str = ""
    anchor: str = ""
    first: str = ""


@dataclass(frozen=True)
class NumberChoice:
    """A report number that a text holds and the dossier does not yet."""

    field: str
    label: str
    number: str
    ticked: bool


@dataclass
class Sheet:
    """Everything that the texts propose for a case."""

    digest: str
    current: bool
    """Whether the ticks that were sent stood beside these very texts."""
    groups: list[Group]
    texts: list[dict[str, Any]]
    left: list[dict[str, Any]]
    against: list[dict[str, Any]]
    stranger: bool
    named: bool
    form: DossierForm
    asked: list[Any]
    numbers: list[NumberChoice]
    last: Discussion | None = None
    """The discussion with which it is compared."""

    @property
    def count(self) -> int:
        return sum(len(question.choices) for group in self.groups for question in group.questions)


def made_sheet(by: Person, case: Case, tumours: Sequence[Tumour], form: PasteForm, sent: QueryDict) -> Sheet:
    dossier = definition(case)
    texts = [read(source, form.cleaned_data[source]) for source in SOURCES if form.cleaned_data[source]]
    said = together(texts, known=[_known(tumour.data) for tumour in tumours])
    offered = offers(dossier, texts, said, today=today())
    stranger = any(_names_another(text.text, case.patient) for text in texts)
    taking = sent.get("ticks") == digest(texts)  # ticks belong to the texts beside which they stood
    last = last_discussion(by, case)
    then = tumours_then(last, case, tumours) if last is not None else {}
    groups = _groups(case, tumours, offered, said, sent, then, taking=taking, trusted=not stranger)
    more = _more(case, tumours, by, texts, sent)
    written = {text.name: text.text for text in texts}
    sheet = Sheet(
        digest=digest(texts),
        current=taking,
        groups=groups,
        texts=[],
        left=[_left(one, written) for one in without(dossier, said, offered)],
        against=_once(_left(one, written) for one in said if one.overruled),
        stranger=stranger,
        named=any(case.patient.family_name.casefold() in text.text.casefold() for text in texts),
        form=more[0],
        asked=more[1],
        numbers=_numbers(case, texts, sent.getlist("number") if taking else None, trusted=not stranger),
        last=last,
    )
    keys: dict[Place, list[str]] = {}
    labels: dict[str, str] = {source: str(form.fields[source].label) for source in SOURCES}
    for choice in (each for group in groups for question in group.questions for each in question.choices):
        for place in choice.offer.places:
            keys.setdefault(place, []).append(choice.key)
        first = choice.offer.places[0]
        choice.quote = " ".join(written[first.text][first.start : first.end].split())
        choice.more, choice.source = len(choice.offer.places) - 1, labels[first.text]
    for text in texts:
        keep = question_of(case, text.name)
        stands = bool(case.data.get(keep))
        asked = next(one for one in dossier.fields("case") if one.key == keep)
        name = f"keep-{text.name}"
        sheet.texts.append(
            {
                "name": text.name,
                "label": labels[text.name],
                "pieces": list(_pieces(text, keys)),
                "keep": name,
                "keep_label": asked.label(language()),
                "stands": stands,
                "kept": sent.get(name) == "on" if taking else not stands and not stranger,
            }
        )
    return sheet


def digest(texts: Sequence[Text]) -> str:
    """Of the texts, to tell whether they are those that were read before."""
    return hashlib.sha256(repr([(text.name, text.text) for text in texts]).encode("utf-8", "replace")).hexdigest()[:32]


def question_of(case: Case, source: str) -> str:
    """The question that keeps the text of this box."""
    return proposal_map(case.dossier).texts[source]


def _known(data: Mapping[str, Any]) -> dict[str, Any]:
    """Side and place of a tumour of the dossier, as the rules name them."""
    return {"laterality": data.get("laterality"), "icdo3_topography": data.get("topography")}


def _names_another(text: str, patient: Patient) -> bool:
    """Whether a date of birth or a valid national number stands in the text that is not the patient's."""
    born = patient.birth_date.isoformat()
    if any(found[2:] != born[2:] for found in birth_dates(text)):  # the century of two digits is a guess
        return True
    for match in _NUMBER.finditer(text):
        try:
            number = national_number.parse(match.group(), today=today())
        except InvalidNationalNumber:
            continue
        if patient.national_number and number.digits != patient.national_number:
            return True
    return False


def _groups(
    case: Case,
    tumours: Sequence[Tumour],
    offered: Sequence[Offer],
    said: Sequence[Said],
    sent: QueryDict,
    then: Mapping[str, Mapping[str, Any]],
    *,
    taking: bool,
    trusted: bool,
) -> list[Group]:
    dossier = definition(case)
    asked = {one.key: one for one in dossier.fields("tumour")}
    against = {
        (each.tumour, Place(one.text, one.proposal.start, one.proposal.end))
        for each in contradictions(said)
        for one in each.said
    }
    titles = [(str(head.id), f"{head.number}. {head.title}") for head in heads(case, tumours, language())]
    found = []
    for number in sorted({one.tumour for one in offered}):
        suggested = str(tumours[number - 1].pk) if number <= len(tumours) else NEW
        targets = [*titles, (NEW, _("A new tumour")), (NONE, _("Leave out"))]
        target = sent.get(f"to-{number}", "") if taking else ""
        if target not in dict(targets):
            target = suggested
        now: Mapping[str, Any] = next((tumour.data for tumour in tumours if str(tumour.pk) == target), {})
        before = then.get(target, {})
        group = Group(number, target, targets, [])
        of_this = [one for one in offered if one.tumour == number]
        for key in dict.fromkeys(one.field for one in of_this):
            rivals = [one for one in of_this if one.field == key]
            name = f"take-{number}-{key}"
            choices = [
                _choice(case, f"{number}-{key}-{index}", one, now, before) for index, one in enumerate(rivals, start=1)
            ]
            if rivals[0].earliest and choices[0].state == "change" and str(now[key]) < str(choices[0].answers[key]):
                continue  # the earlier date stands
            question = Question(key, name, asked[key].label(language()), choices)
            places = {(number, place) for one in rivals for place in one.places}
            question.contradiction = bool(places & against)
            _tick(question, sent.get(name, "") if taking else None, trusted=trusted and target != NONE)
            group.questions.append(question)
        if group.questions:
            found.append(group)
    return found


def _choice(case: Case, key: str, offer: Offer, now: Mapping[str, Any], then: Mapping[str, Any]) -> Choice:
    answers = {name: merged(now.get(name), value) for name, value in offer.answers.items()}
    whole = {**now, **answers}
    before, after = _words(case, now, offer.field), _words(case, whole, offer.field)
    new = changes({1: {offer.field: [after]}}, {1: {offer.field: before}} if before else {})
    lost = any(contradicts(now.get(name), value) for name, value in answers.items())
    same = all(now.get(name) == value for name, value in answers.items())
    state = "same" if same else "change" if lost and new else "new"
    choice = Choice(key, offer, answers, after, before, state)
    if any(_is_other(then.get(name), value) for name, value in answers.items()):
        choice.then = _words(case, then, offer.field)
    choice.refused = "" if same else contradicted(definition(case), whole, offer.field)
    return choice


def _is_other(then: Any, after: Any) -> bool:
    """Whether an answer is another one than was discussed; what only one of them says is no change."""
    if then in (None, "", []) or after in (None, "", []):
        return False
    if isinstance(then, Mapping) and isinstance(after, Mapping):
        return any(after[axis] != value for axis, value in then.items() if axis in after)
    return bool(then != after)


def _words(case: Case, data: Mapping[str, Any], key: str) -> str:
    """The answer to a question in words, whatever hides the question on the form."""
    if data.get(key) in (None, "", []):
        return ""
    form = definition(case)
    head = {"version": case.dossier_version}
    rows = [row for group in display(form, "tumour", head | dict(data), language()) for row in group.rows]
    row = next((row for row in rows if row.key == key), None)
    if row is None:  # not asked as long as another answer is missing
        asked = next(one for one in form.fields("tumour") if one.key == key)
        return f"{choice_words(asked, str(data[key]), language())} {asked.unit}".strip()
    if isinstance(data[key], Mapping):
        return row.code or row.words
    other = data.get(f"{key}_other", "")
    return " ".join(filter(None, (row.code, row.words, str(other), row.unit)))


def _tick(question: Question, chosen: str | None, *, trusted: bool) -> None:
    """What is ticked when the page comes: what was sent; else an answer to an open question that nothing speaks against."""
    for choice in question.choices:
        if chosen is not None:
            choice.ticked = chosen == choice.key
        else:
            alone = trusted and not question.several and not question.contradiction
            choice.ticked = alone and choice.offer.ticked and choice.state == "new" and not choice.refused
    question.nothing = not any(choice.ticked for choice in question.choices)


def _pieces(text: Text, keys: Mapping[Place, Sequence[str]]) -> Iterator[Piece]:
    """The text cut where an offer's words begin or end."""
    places = sorted((place for place in keys if place.text == text.name), key=lambda place: (place.start, place.end))
    cuts = sorted({0, len(text.text), *(p.start for p in places), *(p.end for p in places)})
    anchored: set[str] = set()
    for start, end in pairwise(cuts):
        held = dict.fromkeys(key for p in places if p.start <= start and end <= p.end for key in keys[p])
        fresh = next((key for key in held if key not in anchored), "")
        anchored |= {fresh} if fresh else set()
        yield Piece(text.text[start:end], " ".join(held), f"said-{fresh}" if fresh else "", next(iter(held), ""))


def _once(found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each place once: a percentage speaks of two questions."""
    kept: list[dict[str, Any]] = []
    for each in found:
        if each not in kept:
            kept.append(each)
    return kept


def _left(one: Said, written: Mapping[str, str]) -> dict[str, Any]:
    start, end = one.proposal.start, one.proposal.end
    text = written[one.text]
    return {
        "before": text[max(0, start - 30) : start].rpartition("\n")[2],
        "words": text[start:end],
        "after": text[end : end + 30].partition("\n")[0],
    }


def _numbers(case: Case, texts: Sequence[Text], sent: Sequence[str] | None, *, trusted: bool) -> list[NumberChoice]:
    """The numbers that the texts would add, ticked as they were sent; else all, unless the texts may be about somebody else."""
    found: dict[tuple[str, str], NumberChoice] = {}
    for text in texts:
        for offered in offered_numbers(definition(case), question_of(case, text.name), text.text, case.data):
            for number in offered.numbers:
                ticked = trusted if sent is None else number in sent
                key = (offered.field.key, number)
                found[key] = NumberChoice(offered.field.key, offered.field.label(language()), number, ticked)
    return list(found.values())


def _more(
    case: Case, tumours: Sequence[Tumour], by: Person, texts: Sequence[Text], sent: QueryDict
) -> tuple[DossierForm, list[Any]]:
    """The questions about the case that the board asks and that no text answers, as part of the dossier's own form."""
    dossier = definition(case)
    made = form_class(dossier, "case", language(), case.dossier_version)
    typed = sent if any(name.startswith("more-") for name in sent) else None
    form = made(typed, initial=initial(dossier, "case", case.data), prefix="more", today=today())
    referrals = case_referrals(by, case)
    board = referrals[0].board if referrals else None
    kept = {question_of(case, text.name) for text in texts}
    gaps = missing_for(case, tumours, board, language()) if board is not None else []
    wanted = {gap.field for gap in gaps if gap.tumour_index is None} - kept
    wanted |= {key for key in form.fields if f"more-{key}" in sent}
    return form, [row for group in form.groups for row in group.rows if row.field.name in wanted]
