"""What was registered and billed, and what is missing, in words: for the pages and for the printed form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy

from cases import dossiers
from cases.coding.words import in_language
from meetings.models import BillingLine, RegistrationForm
from meetings.registering import columns
from meetings.registering.reading import Entry, Told
from meetings.registering.reasons import Reason, reason_from
from meetings.rulesets.registration import Registration

State = RegistrationForm.State
SERVICES = {
    "first": gettext_lazy("First consultation"),
    "follow_up": gettext_lazy("Follow-up consultation"),
    "additional_elsewhere": gettext_lazy("Additional consultation in another hospital"),
    "coordinator_supplement": gettext_lazy("Supplement of the coordinator"),
    "participation": pgettext_lazy("billing", "Participation"),
    "external_physician": gettext_lazy("External physician"),
}
PROPOSED = "proposed"  # what the rules say of what nobody saved yet
_BILLED_BY = ("codes", "participations", "billing_quorum", "request", "coordinator_supplement")  # of a rule set
_TONES = {State.COMPLETE: "ok", State.EXPORTED: "ok", State.DRAFT: "warn"}


@dataclass(frozen=True)
class Missing:
    """One thing that is not there yet, and who owes it."""

    label: str
    who: str


@dataclass(frozen=True)
class Part:
    """A form or a bill: ``words`` name it (empty where none applies), ``state`` is that of its row or ``proposed``."""

    words: str
    state: str
    reasons: tuple[Reason, ...]
    missing: tuple[Missing, ...] = ()
    changed: bool = False  # since it was exported
    row: Any = None

    @property
    def state_words(self) -> str:
        """Where it stands; a proposal says so."""
        return pgettext("registration", "Proposed") if self.state == PROPOSED else str(State(self.state).label)

    @property
    def tone(self) -> str:
        return _TONES.get(self.state, "")  # type: ignore[call-overload]


@dataclass(frozen=True)
class FormShown(Part):
    position: int = 0
    title: str = ""
    tumour_id: Any = None
    chronology: tuple[str, ...] = ()
    altered: tuple[str, ...] = ()  # the questions that were answered otherwise in the case since the discussion
    outdated: bool = False


@dataclass(frozen=True)
class LineShown:
    words: str
    code: str
    name: str


@dataclass(frozen=True)
class BillShown(Part):
    lines: tuple[LineShown, ...] = ()
    uncertain: bool = False


@dataclass(frozen=True)
class CaseShown:
    entry: Entry
    forms: tuple[FormShown, ...]
    bill: BillShown

    @property
    def uncertain(self) -> bool:
        """Whether something by which the registration was decided, or of its columns, could not be verified."""
        return self.entry.rules.is_uncertain("registration")

    @property
    def missing(self) -> list[Missing]:
        """Everything that is missing, each once."""
        return list(dict.fromkeys(each for part in (*self.forms, self.bill) for each in part.missing))

    @property
    def ready(self) -> bool:
        """Whether nothing waits for anybody: all was saved, complete and is of the decision in force."""
        waits = (State.DRAFT, PROPOSED)
        return not self.entry.outdated and not any(part.state in waits for part in (*self.forms, self.bill))

    @property
    def changed(self) -> bool:
        """Whether the file before says something else."""
        exported = any(part.row is not None and part.row.exported_digest for part in (*self.forms, self.bill))
        return any(part.changed for part in (*self.forms, self.bill)) or (self.entry.outdated and exported)


def shown(entry: Entry, language: str | None) -> CaseShown:
    """One case as a page shows it: what was saved, or what the rules propose where nobody saved it or its decision was corrected since."""
    return CaseShown(entry, tuple(_forms(entry, language)), _bill(entry))


def _forms(entry: Entry, language: str | None) -> Iterable[FormShown]:
    registration, verdict = entry.rules.registration, entry.verdict
    assert registration is not None
    assert verdict is not None
    for position, ((tumour_id, _data), (_tumour, proposed)) in enumerate(
        zip(entry.tumours, verdict.forms, strict=True), start=1
    ):
        row = entry.forms.get(tumour_id)
        saved = row is not None and entry.confirmed and not entry.corrected
        told = entry.said.tumours.get(tumour_id, Told())
        kind = row.kind if saved and row else proposed.kind
        if saved and row:
            lacking, reasons = row.missing, tuple(reason_from(each) for each in row.reasons)
        else:
            answers = {"case": entry.data, "tumour": entry.answered(tumour_id)}
            values = entry.values(tumour_id, position, kind)
            lacking = columns.missing(registration, entry.dossier, values, answers) if kind else []
            reasons = proposed.reasons
        yield FormShown(
            words=registration.form_words(kind, language) if kind else "",
            state=row.state if saved and row else PROPOSED,
            reasons=reasons,
            missing=tuple(_lacking(registration, entry, each, language) for each in lacking),
            changed=bool(row and row.changed_since),
            row=row,
            position=position,
            title=dossiers.title(entry.case.dossier, entry.answered(tumour_id), language),
            tumour_id=tumour_id,
            chronology=tuple(chronology_words(registration, told.chronology, language)),
            altered=tuple(altered(entry, tumour_id, language)),
            outdated=entry.tumour_changed(tumour_id),
        )


def altered(entry: Entry, tumour_id: Any, language: str | None) -> list[str]:
    """The questions about a tumour whose answers were changed in the case since the discussion, in words."""
    changed = entry.changed(tumour_id)
    return [str(field.label(language)) for field in entry.dossier.fields("tumour") if field.key in changed]


def _bill(entry: Entry) -> BillShown:
    assert entry.verdict is not None
    row, proposed = entry.line, entry.verdict.billing
    saved = row is not None and entry.confirmed and not entry.corrected
    setting = row.setting if row else ""
    if saved and row:
        service, reasons = row.service, tuple(reason_from(each) for each in row.reasons)
        lines = tuple(_line(entry, each["service"], each["code"], each["name"]) for each in row.lines)
    else:
        service, reasons = proposed.service, proposed.reasons
        lines = tuple(
            _line(entry, each.service, each.code(setting), _name(entry, str(each.person)))  # type: ignore[arg-type]
            for each in proposed.lines
        )
    lacking = lines and not setting
    return BillShown(
        words=str(SERVICES.get(service, "")) if lines else "",
        state=row.state if saved and row else PROPOSED,
        reasons=reasons,
        missing=(Missing(_("Ambulatory or hospitalised"), _("whoever registers")),) if lacking else (),
        changed=bool(row and row.changed_since),
        row=row,
        lines=lines,
        uncertain=any(map(entry.rules.is_uncertain, _BILLED_BY)),
    )


def _line(entry: Entry, service: str, code: str, name: str) -> LineShown:
    """While it is not known where the patient stayed, both numbers."""
    return LineShown(str(SERVICES.get(service, service)), code or " / ".join(entry.rules.codes.get(service, ())), name)


def _name(entry: Entry, person_id: str) -> str:
    person = entry.people.get(person_id)
    return person.display_name if person else ""


def _lacking(rules: Registration, entry: Entry, code: str, language: str | None) -> Missing:
    """A column by its words; who owes it is the dossier's party, or whoever registers."""
    column = next((each for each in rules.columns if each.code == code), None)
    if column is None:
        return Missing(code, "")
    field = columns.field_of(column, entry.dossier)
    who = in_language(entry.dossier.owes[field.owes], language) if field else _("whoever registers")
    return Missing(columns.label_of(column, entry.dossier, language), who)


def chronology_words(rules: Registration, codes: Sequence[str], language: str | None) -> list[str]:
    """Each code with its words."""
    known = {each.code: each.label(language) for each in rules.chronology.codes}
    return [f"{code} – {known[code]}" if code in known else code for code in codes]


def setting_words(setting: str) -> str:
    return str(BillingLine.Setting(setting).label) if setting else ""
