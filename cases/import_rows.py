"""From a row of a file to a row of an import: what its form is sent, what is wrong with it by field, and the digest that makes it one.

Used inside the actions of ``cases/actions/importing.py``; what may be chosen (boards, requesters, patients) is what the actor may choose.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from cases import access
from cases.actions.referrals import boards_for
from cases.coding import national_number
from cases.coding.names import name_key
from cases.dossiers import board_kind
from cases.exchange.columns import ImportDefinition, import_definition
from cases.exchange.tables import Row, header_key
from cases.exchange.values import InvalidCell, text_of
from cases.forms import fill_from_number
from cases.import_forms import ImportedCaseForm, OldDecisionForm
from cases.models import ImportJob, ImportRow, Patient
from mdo.directory.access import today
from mdo.directory.models import Board, Person
from mdo.kernel.acting import Actor, current
from mdo.kernel.digits import digits_of
from mdo.kernel.ids import derived_id

AMBIGUOUS = "?"  # in a list of names: several are called so
RAW_SHOWN = 300  # characters of a cell that are kept to be shown beside its error


class Checker:
    """Checks the rows of one import as its actor. What it needs to know it reads once."""

    def __init__(self, by: Actor, job: ImportJob) -> None:
        self.by, self.job = by, job
        self.definition: ImportDefinition = import_definition(job.kind)
        self.columns = {int(column): self.definition.field(code) for column, code in job.columns.items()}
        self.day = today()
        self.language = job.language
        self.hospitals = {name_key(name) for name in (job.hospital.name, job.hospital.short_name)}
        self.boards: list[Board] = []
        self.requesters: list[Person] = []
        self.reasons: dict[str, str] = {}
        if job.kind == ImportJob.Kind.SUBMISSIONS:
            self.boards = boards_for(job.hospital_id)
            self.requesters = list(access.visible_requesters(by))
            self.reasons = _reasons(self.boards)
        self._boards = _named((board.name, str(board.pk)) for board in self.boards)
        self._requesters = _named(
            (name, str(person.pk))
            for person in self.requesters
            for name in (*_names(person), person.licence_number, person.email)
            if name
        )

    def form(self, values: Mapping[str, str]) -> ImportedCaseForm | OldDecisionForm:
        """The form of a row, bound to what a row was read as."""
        find = self._find
        if self.job.kind == ImportJob.Kind.DECISIONS:
            return OldDecisionForm(dict(values), today=self.day, find=find)
        return ImportedCaseForm(
            dict(values),
            today=self.day,
            find=find,
            boards=self.boards,
            requesters=self.requesters,
            language=self.language,
        )

    def check(self, row: Row) -> ImportRow:
        """The row with its values, errors and digest, not saved yet."""
        values, errors, raw = self._values(row)
        form = self.form(values)
        if not form.is_valid():
            for field, sentences in form.errors.items():
                errors.setdefault(_shown_at(field, raw), [str(each) for each in sentences])
            if "national_number" in errors:  # what the number would have told is no second mistake
                for field in ("birth_date", "sex", "other_identifier_reason"):
                    if not raw.get(field):
                        errors.pop(field, None)
        found = ImportRow(
            id=derived_id(self.job.pk, self.job.hospital_id, f"row {row.number}"),
            hospital_id=self.job.hospital_id,
            job=self.job,
            number=row.number,
            values={"form": values, "raw": {field: text[:RAW_SHOWN] for field, text in raw.items() if text}},
            errors=errors,
            state=ImportRow.State.WRONG if errors else ImportRow.State.READY,
        )
        if not errors:
            found.key = self._key(form.cleaned_data)
        return found

    # --- pieces ----------------------------------------------------------------------------------------------------------

    def _find(self, digits: str, other: str) -> Patient | None:
        return access.find_patient(self.by, national_number=digits, other_identifier=other)

    def _values(self, row: Row) -> tuple[dict[str, str], dict[str, list[str]], dict[str, str]]:
        values: dict[str, str] = {}
        errors: dict[str, list[str]] = {}
        raw: dict[str, str] = {}
        for column, cell in enumerate(row.cells):
            field = self.columns.get(column)
            if field is None:
                if column >= len(self.job.header) and not cell.empty:
                    errors.setdefault("", []).append(_("A cell stands beside the last column."))
                continue
            raw[field.code] = cell.text
            try:
                values[field.code] = text_of(field, cell, epoch_1904=bool(self.job.facts.get("epoch_1904")))
            except InvalidCell as error:
                errors[field.code] = [str(error)]
        self._identity(values)
        hospital = values.pop("hospital", "")
        if hospital and name_key(hospital) not in self.hospitals:
            errors["hospital"] = [_("This row is another hospital's: only its own secretary can bring it in.")]
        if self.job.kind == ImportJob.Kind.SUBMISSIONS:
            self._choose(values, errors)
            values["command_id"] = str(
                self.job.pk
            )  # the form asks for one; the command of a row is derived from the row
        return values, errors, raw

    def _identity(self, values: dict[str, str]) -> None:
        digits = digits_of(values.get("national_number", "")) or ""
        if values.get("national_number"):
            if len(digits) == national_number.LENGTH:
                fill_from_number(values, digits, self.day)
            return
        values["no_number"] = "on"
        if values.get("other_identifier") and not values.get("other_identifier_reason"):
            values["other_identifier_reason"] = _("The imported list has no national number.")

    def _choose(self, values: dict[str, str], errors: dict[str, list[str]]) -> None:
        """Words into the ids and codes that the form's lists have."""
        board = values.get("board", "")
        if not board:
            only = self.job.board_id or (self.boards[0].pk if len(self.boards) == 1 else None)
            values["board"] = str(only or "")
        elif found := self._boards.get(name_key(board)):
            values["board"] = found
        else:
            errors["board"] = [_("Your hospital cannot refer to a board of this name.")]
        if requester := values.get("requester", ""):
            found = self._requesters.get(name_key(requester)) or self._requesters.get(digits_of(requester) or "")
            if found == AMBIGUOUS:
                errors["requester"] = [
                    _("Several clinicians of your hospital are called so: write the licence number.")
                ]
            elif found is None:
                errors["requester"] = [_("No clinician of your hospital is called so.")]
            else:
                values["requester"] = found
        if reason := values.get("reason", ""):
            code = self.reasons.get(header_key(reason))
            if code is None:
                errors["reason"] = [_("This reason is not known here: take one of the template's.")]
            else:
                values["reason"] = code

    def _key(self, cleaned: Mapping[str, Any]) -> str:
        """SHA-256 over what makes the row this one: its own reference where it has one, else patient, board, day and content."""
        head = [self.job.kind, str(self.job.hospital_id), str(cleaned.get("board") or self.job.board_id or "")]
        if cleaned.get("reference"):
            parts = [*head, "reference", cleaned["reference"]]
        else:
            day = cleaned.get("requested_on") or cleaned.get("decided_on")
            patient = cleaned["national_number"] or f"other {cleaned['other_identifier']}"
            content = [cleaned.get("question", ""), cleaned.get("text", ""), cleaned.get("steps", "")]
            parts = [*head, patient, str(day), *(" ".join(each.split()) for each in content)]
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def checker_of(by: Actor, job: ImportJob) -> Checker:
    """The checker of a list, one for all the rows of a bundle."""
    return current().once(("checker", by.actor_id, job.pk), lambda: Checker(by, job))


def _shown_at(field: str, raw: Mapping[str, str]) -> str:
    """At which column to say what is wrong with a field: where it has none, at the other way to name the patient."""
    ways = {
        "national_number": "other_identifier",
        "other_identifier": "national_number",
        "record_number": "other_identifier",
    }
    other = ways.get(field, "")
    return other if field not in raw and other in raw else field


def _reasons(boards: Iterable[Board]) -> dict[str, str]:
    found: dict[str, str] = {}
    for board in boards:
        for option in board_kind(board.kind).referral_reasons:
            for word in (option.code, *option.words.values()):
                found.setdefault(header_key(word), option.code)
    return found


def _names(person: Person) -> tuple[str, ...]:
    first, last = person.first_name, person.last_name
    return (
        person.display_name,
        f"{first} {last}",
        f"{last} {first}",
        f"{last}, {first}",
        f"dr. {first} {last}",
        f"dr. {last}",
        last,
    )


def _named(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        key = name_key(name)
        found[key] = value if found.get(key, value) == value else AMBIGUOUS
    return found
