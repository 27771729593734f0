"""Paste to structured: pasted reports, what they propose beside what stands, and one button that takes what is ticked."""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from cases import access
from cases.actions.dossiers import add_tumour, change_case, changeable
from cases.coding import national_number
from cases.coding.errors import InvalidNationalNumber
from cases.coding.proposals.comparing import Said, Text, changes, contradictions, read, together
from cases.coding.proposals.dates import birth_dates
from cases.dossiers import DossierForm, display, form_class, initial
from cases.dossiers.fields import choice_words, clean_text
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
from cases.forms import LONGEST_PASTE, PasteForm
from cases.models import Case, Patient, Tumour
from cases.queries import case_referrals
from cases.views.dossier import definition, heads, missing_for
from cases.views.edit import fingerprint
from cases.views.identity import identity
from cases.views.pages import SHOWN, language, put_errors
from mdo.directory.access import today
from mdo.directory.models import Person
from mdo.kernel.errors import IdReused, Invalid, RuleBroken, Stale
from mdo.kernel.ids import derived_id

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
    ticked: bool = False
    quote: str = ""
    more: int = 0
    """In how many further places the texts say it."""
    source: str = ""


@dataclass
class Question:
    """One question about one tumour with everything that is offered for it: a tick, or one of several."""

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

    @property
    def count(self) -> int:
        return sum(len(question.choices) for group in self.groups for question in group.questions)


