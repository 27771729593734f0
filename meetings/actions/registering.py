"""Registering a case after its decision was signed, and the files of a period."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from cases.dossiers import clean
from mdo.directory.access import today
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from meetings.events import RegistrationSaved
from meetings.models import AgendaItem, BillingLine, Decision, Meeting, RegistrationForm
from meetings.registering import access, billing, columns, reading
from meetings.registering.facts import NONE
from meetings.registering.reading import Entry, Said, Told
from meetings.rulesets.registration import FORMS, Registration

State = RegistrationForm.State


@action("registration.save", row="register")
def save_registration(
    *,
    by: Actor,
    meeting_id: UUID,
    item_id: UUID,
    version: int,
    setting: str,
    requested_on: date | None,
    elsewhere: bool | None,
    tumours_told: Mapping[UUID, Mapping[str, Any]],
    command_id: UUID,
) -> tuple[Event, ...]:
    """Save what the dossier does not hold of a case: where the patient stayed, the day of the written request, whether the first consultation
    was elsewhere, and by tumour (``tumours_told``) ``{"chosen": form against the rules, "chronology": [code], "answers": {question: value},
    "take": whether to register it as it stands in the case now}``.

    Effects: a form for each tumour and the billing of the case, with what the rules say of both and why, as far as they are complete; version + 1.
    What a file holds already and is other now says so. Refused: until the decision is signed, for a board that registers nothing, ``Invalid`` by
    field (``<tumour number>-<field>``), and as stale.
    """
    item = access.access_item_for_registering(by, meeting_id, item_id)
    said = Said(
        setting,
        requested_on,
        elsewhere,
        {
            key: Told(
                str(each.get("chosen", "")),
                tuple(each.get("chronology", ())),
                dict(each.get("answers", {})),
                {"take": True} if each.get("take") else {},
            )
            for key, each in tumours_told.items()
        },
    )
    board = item.meeting.board
    if not reading.registers(board, reading.held_on(item.meeting, board)):
        raise RuleBroken(_("This board registers no cancers."))
    _lock(item.pk)
    entry = reading.entries(by, [item]).get(item.pk)
    if entry is None:
        raise RuleBroken(_("The decision is registered once it is signed."))
    said = _checked(entry, said)
    if entry.version != version:
        raise Stale(_("Somebody else registered this case in between."), current=entry.version)
    entry = reading.entries(by, [item], {item.pk: said})[item.pk]  # what it is may hang on what was said
    kept = _keep_forms(entry, by)
    line = _keep_line(entry, by)
    note(
        case_id=str(entry.case.pk),
        decision_id=str(entry.decision.pk),
        forms=[f"{form.kind}:{form.state}" for form in kept],
        service=line.service,
        billing=line.state,
    )
    return (RegistrationSaved(meeting_id=meeting_id, item_id=item.pk, version=line.version),)


def _lock(item_id: UUID) -> None:
    """Hold what was saved: a file that is being made marks its rows, and must not be written over."""
    for model in (BillingLine, RegistrationForm):
        list(model.objects.select_for_update().filter(item=item_id).order_by("day", "pk").values_list("pk"))


def _checked(entry: Entry, said: Said) -> Said:
    """What was said, answers as the dossier stores them. Raises ``Invalid``."""
    registration = entry.rules.registration
    assert registration is not None
    errors: dict[str, list[str]] = {}
    if said.setting and said.setting not in BillingLine.Setting:
        errors["setting"] = [_("Choose from the list.")]
    if said.requested_on is not None and said.requested_on > today():
        errors["requested_on"] = [_("This date lies in the future.")]
    numbers = {tumour_id: number for number, (tumour_id, _data) in enumerate(entry.tumours, start=1)}
    if set(said.tumours) - set(numbers):
        raise Invalid({"tumours_told": [_("This tumour was not discussed.")]})
    stored = {}
    for tumour_id, told in said.tumours.items():
        stored[tumour_id], wrong = _told(entry, registration, tumour_id, told)
        errors |= {f"{numbers[tumour_id]}-{field}": sentences for field, sentences in wrong.items()}
    if errors:
        raise Invalid(errors)
    return replace(said, tumours=stored)


def _told(entry: Entry, rules: Registration, tumour_id: UUID, told: Told) -> tuple[Told, dict[str, list[str]]]:
    """What was said about one tumour as it is stored, and what is wrong in it, by field."""
    errors: dict[str, list[str]] = {}
    if told.chosen and told.chosen not in (NONE, *FORMS):
        errors["chosen"] = [_("Choose from the list.")]
    known = {each.code for each in rules.chronology.codes}
    if unknown := [code for code in told.chronology if code not in known]:
        errors["chronology"] = [_("Not in the list of codes: %(codes)s.") % {"codes": ", ".join(unknown)}]
    elif len(told.chronology) > rules.chronology.most:
        errors["chronology"] = [_("At most %(most)d codes.") % {"most": rules.chronology.most}]
    told = replace(told, taken=entry.changed(tumour_id) if told.taken else {})
    data = {**next(each for key, each in entry.tumours if key == tumour_id), **told.taken}
    given = {key: value for key, value in told.answers.items() if value not in (None, "", [])}
    errors |= {
        key: [_("The dossier holds this answer already.")]
        for key in set(given) - set(columns.fillable(rules, entry.dossier, data, given))
    }
    if not given or errors:
        return replace(told, answers={}), errors
    try:  # held against the dossier as a whole
        whole = clean(entry.dossier, "tumour", {**data, **given}, today=today())
    except ValidationError as refused:
        # What is wrong elsewhere in it was so before, and is mended there.
        wrong = {key: list(found) for key, found in refused.message_dict.items() if key in given}
        return replace(told, answers=given), wrong
    return replace(told, answers={key: whole[key] for key in given if key in whole}), errors


def propose(by: Actor, meeting: Meeting, signed: Iterable[Decision]) -> None:
    """Put down what the rules say of each case that was signed now, with the reasons: a form for each tumour and the billing, for whoever
    registers to look at, complete and confirm. What somebody saved before a correction stays as they saved it, and shows that it is of the
    version before. Inside the action that signs."""
    if not reading.registers(meeting.board, reading.held_on(meeting, meeting.board)):
        return
    items = AgendaItem.objects.filter(pk__in=[each.item_id for each in signed if each.case_id is not None])
    for entry in reading.entries(by, items).values():
        if not entry.confirmed:
            _keep_forms(entry, None)
            _keep_line(entry, None)


def _keep_forms(entry: Entry, by: Actor | None) -> list[RegistrationForm]:
    assert entry.verdict is not None
    registration = entry.rules.registration
    assert registration is not None
    kept = []
    for position, ((tumour_id, _data), (_tumour, verdict)) in enumerate(
        zip(entry.tumours, entry.verdict.forms, strict=True), start=1
    ):
        form = entry.forms.get(tumour_id) or RegistrationForm(item_id=entry.decision.item_id, tumour_id=tumour_id)
        told = entry.said.tumours.get(tumour_id, Told())
        form.position, form.kind, form.chosen = position, verdict.kind, told.chosen
        form.chronology, form.answers = list(told.chronology), dict(told.answers)
        form.seen, form.taken = entry.seen(tumour_id), dict(told.taken)
        form.reasons = [reason.as_json() for reason in verdict.reasons]
        form.values = entry.values(tumour_id, position, verdict.kind)
        answers = {"case": entry.data, "tumour": entry.answered(tumour_id)}
        form.missing = columns.missing(registration, entry.dossier, form.values, answers) if verdict.kind else []
        form.state = _state(form, applies=bool(verdict.kind)) if by else State.DRAFT
        _stamp(form, entry, by)
        kept.append(form)
    return kept


def _keep_line(entry: Entry, by: Actor | None) -> BillingLine:
    assert entry.verdict is not None
    verdict, said = entry.verdict.billing, entry.said
    line = entry.line or BillingLine(item_id=entry.decision.item_id, version=0)
    line.service, line.setting = verdict.service, said.setting
    line.requested_on, line.elsewhere = said.requested_on, said.elsewhere
    line.reasons = [reason.as_json() for reason in verdict.reasons]
    line.lines = [_row(entry, each) for each in verdict.lines]
    line.missing = ["setting"] if verdict.applies and not said.setting else []
    line.values = _billing_values(entry)
    line.state = _state(line, applies=verdict.applies) if by else State.DRAFT
    line.version += bool(by)
    _stamp(line, entry, by)
    return line


def _row(entry: Entry, line: billing.Line) -> dict[str, str]:
    person = entry.people.get(str(line.person))
    return {
        "service": line.service,
        "code": line.code(entry.said.setting),  # type: ignore[arg-type]
        "person": str(line.person),
        "name": person.display_name if person else "",
        "licence_number": person.licence_number if person else "",
    }


def _billing_values(entry: Entry) -> dict[str, str]:
    """What each row of the file for invoicing repeats."""
    patient, requester = entry.case.patient, entry.referral.requester
    return {
        "meeting_date": entry.day.isoformat(),
        "national_number": patient.national_number,
        "other_number": patient.other_identifier,
        "record_number": patient.record_number,
        "family_name": patient.family_name,
        "given_name": patient.given_name,
        "birth_date": patient.birth_date.isoformat(),
        "setting": entry.said.setting,
        "requester": requester.display_name,
        "requester_licence_number": requester.licence_number,
        "requested_on": entry.said.requested_on.isoformat() if entry.said.requested_on else "",
        "decision_number": str(entry.decision.number or ""),
        "decision_version": str(entry.decision.version),
    }


def exported_content(row: RegistrationForm | BillingLine) -> dict[str, Any]:
    """What a file says of a row: by its digest it is known whether that is still what stands here."""
    more = row.lines if isinstance(row, BillingLine) else row.kind
    return {"values": row.values, "more": more}


def _state(row: RegistrationForm | BillingLine, *, applies: bool) -> str:
    if not applies:
        return State.NOT_APPLICABLE
    if row.missing:
        return State.DRAFT
    same = row.exported_digest and columns.digest(exported_content(row)) == row.exported_digest
    return State.EXPORTED if same else State.COMPLETE


def _stamp(row: RegistrationForm | BillingLine, entry: Entry, by: Actor | None) -> None:
    decision = entry.decision
    row.hospital_id, row.board_id, row.case_id = decision.hospital_id, decision.board_id, entry.case.pk
    row.decision_id, row.day, row.rule_set = decision.pk, entry.day, entry.rules.id
    row.saved_at, row.saved_by_id = now(), by.actor_id if by else None
    row.save()
