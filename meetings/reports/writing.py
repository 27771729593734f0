"""From the tables to what a document says: the content of reports and minutes, in the language of the document.

Needs the door of the house, which makes the documents; who may open one is asked when it is served.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from cases import dossiers
from cases.coding import national_number
from cases.coding.words import in_language
from cases.dossiers.board_kinds import BoardKind, board_kind
from cases.models import Case, Patient
from mdo.directory import access as directory
from mdo.directory import disciplines
from mdo.directory.models import BoardRole, Organisation, Person
from mdo.kernel.compiled import compiled
from meetings import agenda, attendance, guests
from meetings import agreed as agreements
from meetings.models import AgendaItem, Decision, DecisionSeal, Meeting, Report, Voice
from meetings.quorum import stitched
from meetings.reports import content

Role = BoardRole.Role


def case_report(decision: Decision, meeting: Meeting, report: Report) -> content.CaseReport:
    """The report of one decided case, in the report's language. Holds nothing of any other case."""
    item = AgendaItem.objects.select_related("referral__requester", "referral__hospital").get(pk=decision.item_id)
    referral = item.referral
    assert referral is not None
    case = Case.objects.select_related("patient", "hospital").get(pk=referral.case_id)
    kind, language = board_kind(meeting.board.kind), report.language
    with translation.override(language):
        opened, closed = times(item)
        return content.CaseReport(
            title=in_language(kind.report, language),
            **of_case(meeting, item, case, language),
            opened_at=opened,
            closed_at=closed,
            recommendation=recommendation(decision, kind, language),
            participants=tuple(present(row, closed) for row in decision.attendance),
            quorum=quorum_line(decision),
            signature=signature(decision),
            imprint=imprint(decision, report),
        )


def case_sheet(
    meeting: Meeting, item: AgendaItem, line: content.AgendaLine, documents: tuple[content.Row, ...], language: str
) -> content.CaseSheet:
    """One case of an agenda before it is discussed: ``item`` as it was read for whoever asks, ``line`` as the agenda has it."""
    assert item.referral is not None
    case = Case.objects.select_related("patient", "hospital").get(pk=item.referral.case_id)
    with translation.override(language):
        return content.CaseSheet(
            **of_case(meeting, item, case, language),
            imprint=content.Imprint(document_id=str(item.pk), version=item.version),
            number=line.number,
            expected_at=line.expected_at,
            minutes=line.minutes,
            documents=documents,
        )


def of_case(meeting: Meeting, item: AgendaItem, case: Case, language: str) -> dict[str, Any]:
    """What every paper about one case says of it."""
    referral = item.referral
    assert referral is not None
    return {
        "sitting": sitting(meeting, language),
        "patient": identity(case),
        "question": referral.question,
        "requester": referral.requester.display_name,
        "requester_organisation": referral.hospital.name,
        "requested_on": referral.requested_on,
        "reason": board_kind(meeting.board.kind).option_words("referral_reasons", referral.reason, language),
        "late": item.late,
        "groups": _groups(case.dossier, "case", case.data, language),
        "tumours": _tumours(case, language),
    }


def identity(case: Case) -> content.PatientIdentity:
    """Whose paper it is. ``case`` with its patient and hospital at hand."""
    return content.PatientIdentity(
        name=case.patient.display_name,
        birth_date=case.patient.birth_date,
        gender=case.patient.sex,  # type: ignore[arg-type]  # the codes are FHIR's
        number=number_of(case.patient),
        number_kind=number_kind(case.patient),
        hospital=case.hospital.name,
    )


def minutes_of(meeting: Meeting, report: Report) -> content.Minutes:
    """The minutes of a whole meeting: everything of every case. For those entitled to each of them."""
    kind, language = board_kind(meeting.board.kind), report.language
    items = _items(meeting=meeting.pk)
    # A correction that waits for its signature does not replace anything yet.
    decisions: dict[Any, Decision] = {}
    for decision in _decisions(meeting=meeting.pk):
        known = decisions.get(decision.item_id)
        if known is None or decision.state == Decision.State.SIGNED:
            decisions[decision.item_id] = decision
    numbers = agenda.numbers(items)
    connections = attendance.leases(meeting)
    outside = {guest for found in guests.people_by_item(meeting).values() for guest in found}
    people = attendance.seats(meeting, connections, outside)
    stays = attendance.call_stays(meeting, connections)
    present_ids = {person_id: stitched(spans) for person_id, spans in attendance.intervals(connections, stays).items()}
    holders = _holders(meeting, present_ids)
    with translation.override(language):
        return content.Minutes(
            sitting=sitting(meeting, language),
            items=tuple(
                _minutes_item(item, numbers.get(item.pk), decisions.get(item.pk), kind, language) for item in items
            ),
            attendance=tuple(
                content.Present(
                    name=seat.person.display_name,
                    discipline=disciplines.words(seat.person.discipline),
                    organisation=seat.organisation.name,
                    role=role_words(seat.role),
                    spans=tuple(
                        content.Span(one.start, one.end or meeting.closed_at, one.means)
                        for one in present_ids[person_id]
                    ),
                )
                for person_id, seat in sorted(
                    people.items(), key=lambda pair: (pair[1].organisation.name, pair[1].person.last_name)
                )
                if person_id in present_ids
            ),
            started_at=meeting.started_at,
            closed_at=meeting.closed_at,
            chair=holders.get(Role.CHAIR, ""),
            coordinator=holders.get(Role.COORDINATOR, ""),
            secretary=holders.get(Role.SECRETARY, ""),
            signature=_last_signature(decisions.values()),
            imprint=content.Imprint(document_id=str(report.pk)),
        )


