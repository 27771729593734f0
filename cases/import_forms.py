"""The forms of one row of an imported list: those of a case brought in by hand, and an old decision."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from cases.actions.patients import PatientDetails
from cases.actions.referrals import LONGEST_QUESTION
from cases.coding.names import name_key
from cases.dossiers import dossier
from cases.dossiers.worklists import written
from cases.forms import LANGUAGES, LineField, LinesField, NewCaseForm, PatientFields, day_field
from mdo.directory.models import Board

LONGEST_TEXT = 20_000
LONGEST_NUMBERS = 500  # characters of accession or report numbers
NUMBERS = ("image_references", "pathology_numbers")  # questions of the dossier that a list answers too
LONGEST_LIST = 10_000  # characters of steps or participants


class NumbersField(LinesField):
    """Accession or report numbers, one a line or with commas or semicolons between them; cleans to one line with commas."""

    def to_python(self, value: Any) -> str:
        lines = (" ".join(line.split()).strip(" ,;") for line in super().to_python(value).split("\n"))
        return written(line for line in lines if line)


class _Imported(PatientFields):
    """What a list says of a patient whom the hospital knows must fit: nobody looks at each row, and a wrong number would put the case
    beside another patient."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        patient = self.patient
        if patient is None:
            return cleaned
        born = cleaned.get("birth_date")
        if born and born != patient.birth_date:
            day = patient.birth_date.strftime("%d/%m/%Y")
            text = _("Your hospital knows this number with the birth date %(day)s. Check both.") % {"day": day}
            self.add_error("birth_date", ValidationError(text))
        typed, known = (set(name_key(name).split()) for name in (cleaned.get("family_name", ""), patient.display_name))
        if typed and not typed & known:
            text = _("Your hospital knows this number as %(name)s. Check the number.") % {"name": patient.display_name}
            self.add_error("family_name", ValidationError(text))
        return cleaned


class ImportedCaseForm(_Imported, NewCaseForm):
    """A row of submissions: a case in a minute, and what a list often says beside it."""

    informs_patient = LineField(required=False, max_length=200)
    gp_name = LineField(required=False, max_length=200)
    phone = LineField(required=False, max_length=30)
    image_references = NumbersField(required=False, max_length=LONGEST_NUMBERS)
    pathology_numbers = NumbersField(required=False, max_length=LONGEST_NUMBERS)
    language = forms.ChoiceField(choices=LANGUAGES, required=False)
    reference = LineField(required=False, max_length=100)

    def __init__(self, *args: Any, boards: Iterable[Board], **options: Any) -> None:
        self._dossiers = {board.pk: board.dossier for board in boards}
        super().__init__(*args, boards=boards, **options)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        board = cleaned.get("board")
        if board is not None:
            asked = {field.key for field in dossier(self._dossiers[board]).fields("case")}
            for name in NUMBERS:
                if cleaned.get(name) and name not in asked:
                    self.add_error(name, ValidationError(_("The dossier of this board does not ask for this.")))
        return cleaned

    @property
    def answers(self) -> dict[str, str]:
        """What the row answers of the dossier."""
        return {name: self.cleaned_data[name] for name in NUMBERS if self.cleaned_data[name]}

    @property
    def details(self) -> PatientDetails | None:
        found = super().details
        if found is None:
            return None
        said = {name: self.cleaned_data[name] for name in ("gp_name", "phone", "language") if self.cleaned_data[name]}
        return replace(found, **said)


class OldDecisionForm(_Imported):
    """A row of old decisions. ``requester``, ``signed_by`` and ``participants`` are kept as they were written."""

    decided_on = day_field()
    question = LinesField(required=False, max_length=LONGEST_QUESTION)
    text = LinesField(required=False, max_length=LONGEST_TEXT)
    steps = LinesField(required=False, max_length=LONGEST_LIST)
    participants = LinesField(required=False, max_length=LONGEST_LIST)
    signed_by = LineField(required=False, max_length=300)
    requester = LineField(required=False, max_length=300)
    reference = LineField(required=False, max_length=100)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        day = cleaned.get("decided_on")
        if day and day > self.today:
            self.add_error("decided_on", ValidationError(_("This date lies in the future.")))
        elif day and day.year < 1950:
            self.add_error("decided_on", ValidationError(_("Check the year.")))
        if not cleaned.get("text") and not cleaned.get("steps") and not {"text", "steps"} & set(self.errors):
            self.add_error("text", ValidationError(_("Write the recommendation or at least one step.")))
        return cleaned


def in_lines(text: str) -> list[str]:
    """The entries of a list in one cell: one a line, or with semicolons between them."""
    parts = text.split("\n") if "\n" in text else text.split(";")
    return [part.strip(" \t-•*") for part in parts if part.strip(" \t-•*")]
