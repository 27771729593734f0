"""What somebody ticked of a sheet, saved: new tumours, answers, kept texts and what was typed, all or nothing."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

from cases.actions.dossiers import add_tumour, change_case
from cases.dossiers.worklists import written
from cases.forms import PasteForm
from cases.models import Case, Tumour
from cases.views.dossier import definition
from cases.views.edit import fingerprint
from cases.views.pages import language
from cases.views.sheet import NEW, NONE, Sheet, question_of
from mdo.directory.models import Person
from mdo.kernel.errors import Invalid
from mdo.kernel.ids import derived_id


def take(by: Person, case: Case, tumours: Sequence[Tumour], form: PasteForm, sheet: Sheet, sent: QueryDict) -> int:
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
            key = question_of(case, text["name"])
            before, pasted = str(data.get(key, "")), form.cleaned_data[text["name"]]
            if pasted not in before:
                data[key] = f"{before}\n\n{pasted}".strip()
                kept += 1
    for each in sheet.numbers:
        if each.ticked:
            data[each.field] = written(filter(None, (str(data.get(each.field, "")).strip(" ,;"), each.number)))
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
