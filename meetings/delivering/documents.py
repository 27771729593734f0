"""What goes out: one signed report with its patient and its recipient, or a made-up one. What is missing for that is said by a code."""

import base64
import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID, uuid5

from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _

from cases.models import Case, Patient
from mdo.directory.details import address_of
from mdo.directory.models import Board, Person
from mdo.kernel.encryption import Damaged
from mdo.kernel.storage import storage
from meetings.delivering.faults import Missing
from meetings.models import AgendaItem, Decision, Dispatch, Meeting, Report
from meetings.models.dispatch import Channel, Role
from meetings.reports.printing import cover_pdf

NOBODY = "00000000000"  # stands where a made-up document needs a number that nobody has


@dataclass(frozen=True)
class Document:
    """``key`` is the delivery's and ``number`` the document's own id, alike for all who get it; ``replaces`` is that of the one before it.
    ``decision`` has everything around it at hand."""

    key: UUID
    number: UUID
    kind: str
    language: str
    decision: Decision
    recipient: Person | None
    body: bytes
    made_at: datetime
    replaces: UUID | None = None
    trial: bool = False

    @property
    def patient(self) -> Patient:
        assert self.decision.case is not None
        return self.decision.case.patient

    @property
    def title(self) -> str:
        """What kind of document of which board, in its language: nothing of the patient."""
        with translation.override(self.language):
            return f"{Report.Kind(self.kind).label}, {self.decision.board.name}"


def control_id(key: UUID) -> str:
    """MSH-10 of a delivery, the same for ever: 20 characters, as many as HL7 v2.5.1 allows."""
    return base64.b32encode(hashlib.sha256(key.bytes).digest()[:12]).decode()[:20]


def recipient_of(channel: str, role: str, known: Person | None, decision: Decision) -> Person | None:
    """To whom, with everything that the channel needs of them; nobody for a record system. ``known``: who was meant when it was ordered.
    Raises ``Missing``."""
    assert decision.case is not None
    patient = decision.case.patient
    if role == Role.RECORD:
        return None
    referral = decision.item.referral
    by_case = patient.gp if role == Role.GP else referral.requester if referral else None
    person = known or by_case
    if person is None:
        raise Missing("only_a_name" if patient.gp_name else "no_gp")
    if channel == Channel.PAPER and not address_of(person):
        raise Missing("no_address")
    if channel == Channel.EHEALTHBOX and not person.licence_number:
        raise Missing("no_licence")
    if channel == Channel.EHEALTHBOX and not patient.national_number:
        raise Missing("no_national_number")
    return person


def addressee(report: Report) -> Person | None:
    """The GP to whom a letter is written, whoever has become it since. Of a report ``recipient`` is the requester, in whose language it is: to
    whom it goes says the route."""
    return report.recipient if report.kind == Report.Kind.LETTER else None


def decision_of(report: Report) -> Decision:
    """The decision of a report, with everything that goes out beside it."""
    found = Decision.objects.select_related(
        "hospital", "board__organiser", "meeting", "item__referral__requester", "item__referral__board", "signed_by",
        "case__patient__hospital", "case__patient__gp", "case__hospital",
    ).prefetch_related("case__tumours")  # fmt: skip
    assert report.decision_id is not None
    return found.get(pk=report.decision_id)


def document_of(row: Dispatch) -> Document:
    """The document of a delivery. Raises ``Missing``."""
    if row.trial:
        return made_up(row)
    report = row.report
    assert report is not None
    decision = decision_of(report)
    recipient = recipient_of(row.channel, row.role, row.recipient or addressee(report), decision)
    try:
        with storage.open(report.storage_name) as file:
            body = bytes(file.read())
    except (OSError, Damaged):
        raise Missing("no_file") from None
    return Document(
        key=row.pk,
        number=report.pk,
        kind=report.kind,
        language=report.language,
        decision=decision,
        recipient=recipient,
        body=body,
        made_at=report.created_at,
        replaces=_before(report, decision),
    )


def _before(report: Report, decision: Decision) -> UUID | None:
    """What a report takes the place of: the one before it of the same version (what was said of the patient changed), else the last of the
    version that this one replaces."""
    made = Report.objects.filter(kind=report.kind, edition=report.edition).exclude(storage_name="")
    earlier = Q(created_at__lt=report.created_at) | Q(created_at=report.created_at, pk__lt=report.pk)
    for found in (made.filter(earlier, decision=decision), made.filter(decision=decision.replaces_id)):
        before = found.exclude(decision=None).order_by("-created_at", "-pk").values_list("pk", flat=True).first()
        if before is not None:
            return before
    return None


def made_up(row: Dispatch) -> Document:
    """A document of nobody, to try a route with: everything in it is invented but for the hospital and its route. Its ids follow from the
    row, so that a repetition is one."""
    hospital, at = row.hospital, row.created_at
    language = "nl"

    def key(word: str) -> UUID:
        return uuid5(row.pk, word)

    signer = Person(id=key("signer"), first_name="Test", last_name="Test", licence_number=NOBODY)
    board = Board(id=key("board"), name="TEST", organiser=hospital, kind="tumour_board")
    patient = Patient(
        id=key("patient"),
        hospital=hospital,
        family_name="TEST",
        given_name="TEST",
        birth_date=date(1900, 1, 1),
        sex=Patient.Sex.UNKNOWN,
        national_number=NOBODY if row.channel == Channel.EHEALTHBOX else "",
        record_number="TEST",
        other_identifier_reason="TEST",
    )
    case = Case(id=key("case"), hospital=hospital, patient=patient, dossier="breast")
    meeting = Meeting(id=key("meeting"), hospital=hospital, board=board, starts_at=at, ends_at=at)
    decision = Decision(
        id=key("decision"),
        hospital=hospital,
        board=board,
        meeting=meeting,
        item=AgendaItem(id=key("item"), hospital=hospital, meeting=meeting),
        case=case,
        state=Decision.State.SIGNED,
        text="TEST",
        signed_at=at,
        signed_by=signer,
    )
    with translation.override(language):
        lines = _("This is a test document of MDO. It is about nobody; it may be thrown away.")
    return Document(
        key=row.pk,
        number=row.pk,
        kind=Report.Kind.CASE,
        language=language,
        decision=decision,
        recipient=None if row.role == Role.RECORD else signer,
        body=cover_pdf(
            sender=hospital.name, recipient="TEST", text=lines, when=at, zone=board.time_zone, language=language
        ),
        made_at=at,
        trial=True,
    )
