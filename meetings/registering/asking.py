"""The forms that people fill in to register a case and to take a file out."""

from __future__ import annotations

import re
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from cases.dossiers.fields import DATE_FORMATS, form_field
from mdo.directory.forms import DayField
from meetings.forms import CommandForm, VersionedForm
from meetings.models import BillingLine, RegistryExport
from meetings.registering import columns, showing
from meetings.registering.facts import NONE
from meetings.registering.reading import Entry, Told

_YES_NO = (("", "–"), ("yes", _("Yes")), ("no", _("No")))


def _day(label: Any, help_text: Any = "", *, required: bool = False) -> DayField:
    return DayField(label=label, help_text=help_text, required=required, input_formats=DATE_FORMATS)


class RegistrationCaseForm(VersionedForm):
    """What the dossier does not hold of one case, and of each of its tumours (fields ``<number>-…``)."""

    setting = forms.ChoiceField(
        label=_("Where the patient stayed"),
        required=False,
        choices=[("", "–"), *BillingLine.Setting.choices],
        widget=forms.Select,
    )
    requested_on = _day(_("Date of the written request"), _("Empty: there is no written request."))
    elsewhere = forms.ChoiceField(
        label=_("First consultation in another hospital"),
        required=False,
        choices=_YES_NO,
        help_text=_("Without an answer it follows from the earlier decisions here."),
    )

    def __init__(self, *args: Any, entry: Entry, language: str | None, **kwargs: Any) -> None:
        if "initial" not in kwargs and not args:
            kwargs["initial"] = initial(entry)
        super().__init__(*args, **kwargs)
        self.entry = entry
        registration = entry.rules.registration
        assert registration is not None
        self.asked: list[tuple[UUID, list[str]]] = []
        chosen = [
            ("", _("As the rules say")),
            *((form.code, form.label(language)) for form in registration.forms),
            (NONE, _("No form")),
        ]
        for number, (tumour_id, data) in enumerate(entry.tumours, start=1):
            told = entry.said.tumours.get(tumour_id, Told())
            keys = columns.fillable(registration, entry.dossier, data, told.answers)
            for field in entry.dossier.fields("tumour"):
                if field.key in keys:
                    self.fields[f"{number}-{field.key}"] = form_field(entry.dossier, field, language)
            self.fields[f"{number}-chronology"] = forms.CharField(
                label=_("Chronology of treatment"),
                required=False,
                max_length=100,
                help_text=_("Codes in their order, with spaces: 5 10 20."),
                widget=forms.TextInput(attrs={"autocomplete": "off", "inputmode": "numeric"}),
            )
            self.fields[f"{number}-chosen"] = forms.ChoiceField(label=_("Form"), required=False, choices=chosen)
            if entry.changed(tumour_id):
                self.fields[f"{number}-take"] = forms.BooleanField(
                    label=_("Register the tumour as it stands in the case now"),
                    required=False,
                    help_text=_("Changed since the discussion: %(what)s.")
                    % {"what": ", ".join(showing.altered(entry, tumour_id, language))},
                )
            self.asked.append((tumour_id, keys))

    def of_tumour(self, number: int) -> list[BoundField]:
        """The fields of one tumour, counted from 1."""
        return [self[name] for name in self.fields if name.startswith(f"{number}-")]

    def of_case(self) -> list[BoundField]:
        return [self[name] for name in ("setting", "requested_on", "elsewhere")]

    def said(self) -> dict[str, Any]:
        """What the action takes. Only of a form that is valid."""
        data = self.cleaned_data
        return {
            "setting": data["setting"],
            "requested_on": data["requested_on"],
            "elsewhere": {"yes": True, "no": False}.get(data["elsewhere"]),
            "tumours_told": {
                tumour_id: {
                    "chosen": data[f"{number}-chosen"],
                    "chronology": [each for each in re.split(r"[\s,;]+", data[f"{number}-chronology"]) if each],
                    "take": data.get(f"{number}-take", False),
                    "answers": {key: _stored(data.get(f"{number}-{key}")) for key in keys},
                }
                for number, (tumour_id, keys) in enumerate(self.asked, start=1)
            },
        }


def _stored(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def initial(entry: Entry) -> dict[str, Any]:
    """What was said before."""
    said = entry.said
    found: dict[str, Any] = {
        "version": entry.version,
        "setting": said.setting,
        "requested_on": said.requested_on,
        "elsewhere": {True: "yes", False: "no", None: ""}[said.elsewhere],
    }
    for number, (tumour_id, _data) in enumerate(entry.tumours, start=1):
        told = said.tumours.get(tumour_id, Told())
        found[f"{number}-take"] = bool(told.taken)
        found[f"{number}-chosen"], found[f"{number}-chronology"] = told.chosen, " ".join(told.chronology)
        found |= {f"{number}-{key}": value for key, value in told.answers.items()}
    return found


class PeriodForm(forms.Form):
    """Which days a file is about."""

    since = _day(_("From"), required=True)
    until = _day(_("Until and including"), required=True)


class ExportForm(PeriodForm, CommandForm):
    export_id = forms.UUIDField(widget=forms.HiddenInput)
    what = forms.ChoiceField(choices=RegistryExport.What.choices, widget=forms.HiddenInput)