@compiled
def _items(meeting: UUID) -> QuerySet[AgendaItem]:
    """What the minutes say of each item, and no more: most of a case is said in its own report."""
    name = ("title", "first_name", "last_name")
    patient = ("family_name", "given_name", "birth_date", "national_number", "other_identifier")
    own = ("id", "position", "state", "late", "open_intervals", "postponed_reason", "postponed_note")
    found = AgendaItem.objects.filter(meeting=meeting).order_by("position")
    joined = ("referral__requester", "referral__case__patient", "topic", "hospital", "postponed_to")
    return found.select_related(*joined).only(
        *own,
        "meeting",
        "referral__question",
        *(f"referral__requester__{field}" for field in name),
        "referral__case__id",
        *(f"referral__case__patient__{field}" for field in patient),
        "topic__title",
        "hospital__name",
        "postponed_to__starts_at",
    )


@compiled
def _decisions(meeting: UUID) -> QuerySet[Decision]:
    in_force = (Decision.State.RECORDED, Decision.State.SIGNED)
    found = Decision.objects.filter(meeting=meeting, state__in=in_force)
    return found.select_related("signed_by").order_by("version")


def _minutes_item(
    item: AgendaItem, number: int | None, decision: Decision | None, kind: BoardKind, language: str
) -> content.MinutesItem:
    opened, closed = times(item)
    referral = item.referral
    common: dict[str, Any] = {
        "number": number,
        "state": item.state,
        "late": item.late,
        "opened_at": opened,
        "closed_at": closed,
        "recommendation": recommendation(decision, kind, language) if decision else None,
        "signed": decision is not None and decision.state == Decision.State.SIGNED,
        "present": tuple(row["name"] for row in decision.attendance) if decision else (),
        "quorum": quorum_line(decision) if decision else None,
        "postponed_reason": (
            kind.option_words("postponement_reasons", item.postponed_reason, language) if item.postponed_reason else ""
        ),
        "postponed_note": item.postponed_note,
        "postponed_to": item.postponed_to.starts_at if item.postponed_to else None,
    }
    if referral is None:
        return content.MinutesItem(kind="topic", title=item.topic.title if item.topic else "", **common)
    patient = referral.case.patient
    born = f"{patient.birth_date:%d/%m/%Y}"
    return content.MinutesItem(
        kind="case",
        title=patient.display_name,
        detail=f"{born} · {number_of(patient)} · {item.hospital.name}",
        requester=referral.requester.display_name,
        question=referral.question,
        **common,
    )


# --- pieces ------------------------------------------------------------------------------------------------------------


def sitting(meeting: Meeting, language: str | None) -> content.Sitting:
    """The head of a document: the board and its hospitals, when and where. Two queries."""
    reach = directory.reach(meeting.board, meeting.board.organiser_id)
    names = Organisation.objects.filter(pk__in=reach).order_by("name").values_list("name", flat=True)
    return content.Sitting(
        board=meeting.board.name,
        label=in_language(board_kind(meeting.board.kind).label, language),
        organiser=meeting.board.organiser.name,
        hospitals=tuple(names),
        starts_at=meeting.starts_at,
        zone=meeting.board.time_zone,
        place=meeting.place,
    )


def times(item: AgendaItem) -> tuple[datetime | None, datetime | None]:
    """When an item first came on the table and when it last left it."""
    spans = attendance.open_times(item)
    return (spans[0].start, spans[-1].end) if spans else (None, None)


def number_of(patient: Patient) -> str:
    """The number by which a patient is known, as people write it."""
    if patient.national_number:
        return national_number.formatted(patient.national_number)
    return patient.other_identifier


def number_kind(patient: Patient) -> str:
    return _("National number") if patient.national_number else _("Identifier")


def recommendation(decision: Decision, kind: BoardKind, language: str | None) -> content.Recommendation:
    """What was decided, in words."""
    return content.Recommendation(
        steps=tuple(
            content.Step(kind.option_words("steps", step["kind"], language), step["text"]) for step in decision.steps
        ),
        intent=kind.option_words("intents", decision.intent, language) if decision.intent else "",
        text=decision.text,
        deviation=decision.deviation,
        **_agreed(agreements.filled(decision.agreed), decision.deviation, kind, language),
        dissents=tuple(
            content.Dissent(voice["name"], disciplines.words(voice["discipline"]), voice["reason"])
            for voice in decision.voices
            if voice["kind"] == Voice.Kind.DISSENT
        ),
        confirmed=tuple(
            disciplines.words(code)
            for code in sorted({v["discipline"] for v in decision.voices if v["kind"] == Voice.Kind.CONFIRM})
        ),
        discussion=decision.discussion,
        protocol=decision.protocol,
    )


