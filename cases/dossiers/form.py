"""The form of a dossier: a Django form built from the definition, and the canonical data that it gives.

Nothing is required here, since a draft is saved with anything missing; what is missing before a board can accept the
case is told by `cases.dossiers.readiness`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from cases.coding import tnm
from cases.coding.errors import InvalidTNM
from cases.coding.stage import contradiction
from cases.dossiers.definition import RESERVED, Condition, Dossier, Field, Level, dossier
from cases.dossiers.fields import choice_words, form_field


@dataclass(frozen=True)
class FormRow:
    """One question on the page: Django's bound field and what the definition adds to it."""

    field: forms.BoundField
    definition: Field
    unit: str
    required_for_submission: bool
    owes: str
    show_if_name: str
    """The HTML name of the field on which this one depends, or an empty text."""
    show_if_values: str
    """The values that show this field, separated by spaces."""

    @property
    def derives(self) -> bool:
        """Whether something follows from the answer that is shown under it."""
        return self.definition.kind == "tnm" or self.definition.codes == "topography"


@dataclass(frozen=True)
class FormGroup:
    """One fieldset."""

    key: str
    label: str
    rows: tuple[FormRow, ...]
    show_if_name: str = ""
    show_if_values: str = ""
    """As those of a row: the whole fieldset depends on that field."""