@require_http_methods(["GET", "HEAD", "POST"])
def case_paste(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``/cases/<id>/paste/``: GET shows the boxes and writes the read row; a POST reads the texts and shows what they propose.

    With the button ``take`` it saves what is ticked: new tumours, their answers, the texts that are kept and what was typed below,
    all or nothing. Texts stand in the body of a POST only and are kept nowhere but where somebody ticked it. Too long: 422.
    Somebody else saved other answers in between: 409 with texts and ticks, beside what stands now.
    """
    by: Person = request.user  # type: ignore[assignment]
    case = access.access_case_for_reading(by, case_id)
    access.access_case_for(by, case_id, "submit", lock=False)
    if not changeable(case):
        if request.method == "POST":
            raise RuleBroken(_("This case was discussed or withdrawn. Refer it again to change its dossier."))
        messages.info(request, _("This case was discussed or withdrawn. Refer it again to change its dossier."))
        return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    tumours = list(case.tumours.order_by("position"))
    start = {"version": case.version, "seen": fingerprint(case, tumours)}
    if request.method != "POST":
        return _page(request, case, tumours, PasteForm(initial=start), None)
    form = PasteForm(request.POST, initial=start)
    for source in SOURCES:
        form.put(source, clean_text(request.POST.get(source, "")))  # as it is read, and as it comes back
    if not form.is_valid():
        return _page(request, case, tumours, form, None, status=422)
    sheet = _sheet(by, case, tumours, form, request.POST)
    status = 200
    if "take" in request.POST:
        try:
            with transaction.atomic():
                taken = _take(by, case, tumours, form, sheet, request.POST)
        except IdReused:
            messages.info(request, _("This was taken over before."))
            return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
        except SHOWN as error:
            _show(form, sheet, error)
            status = error.status
        else:
            text = ngettext("%(count)d answer taken over.", "%(count)d answers taken over.", taken)
            messages.success(request, text % {"count": taken})
            return HttpResponseRedirect(reverse("cases:detail", args=[case.pk]))
    form.see(case.version)
    form.put("seen", fingerprint(case, tumours))
    form.renew()
    return _page(request, case, tumours, form, sheet, status=status)


# --- what is shown -----------------------------------------------------------------------------------------------------


def _sheet(by: Person, case: Case, tumours: Sequence[Tumour], form: PasteForm, sent: QueryDict) -> Sheet:
    dossier = definition(case)
    texts = [read(source, form.cleaned_data[source]) for source in SOURCES if form.cleaned_data[source]]
    said = together(texts, known=[_known(tumour.data) for tumour in tumours])
    offered = offers(dossier, texts, said, today=today())
    stranger = any(_names_another(text.text, case.patient) for text in texts)
    taking = sent.get("ticks") == digest(texts)  # ticks belong to the texts beside which they stood
    groups = _groups(case, tumours, offered, said, sent, taking=taking, trusted=not stranger)
    more = _more(case, tumours, by, texts, sent)
    written = {text.name: text.text for text in texts}
    sheet = Sheet(
        digest=digest(texts),
        current=taking,
        groups=groups,
        texts=[],
        left=[_left(one, written) for one in without(dossier, said, offered)],
        against=[_left(one, written) for one in said if one.overruled],
        stranger=stranger,
        named=any(case.patient.family_name.casefold() in text.text.casefold() for text in texts),
        form=more[0],
        asked=more[1],
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
        keep = _question_of(case, text.name)
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


def _question_of(case: Case, source: str) -> str:
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
        group = Group(number, target, targets, [])
        of_this = [one for one in offered if one.tumour == number]
        for key in dict.fromkeys(one.field for one in of_this):
            rivals = [one for one in of_this if one.field == key]
            name = f"take-{number}-{key}"
            choices = [_choice(case, f"{number}-{key}-{index}", one, now) for index, one in enumerate(rivals, start=1)]
            if rivals[0].earliest and choices[0].state == "change" and str(now[key]) < str(choices[0].answers[key]):
                continue  # the earlier date stands
            question = Question(name, asked[key].label(language()), choices)
            places = {(number, place) for one in rivals for place in one.places}
            question.contradiction = bool(places & against)
            _tick(question, sent.get(name, "") if taking else None, trusted=trusted and target != NONE)
            group.questions.append(question)
        if group.questions:
            found.append(group)
    return found


def _choice(case: Case, key: str, offer: Offer, now: Mapping[str, Any]) -> Choice:
    answers = {name: merged(now.get(name), value) for name, value in offer.answers.items()}
    before, after = _words(case, now, offer.field), _words(case, {**now, **answers}, offer.field)
    new = changes({1: {offer.field: [after]}}, {1: {offer.field: before}} if before else {})
    lost = any(contradicts(now.get(name), value) for name, value in answers.items())
    same = all(now.get(name) == value for name, value in answers.items())
    state = "same" if same else "change" if lost and new else "new"
    return Choice(key, offer, answers, after, before, state)


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
            choice.ticked = alone and choice.offer.ticked and choice.state == "new"
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


def _left(one: Said, written: Mapping[str, str]) -> dict[str, Any]:
    start, end = one.proposal.start, one.proposal.end
    text = written[one.text]
    return {
        "before": text[max(0, start - 30) : start].rpartition("\n")[2],
        "words": text[start:end],
        "after": text[end : end + 30].partition("\n")[0],
    }


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
    kept = {_question_of(case, text.name) for text in texts}
    gaps = missing_for(case, tumours, board, language()) if board is not None else []
    wanted = {gap.field for gap in gaps if gap.tumour_index is None} - kept
    wanted |= {key for key in form.fields if f"more-{key}" in sent}
    return form, [row for group in form.groups for row in group.rows if row.field.name in wanted]


# --- what is taken -----------------------------------------------------------------------------------------------------


def _take(by: Person, case: Case, tumours: Sequence[Tumour], form: PasteForm, sheet: Sheet, sent: QueryDict) -> int:
    """Save what is ticked; how many answers that was. Raises what the actions raise, ``Invalid`` for two answers to one question."""
    if not sheet.current:
        raise Invalid({"": [_("The texts were changed. Look at what they propose now, and take over again.")]})
    command_id = form.cleaned_data["command_id"]
    unchanged = form.cleaned_data["seen"] == fingerprint(case, tumours)
    version = case.version if unchanged else form.cleaned_data["version"]
    wanted, taken = _wanted(tumours, sheet)
    data, kept = _case_answers(case, form, sheet, sent)
    answers: dict[UUID, dict[str, Any]] = {}
    for target, found in wanted.items():
        if target.startswith(NEW):
            tumour_id = derived_id(command_id, by.pk, target)
            again = derived_id(command_id, by.pk, f"add {target}")
            add_tumour(by=by, case_id=case.pk, version=version, tumour_id=tumour_id, command_id=again)
            version += 1
            answers[tumour_id] = found
        else:
            tumour = next(each for each in tumours if str(each.pk) == target)
            answers[tumour.pk] = {**tumour.data, **found}
    if not taken and not kept:
        raise Invalid({"": [_("Tick what is to be taken over.")]})
    change_case(by=by, case_id=case.pk, version=version, data=data, tumours=answers or None, command_id=command_id)
    _nothing_dropped(case, answers, wanted)
    return taken + kept


def _wanted(tumours: Sequence[Tumour], sheet: Sheet) -> tuple[dict[str, dict[str, Any]], int]:
    """The ticked answers by the tumour for which they are meant, and how many questions they answer."""
    wanted: dict[str, dict[str, Any]] = {}
    taken = 0
    for group in sheet.groups:
        target = f"{NEW} {group.number}" if group.target == NEW else group.target
        for question in group.questions:
            for choice in question.choices:
                if not choice.ticked or group.target == NONE:
                    continue
                found = wanted.setdefault(target, {})
                if any(found.get(key, value) != value for key, value in choice.answers.items()):
                    raise Invalid(
                        {question.name: [_("Two answers to “%(label)s” are ticked.") % {"label": question.label}]}
                    )
                found.update(choice.answers)
                taken += 1
    return wanted, taken


def _case_answers(case: Case, form: PasteForm, sheet: Sheet, sent: QueryDict) -> tuple[dict[str, Any] | None, int]:
    """The case level with the texts that are kept and what was typed; ``None`` where nothing of it changes."""
    typed: dict[str, Any] = {}
    if sheet.form.is_bound:
        if not sheet.form.is_valid():
            raise Invalid({f"more-{key}": [str(each) for each in found] for key, found in sheet.form.errors.items()})
        shown = {row.field.name for row in sheet.asked}
        typed = {key: value for key, value in sheet.form.canonical.items() if key in shown}
    data, kept = {**case.data, **typed}, len(typed)
    for text in sheet.texts:
        if text["kept"]:
            key = _question_of(case, text["name"])
            before, pasted = str(data.get(key, "")), form.cleaned_data[text["name"]]
            if pasted not in before:
                data[key] = f"{before}\n\n{pasted}".strip()
                kept += 1
    return (data if data != case.data else None), kept


def _nothing_dropped(
    case: Case, answers: Mapping[UUID, Mapping[str, Any]], wanted: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse where the dossier would not keep a ticked answer, because the question on which it hangs is not answered."""
    form = definition(case)
    labels = {one.key: one.label(language()) for one in form.fields("tumour")}
    for given, found in zip(answers.values(), wanted.values(), strict=True):
        hidden = [labels[key] for key in found if key not in form.visible("tumour", given)]
        if hidden:
            raise Invalid(
                {
                    "": [
                        _("“%(label)s” is only kept together with the answer on which it depends.")
                        % {"label": hidden[0]}
                    ]
                }
            )


def _show(form: PasteForm, sheet: Sheet, error: Any) -> None:
    """Put a refusal above the page; those of questions that it shows itself are beside them too."""
    if isinstance(error, Stale):
        form.add_error(
            None,
            _(
                "Somebody else changed this case. What stands now is beside what is proposed; look, and take over again."
            ),
        )
        return
    if isinstance(error, Invalid):
        labels = {f"more-{key}": str(each.label) for key, each in sheet.form.fields.items()}
        for name, sentences in error.errors.items():
            for sentence in sentences:
                form.add_error(None, f"{labels[name]}: {sentence}" if name in labels else sentence)
        return
    put_errors(form, error)


def _page(
    request: HttpRequest,
    case: Case,
    tumours: Sequence[Tumour],
    form: PasteForm,
    sheet: Sheet | None,
    *,
    status: int = 200,
) -> HttpResponse:
    referrals = case_referrals(request.user, case)  # type: ignore[arg-type]
    context = {
        "case": case,
        "identity": identity(case.patient, case.hospital, url=reverse("cases:detail", args=[case.pk])),
        "question": referrals[0].question if referrals else "",
        "form": form,
        "boxes": [form[source] for source in SOURCES],
        "sheet": sheet,
        "longest": LONGEST_PASTE,
        "discussed": any(referral.status in ("discussed", "postponed") for referral in referrals),
        "several": sheet is not None and (len(sheet.groups) > 1 or len(tumours) > 1),
    }
    return render(request, "cases/paste.html", context, status=status)
