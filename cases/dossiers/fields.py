"""How each kind of question becomes a field of Django's forms."""

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from cases.coding import tnm
from cases.coding.morphology import is_morphology
from cases.coding.words import in_language
from cases.dossiers.definition import OTHER, Dossier, Field

DATE_FORMATS = ["%Y-%m-%d", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"]
_OTHER_WORDS = {"nl": "andere", "en": "other", "fr": "autre", "de": "andere"}


def clean_text(value: str) -> str:
    """Text as it is stored: composed letters, plain line breaks, and no character that hides or cannot be stored.

    What people paste out of a viewer is full of vertical tabs, soft page breaks and direction marks: they go, tabs and
    line breaks stay. Text in right-to-left scripts keeps its letters; only overrides that turn foreign text go.
    """
    value = value.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    value = "".join(c for c in value if c in "\n\t\u200c\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs"))
    return unicodedata.normalize("NFC", value).strip()


class TextField(forms.CharField):
    """Text that is cleaned before its length is counted."""

    def __init__(self, *, pattern: str | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.pattern = pattern

    def to_python(self, value: Any) -> str:
        return clean_text(str(super().to_python(value) or ""))

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if text and self.pattern == "morphology":
            text = text.replace(" ", "")
            if re.fullmatch(r"[0-9]{5}", text):
                text = f"{text[:4]}/{text[4]}"
            if not is_morphology(text):
                raise ValidationError(_("A morphology code is four digits, a slash and the behaviour, like 8140/3."))
        return text


class _Number:
    """Takes `12,5`, `20 %` and `15 mm` for what they mean."""

    unit = ""

    def plain(self, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        text = value.strip()
        if self.unit and text.endswith(self.unit):
            text = text[: -len(self.unit)].rstrip()
        return text.replace(",", ".", 1)


class IntegerField(_Number, forms.IntegerField):
    def __init__(self, *, unit: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.unit = unit

    def to_python(self, value: Any) -> int | None:
        text = self.plain(value)
        # `1_000` is a number for Python and a typing error for a clinician.
        if isinstance(text, str) and text and not re.fullmatch(r"-?[0-9]{1,9}(\.0{1,9})?", text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text)


class DecimalField(_Number, forms.DecimalField):
    def __init__(self, *, unit: str = "", **options: Any) -> None:
        super().__init__(**options)
        self.unit = unit

    # django-stubs types the parent after `IntegerField`; at run time it gives a Decimal.
    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        text = self.plain(value)
        # `1e3` is a number for Python and a typing error for a clinician.
        if isinstance(text, str) and text and not re.fullmatch(r"-?[0-9]{1,9}(\.[0-9]{1,9})?", text):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(text)


class TNMWidget(forms.MultiWidget):
    """The categories as text (they are pasted from a report) and the edition beside them."""

    def __init__(self, *, label: str, editions: tuple[str, ...], example: str) -> None:
        text = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": example})
        text.attrs["aria-label"] = label
        edition = forms.Select(choices=[(one, f"TNM {one}") for one in editions])
        edition.attrs["aria-label"] = _("%(label)s: edition") % {"label": label}
        super().__init__([text, edition])
        self.default_edition = editions[0]

    def decompress(self, value: Any) -> list[str]:
        if isinstance(value, Mapping):
            categories = " ".join(str(value[axis]) for axis in ("t", "n", "m") if axis in value)
            return [categories, str(value.get("edition", self.default_edition))]
        return ["", self.default_edition]

    def id_for_label(self, id_: str) -> str:
        return f"{id_}_0" if id_ else id_


class TNMField(forms.MultiValueField):
    """Cleans to the stored form of a classification, or None."""

    def __init__(self, *, field: Field, site: str, label: str, **options: Any) -> None:
        editions = tnm.editions(site)
        self.site, self.prefixes, self.default_prefix = site, field.prefixes, field.default_prefix
        example = f"{field.prefixes[-1] if field.default_prefix is None else field.default_prefix}T2 N1 M0"
        super().__init__(
            fields=[
                forms.CharField(required=False, max_length=tnm.LONGEST),
                forms.ChoiceField(required=False, choices=[(one, one) for one in editions]),
            ],
            require_all_fields=False,
            widget=TNMWidget(label=label, editions=editions, example=example),
            label=label,
            **options,
        )

    def compress(self, data_list: list[Any]) -> dict[str, str] | None:
        if not data_list or not data_list[0]:
            return None
        edition = data_list[1] if len(data_list) > 1 else None
        return tnm.parse(
            data_list[0],
            edition=edition or None,
            site=self.site,
            default_prefix=self.default_prefix,
            prefixes=self.prefixes,
        ).as_json()


def form_field(definition: Dossier, field: Field, language: str | None) -> forms.Field:
    """The form field of a question; never required, since a draft may be saved with anything missing."""
    label = field.label(language)
    options: dict[str, Any] = {
        "required": False,
        "label": label,
        "help_text": in_language(field.help, language) if field.help else "",
    }
    match field.kind:
        case "choice" | "code":
            # The page offers to find a code by words where its kind is said.
            find = {"data-find": field.codes} if field.codes else {}
            choices = [("", "—"), *options_of(definition, field, language)]
            return forms.ChoiceField(choices=choices, widget=forms.Select(attrs=find), **options)
        case "multichoice":
            return forms.MultipleChoiceField(
                choices=options_of(definition, field, language), widget=forms.CheckboxSelectMultiple, **options
            )
        case "integer":
            return IntegerField(
                unit=field.unit,
                min_value=field.minimum,
                max_value=field.maximum,
                widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
                **options,
            )
        case "decimal":
            return DecimalField(
                unit=field.unit,
                min_value=field.minimum,
                max_value=field.maximum,
                max_digits=7,
                decimal_places=2,
                widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
                **options,
            )
        case "date":
            return forms.DateField(
                input_formats=DATE_FORMATS,
                widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
                **options,
            )
        case "tnm":
            del options["label"]
            return TNMField(field=field, site=definition.site, label=label, **options)
        case "longtext":
            return TextField(max_length=field.length(), widget=forms.Textarea(attrs={"rows": 4}), **options)
        case "text":
            widget = forms.TextInput(attrs={"data-find": field.pattern} if field.pattern else {})
            return TextField(max_length=field.length(), pattern=field.pattern, widget=widget, **options)


def options_of(definition: Dossier, field: Field, language: str | None) -> list[tuple[str, str]]:
    """What may be chosen, as (value, words); a medical code stands before its words."""
    if field.kind == "code":
        known = [(code.code, f"{code.code} – {code.label(language)}") for code in definition.codes(field)]
        return [*known, (OTHER, in_language(_OTHER_WORDS, language))] if field.codes == "morphology" else known
    return [(one.value, choice_words(field, one.value, language)) for one in field.choices]


def choice_words(field: Field, value: str, language: str | None, *, with_code: bool = True) -> str:
    """The words of a choice, with its code before them; the value itself when the definition does not hold it."""
    for choice in field.choices:
        if choice.value == value:
            words = in_language(choice.words, language)
            return f"{choice.code} – {words}" if choice.code and with_code else words
    return value


def other_words(language: str | None) -> str:
    """The words of the choice that stands for everything a code list does not hold."""
    return in_language(_OTHER_WORDS, language)