def _agreed(agreed: Mapping[str, Any], deviation: str, kind: BoardKind, language: str | None) -> dict[str, Any]:
    """What was agreed beside the steps, in words."""

    def words(listed: str, code: str) -> str:
        return kind.option_words(listed, code, language) if code else ""

    trial = [words("trials", agreed["trial"]), agreed["trial_name"]]
    informs = agreed["informs_who"] if agreed["informs"] == agreements.OTHER else words("informers", agreed["informs"])
    return {
        "guideline": "" if deviation else words("guidelines", agreed["guideline"]),
        "trial": ": ".join(part for part in trial if part),
        "informs": informs,
        "actions": tuple(
            content.Action(row["text"], row["name"], date.fromisoformat(row["due"]) if row["due"] else None)
            for row in agreed["actions"]
        ),
    }


def present(row: Mapping[str, Any], until: datetime | None = None) -> content.Present:
    """One line of a frozen attendance. Who was still there when it was frozen stayed until the item was closed (``until``)."""
    return content.Present(
        name=row["name"],
        discipline=disciplines.words(row["discipline"]),
        organisation=row["organisation_name"],
        role=role_words(row["role"]),
        spans=tuple(
            content.Span(datetime.fromisoformat(start), datetime.fromisoformat(end) if end else until, means)
            for start, end, means in row["times"]
        ),
    )


def role_words(role: str) -> str:
    """What somebody was at the table, in the language that is active."""
    words = {"requester": _("Requester"), "guest": _("Guest"), "phone": _("By telephone")}
    return str(Role(role).label) if role in Role else words.get(role, role)


def quorum_line(decision: Decision) -> content.QuorumLine | None:
    """The board's own quorum as it was frozen."""
    board = decision.quorum.get("board")
    return content.QuorumLine(board["met"], board["have"], board["need"]) if board else None


def signature(decision: Decision) -> content.Signature:
    return content.Signature(
        recorded_by=decision.recorded_by.display_name if decision.recorded_by else "",
        recorded_at=decision.recorded_at,
        signed_by=decision.signed_by.display_name if decision.signed_by else "",
        signed_at=decision.signed_at,
    )


def _last_signature(decisions: Iterable[Decision]) -> content.Signature:
    """Of the minutes: that of the last decision, once all of them are signed."""
    moments = [(each.signed_at, each) for each in decisions]
    if not moments or any(at is None for at, _decision in moments):
        return content.Signature()
    at, last = max(moments, key=lambda pair: pair[0])  # type: ignore[arg-type, return-value]
    return content.Signature(signed_by=last.signed_by.display_name if last.signed_by else "", signed_at=at)


def imprint(decision: Decision, report: Report) -> content.Imprint:
    """What identifies a document about a decision."""
    replaces = ""
    if decision.replaces_id is not None:
        replaces = _("version %(version)s (%(id)s)") % {"version": decision.version - 1, "id": decision.replaces_id}
    code = DecisionSeal.objects.filter(decision=decision).values_list("code", flat=True).first() or ""
    return content.Imprint(str(report.pk), decision.version, replaces, decision.digest, code)


def _groups(dossier: str, level: Any, data: Mapping[str, Any], language: str) -> tuple[content.Group, ...]:
    return tuple(
        content.Group(group.label, tuple(content.Row(row.label, _value(row)) for row in group.rows))
        for group in dossiers.display(dossier, level, data, language)
    )


def _value(row: dossiers.Row) -> str:
    words = f"{row.words} {row.unit}".strip()
    return f"{words} ({row.code})" if row.code else words


def _tumours(case: Case, language: str) -> tuple[content.Group, ...]:
    groups = []
    for number, tumour in enumerate(case.tumours.all(), start=1):
        name = dossiers.title(case.dossier, tumour.data, language)
        title = (
            _("Tumour %(number)d: %(name)s") % {"number": number, "name": name}
            if name
            else _("Tumour %(number)d") % {"number": number}
        )
        rows = [row for group in _groups(case.dossier, "tumour", tumour.data, language) for row in group.rows]
        groups.append(content.Group(title, tuple(rows)))
    return tuple(groups)


def _holders(meeting: Meeting, there: Mapping[Any, Any]) -> dict[str, str]:
    """Who held each role at this meeting: of those who have it for the organiser, whoever was there. One query."""
    at = meeting.started_at or meeting.starts_at
    held: dict[str, list[Person]] = {}
    for each in _office(board=meeting.board_id, organisation=meeting.board.organiser_id, at=at):
        if each.valid_until is None or each.valid_until > at:
            held.setdefault(each.role, []).append(each.person)
    return {
        role: next((person for person in people if person.pk in there), people[0]).display_name
        for role, people in held.items()
    }


@compiled
def _office(board: UUID, organisation: UUID, at: datetime) -> QuerySet[BoardRole]:
    found = BoardRole.objects.filter(board=board, organisation=organisation, valid_from__lte=at)
    return found.select_related("person").order_by("valid_from")
