"""The printed form of one tumour: the dossier as it was discussed, what was saved beside it, and the patient as their record says now."""

from __future__ import annotations

from contextlib import suppress

from django.utils import translation
from django.utils.translation import gettext as _

from cases import dossiers
from cases.dossiers.board_kinds import board_kind
from mdo.directory import licence_number
from mdo.directory.licence_number import InvalidLicenceNumber
from mdo.directory.models import Person
from meetings.models import Meeting, RegistrationForm
from meetings.registering import showing
from meetings.registering.reading import Entry
from meetings.reports import content, printing, writing
from meetings.reports.registration import RegistrationSheet


def registration_pdf(entry: Entry, row: RegistrationForm, language: str) -> bytes:
    """The form in a language; what is not complete, or whose decision, patient or tumour was changed since, says so as a draft."""
    with translation.override(language):
        return printing.registration_pdf(_sheet(entry, row, language), language)


def _sheet(entry: Entry, row: RegistrationForm, language: str) -> RegistrationSheet:
    registration = entry.rules.registration
    assert registration is not None
    meeting = Meeting.objects.select_related("board__organiser").get(pk=entry.decision.meeting_id)
    patient, hospital = entry.case.patient, entry.case.hospital
    shown = next(form for form in showing.shown(entry, language).forms if form.tumour_id == row.tumour_id)
    name = _("Tumour %(number)d: %(name)s") % {"number": shown.position, "name": shown.title}
    wanted = {column.name.removesuffix("_edition") for column in registration.columns}
    groups = []
    for level, answers in (("tumour", entry.answered(row.tumour_id)), ("case", entry.data)):
        rows = [
            content.Row(each.label, _value(each))
            for group in dossiers.display(entry.case.dossier, level, answers, language)  # type: ignore[arg-type]
            for each in group.rows
            if each.key in wanted
        ]
        if rows:
            groups.append(content.Group(name if level == "tumour" else _("Case"), tuple(rows)))
    reason = board_kind(meeting.board.kind).option_words("referral_reasons", entry.referral.reason, language)
    signer = entry.decision.signed_by
    facts = [
        (_("Reason"), reason),
        (_("Requester"), _licensed(entry.referral.requester)),
        (_("Coordinator"), _licensed(signer) if signer else ""),
        (
            _("Decision"),
            _("number %(number)s, version %(version)d")
            % {"number": entry.decision.number, "version": entry.decision.version},
        ),
        (_("Discussed"), _("No") if entry.decision.without_discussion else _("Yes")),
    ]
    return RegistrationSheet(
        title=_("Registration: %(form)s") % {"form": shown.words},
        sitting=writing.sitting(meeting, language),
        patient=content.PatientIdentity(
            name=patient.display_name,
            birth_date=patient.birth_date,
            gender=patient.sex,  # type: ignore[arg-type]  # the codes are FHIR's
            number=writing.number_of(patient),
            number_kind=writing.number_kind(patient),
            hospital=hospital.name,
        ),
        imprint=content.Imprint(document_id=str(row.pk), version=entry.version),
        facts=tuple(content.Row(label, value) for label, value in facts if value),
        groups=tuple(groups),
        chronology=shown.chronology,
        missing=tuple(each.label for each in shown.missing),
        reasons=tuple(reason.words() for reason in shown.reasons),
        layout=f"{registration.layout} ({entry.rules.id})",
        complete=shown.state in (showing.State.COMPLETE, showing.State.EXPORTED) and not entry.outdated,
    )


def _licensed(person: Person) -> str:
    number = person.licence_number
    if not number:
        return person.display_name
    with suppress(InvalidLicenceNumber):  # else as it stands in the directory
        number = str(licence_number.parse(number))
    return f"{person.display_name} ({number})"


def _value(row: dossiers.Row) -> str:
    words = f"{row.words} {row.unit}".strip()
    return f"{words} ({row.code})" if row.code else words