class DossierForm(forms.Form):
    """Base of the forms that `form_class` makes.

    `DossierForm(data, initial=initial(...), prefix="tumour-0", today=today)`; after `is_valid()`, `canonical` is what
    is stored. With a prefix, names under it that belong to no field are refused.
    """

    dossier: ClassVar[Dossier]
    level: ClassVar[Level]
    language: ClassVar[str | None]

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today

    @property
    def groups(self) -> tuple[FormGroup, ...]:
        """The fieldsets in order, for the template."""
        return tuple(
            FormGroup(
                group.key,
                group.label(self.language),
                tuple(self._row(field) for field in group.fields),
                *self._show_if(group.show_if),
            )
            for group in self.dossier.groups(self.level)
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self._refuse_unknown_names()
        stored = _stored(self.dossier, self.level, cleaned)
        shown = self.dossier.visible(self.level, stored)
        for field in self.dossier.fields(self.level):
            # What is not asked is not kept, and what is wrong in it is no reason to refuse.
            if field.key not in shown:
                cleaned.pop(field.key, None)
                self.errors.pop(field.key, None)
        self._read_by_chapter(cleaned, stored)
        self._refuse_contradictions(cleaned, stored)
        for field in self.dossier.fields(self.level):
            value = cleaned.get(field.key)
            if value is None:
                continue
            if field.not_in_future and value > self.today:
                self.add_error(field.key, ValidationError(_("This date lies in the future."), code="future"))
            self._compare(field, value, cleaned)
            limit = cleaned.get(field.at_most) if field.at_most else None
            if limit is not None and value > limit:
                other = next(one for one in self.dossier.fields(self.level) if one.key == field.at_most)
                self.add_error(
                    field.key,
                    ValidationError(
                        _("This is more than “%(other)s” (%(limit)s)."),
                        code="at_most",
                        params={"other": other.label(self.language), "limit": limit},
                    ),
                )
        return cleaned

    @property
    def canonical(self) -> dict[str, Any]:
        """What is stored: `{"dossier": …, "version": …}` and every answer; only after `is_valid()` said yes."""
        if not self.is_valid():
            raise ValueError("The form has errors.")
        head = {"dossier": self.dossier.dossier, "version": self.dossier.version}
        return head | _stored(self.dossier, self.level, self.cleaned_data)

    def partial(self, stored: Mapping[str, Any]) -> dict[str, Any] | None:
        """What can be stored of a form with errors: right answers as they were typed, wrong ones as they stand in `stored`.

        None where an error belongs to no answer. Only after `is_valid()` was asked.
        """
        if self.non_field_errors():
            return None
        typed = _stored(self.dossier, self.level, self.cleaned_data)
        found: dict[str, Any] = {"dossier": self.dossier.dossier, "version": self.dossier.version}
        for field in self.dossier.fields(self.level):
            source = stored if field.key in self.errors else typed
            if field.key in source:
                found[field.key] = source[field.key]
        return found

    def _row(self, field: Field) -> FormRow:
        name, values = self._show_if(field.show_if)
        return FormRow(
            field=self[field.key],
            definition=field,
            unit=field.unit,
            required_for_submission=field.required_for_submission,
            owes=field.owes,
            show_if_name=name,
            show_if_values=values,
        )

    def _show_if(self, condition: Condition | None) -> tuple[str, str]:
        if condition is None:
            return "", ""
        return self.add_prefix(condition.field), " ".join(self.dossier.accepted(self.level, condition))

    def _read_by_chapter(self, cleaned: dict[str, Any], stored: Mapping[str, Any]) -> None:
        """Read TNM again where the answers say which chapter of the book is the tumour's."""
        site = self.dossier.tnm_site(stored)
        if site == self.dossier.site:
            return
        for field in self.dossier.fields(self.level):
            value = cleaned.get(field.key)
            if field.kind == "tnm" and value:
                try:
                    cleaned[field.key] = tnm.from_json(value, site=site).as_json()
                except InvalidTNM as refused:
                    self.add_error(field.key, refused)

    def _refuse_contradictions(self, cleaned: dict[str, Any], stored: Mapping[str, Any]) -> None:
        """Refuse categories of which the table of their edition says that they cannot be right together."""
        site = self.dossier.tnm_site(stored)
        for field in self.dossier.fields(self.level):
            value = cleaned.get(field.key)
            if field.kind == "tnm" and value and field.key not in self.errors:
                sentence = contradiction(value, site=site)
                if sentence:
                    self.add_error(field.key, ValidationError(sentence, code="inconsistent"))

    def _compare(self, field: Field, value: Any, cleaned: Mapping[str, Any]) -> None:
        """Refuse a choice that contradicts the choice with which it has to agree."""
        agreement = field.agrees_with
        if agreement is None:
            return
        said = cleaned.get(agreement.field)
        allowed = agreement.pairs.get(said) if said else None
        if value and allowed is not None and value not in allowed:
            other = next(one for one in self.dossier.fields(self.level) if one.key == agreement.field)
            self.add_error(
                field.key,
                ValidationError(
                    _("This does not agree with “%(other)s” (%(value)s)."),
                    code="agrees_with",
                    params={
                        "other": other.label(self.language),
                        "value": choice_words(other, str(said), self.language, with_code=False),
                    },
                ),
            )

    def _refuse_unknown_names(self) -> None:
        if not self.prefix:
            return
        start = f"{self.prefix}-"
        known = {self.add_prefix(name) for name in _names(self.dossier, self.level)}
        if any(name.startswith(start) and name not in known for name in self.data):
            raise ValidationError(_("The form holds a field that this dossier does not have."), code="unknown")


def form_class(
    dossier_code: str | Dossier, level: Level, language: str | None = None, version: int | None = None
) -> type[DossierForm]:
    """The form of a level (`case` or `tumour`) with its words in `language`.

    Raises `KeyError` for a dossier or version that does not exist.
    """
    definition = dossier_code if isinstance(dossier_code, Dossier) else dossier(dossier_code, version)
    return _form_class(definition.dossier, definition.version, level, language)


@lru_cache(maxsize=64)
def _form_class(code: str, version: int, level: Level, language: str | None) -> type[DossierForm]:
    definition = dossier(code, version)
    # Words that a widget fixes when it is made are of the form's language, not of whoever asked for it first.
    with translation.override(language or "en"):
        attributes: dict[str, Any] = {
            field.key: form_field(definition, field, language) for field in definition.fields(level)
        }
    attributes |= {"dossier": definition, "level": level, "language": language}
    return type(f"{code.title()}{level.title()}Form", (DossierForm,), attributes)


def clean(dossier_code: str | Dossier, level: Level, data: Mapping[str, Any], *, today: date) -> dict[str, Any]:
    """Canonical data from plain JSON values (an import, an interface, the demo), checked exactly as the form does.

    The result can be given in again and comes back equal. Raises `ValidationError` whose `message_dict` names the
    fields; keys that the dossier does not have are refused under their own name.
    """
    definition = dossier_code if isinstance(dossier_code, Dossier) else dossier(dossier_code)
    fields = {field.key: field for field in definition.fields(level)}
    errors: dict[str, Any] = {}
    typed: dict[str, Any] = {}
    for key, value in data.items():
        if key in RESERVED:
            if value != getattr(definition, key):
                errors[key] = [ValidationError(_("These data belong to another dossier or version."), code="version")]
        elif key not in fields:
            errors[str(key)[:40]] = [ValidationError(_("This dossier has no such field."), code="unknown")]
        elif (names := _typed(fields[key], value)) is None:
            errors[key] = [ValidationError(_("This value has the wrong shape."), code="shape")]
        else:
            typed |= names
    form = form_class(definition, level)(typed, today=today)
    if not form.is_valid():
        errors |= {key: found.as_data() for key, found in form.errors.items() if key not in errors}
    if errors:
        raise ValidationError(errors)
    return form.canonical


def answering(
    definition: Dossier, level: Level, data: Mapping[str, Any], key: str, sent: Mapping[str, Any]
) -> dict[str, Any]:
    """The names and texts that a browser would send of a whole level: those of the stored ``data``, and of the field ``key`` those
    that were ``sent`` (name → text, or a list for several choices). For a page that asks one field."""
    typed: dict[str, Any] = {}
    for field in definition.fields(level):
        if field.key != key:
            typed |= _typed(field, data.get(field.key)) or {}
    names = (f"{key}_0", f"{key}_1", key)
    return typed | {name: sent[name] for name in names if name in sent}


def initial(dossier_code: str | Dossier, level: Level, data: Mapping[str, Any]) -> dict[str, Any]:
    """Stored data as `initial` of the form; keys of another version are left out."""
    definition = dossier_code if isinstance(dossier_code, Dossier) else dossier(dossier_code)
    return {field.key: data[field.key] for field in definition.fields(level) if field.key in data}


def _names(definition: Dossier, level: Level) -> Iterator[str]:
    for field in definition.fields(level):
        if field.kind == "tnm":
            yield from (f"{field.key}_0", f"{field.key}_1")
        else:
            yield field.key


def _typed(field: Field, value: Any) -> dict[str, Any] | None:
    """A plain JSON value as the names and texts that a browser would send; None when its type cannot be right."""
    if value is None:
        return {}
    if field.kind == "tnm":
        if not isinstance(value, Mapping) or not set(value) <= {"edition", "t", "n", "m"}:
            return None
        if not all(isinstance(part, str) for part in value.values()):
            return None
        categories = " ".join(value[axis] for axis in ("t", "n", "m") if axis in value)
        return {f"{field.key}_0": categories, f"{field.key}_1": value.get("edition", "")}
    if field.kind == "multichoice":
        return {field.key: value} if isinstance(value, list) and all(isinstance(one, str) for one in value) else None
    if field.kind in ("integer", "decimal"):
        fits = isinstance(value, int | float | str) and not isinstance(value, bool)
        return {field.key: str(value)} if fits else None
    return {field.key: value} if isinstance(value, str) else None


def _stored(definition: Dossier, level: Level, cleaned: Mapping[str, Any]) -> dict[str, Any]:
    """Cleaned values as JSON, in the order of the definition and without what is empty."""
    stored: dict[str, Any] = {}
    for field in definition.fields(level):
        value = cleaned.get(field.key)
        if value is None or value == "" or value == []:
            continue
        if isinstance(value, Decimal):
            value = f"{value.normalize():f}"
        elif isinstance(value, date):
            value = value.isoformat()
        elif field.kind == "multichoice":
            value = [one for one in definition.values(field) if one in value]
        stored[field.key] = value
    return stored
