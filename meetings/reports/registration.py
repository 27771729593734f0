"""The registration of one tumour on paper, in our own layout: its content, and what its template reads."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from meetings.reports.content import Group, Imprint, PatientIdentity, Row, Sitting
from meetings.reports.layout import Json, _banner, _frame, _group
from meetings.reports.wording import Wording


@dataclass(frozen=True, slots=True)
class RegistrationSheet:
    """``facts``: the meeting, who asked and who coordinates; ``groups``: the tumour; ``chronology``: what was done, in order; ``reasons``: why
    this form; ``complete`` False prints it as a draft."""

    title: str
    sitting: Sitting
    patient: PatientIdentity
    imprint: Imprint
    facts: tuple[Row, ...]
    groups: tuple[Group, ...]
    chronology: tuple[str, ...]
    missing: tuple[str, ...]
    reasons: tuple[str, ...]
    layout: str
    complete: bool


def registration(sheet: RegistrationSheet) -> Json:
    """The data of ``registration_form.typ``."""
    data = _frame(sheet.title, sheet.sitting, sheet.imprint, draft=not sheet.complete)
    labels = {
        **data["labels"],
        "meeting": _("Meeting"),
        "chronology": _("Chronology of treatment"),
        "reasons": _("Why this form"),
        "missing": _("Missing"),
        "layout": _("Layout"),
    }
    return {
        **data,
        "labels": labels,
        "banner": _banner(Wording(sheet.sitting.zone), sheet.patient),
        "facts": [{"label": str(row.label), "value": str(row.value)} for row in sheet.facts],
        "groups": [_group(group) for group in sheet.groups],
        "chronology": list(sheet.chronology),
        "missing": list(sheet.missing),
        "reasons": list(sheet.reasons),
        "layout": sheet.layout,
    }
