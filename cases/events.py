"""What happens to patients, cases, documents and referrals."""

from typing import ClassVar
from uuid import UUID

from mdo.kernel.events import Event


class PatientRegistered(Event):
    """A hospital registered a patient."""

    name: ClassVar[str] = "patient.registered"
    patient_id: UUID
    hospital_id: UUID


class PatientChanged(Event):
    """A patient's identity or contact data was corrected."""

    name: ClassVar[str] = "patient.changed"
    patient_id: UUID
    hospital_id: UUID
    version: int


class PatientsMerged(Event):
    """A hospital's second record of a patient went up in another one: its cases are that one's from now on."""

    name: ClassVar[str] = "patient.merged"
    patient_id: UUID
    merged_id: UUID
    hospital_id: UUID
    cases: int
    version: int


class PatientsUnmerged(Event):
    """A merge was undone: the record ``patient_id`` has its cases again."""

    name: ClassVar[str] = "patient.unmerged"
    patient_id: UUID
    survivor_id: UUID
    hospital_id: UUID
    cases: int
    version: int


class PatientsLinked(Event):
    """Somebody who builds a board's agenda said that two hospitals' patients are one person, for that board."""

    name: ClassVar[str] = "patient.linked"
    board_id: UUID
    link_id: UUID
    hospital_id: UUID


class PatientsUnlinked(Event):
    """That was taken back."""

    name: ClassVar[str] = "patient.unlinked"
    board_id: UUID
    link_id: UUID
    hospital_id: UUID


class CaseCreated(Event):
    """A case was begun for a patient."""

    name: ClassVar[str] = "case.created"
    case_id: UUID
    hospital_id: UUID


class CaseChanged(Event):
    """The dossier of a case (its data, tumours or documents) changed."""

    name: ClassVar[str] = "case.changed"
    case_id: UUID
    hospital_id: UUID
    version: int


class DocumentAdded(Event):
    """A document was added to a case."""

    name: ClassVar[str] = "document.added"
    document_id: UUID
    case_id: UUID
    hospital_id: UUID


class DocumentRemoved(Event):
    """A document was taken out of a case."""

    name: ClassVar[str] = "document.removed"
    document_id: UUID
    case_id: UUID
    hospital_id: UUID


class ReferralChanged(Event):
    """A referral was made or its question, reason or requester changed."""

    name: ClassVar[str] = "referral.changed"
    referral_id: UUID
    case_id: UUID
    board_id: UUID
    hospital_id: UUID
    version: int


class ReferralMoved(Event):
    """A referral went from one state to the next: submitted, returned, accepted, scheduled, discussed, postponed, withdrawn."""

    name: ClassVar[str] = "referral.moved"
    referral_id: UUID
    case_id: UUID
    board_id: UUID
    hospital_id: UUID
    before: str
    after: str
    version: int


class PreparationChanged(Event):
    """Somebody prepared a referral for the table: it is seen, noted (with words beside it), or open again."""

    name: ClassVar[str] = "preparation.changed"
    note_id: UUID
    referral_id: UUID
    case_id: UUID
    hospital_id: UUID
    state: str
    version: int


class ImportMoved(Event):
    """An imported list was uploaded, went on to its next stage, or was thrown away."""

    name: ClassVar[str] = "import.moved"
    import_id: UUID
    hospital_id: UUID
    state: str


class LaunchAccepted(Event):
    """A hospital's record system signed that somebody opens a patient."""

    name: ClassVar[str] = "launch.accepted"
    launch_id: UUID
    client_id: UUID
    person_id: UUID
    hospital_id: UUID


class LaunchOpened(Event):
    """Somebody came in from the record system."""

    name: ClassVar[str] = "launch.opened"
    launch_id: UUID
    hospital_id: UUID


class SketchKept(Event):
    """What somebody types of a new case was kept for them."""

    name: ClassVar[str] = "sketch.kept"
    sketch_id: UUID
    hospital_id: UUID
    version: int


class SketchThrownAway(Event):
    """What was kept of a new case went: its author threw it away, or the case was made."""

    name: ClassVar[str] = "sketch.thrown_away"
    sketch_id: UUID
    hospital_id: UUID


class SketchesForgotten(Event):
    """What nobody went on with for a long time went by itself."""

    name: ClassVar[str] = "sketch.forgotten"
    count: int
