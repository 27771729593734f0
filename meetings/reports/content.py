"""What a printed document says, as data. Built from decisions by the caller, set by `meetings.reports.printing`.

Every text may be a lazy translation: it is resolved in the reader's language when the document is made, so one content
serves every reader. Moments are aware; they are printed in the document's `zone` with their weekday. Nothing here is
markup: what people typed is printed as they typed it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from django.utils.functional import Promise

from meetings.figures.tables import Figures

Text = str | Promise
MeansOfAttendance = Literal["room", "video", "phone"]
Gender = Literal["female", "male", "other", "unknown"]  # FHIR AdministrativeGender
ItemState = Literal["scheduled", "open", "discussed", "postponed", "withdrawn"]


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled value of a dossier."""

    label: Text
    value: Text


@dataclass(frozen=True, slots=True)
class Group:
    """Labelled values under a heading: a part of the dossier, or one tumour."""

    title: Text
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class PatientIdentity:
    """Whose report it is; `number` is the national number or another identifier, `number_kind` what it is called."""

    name: str
    birth_date: date | None
    gender: Gender
    number: str = ""
    number_kind: Text = ""
    hospital: Text = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Presence from `start` to `end` (None: until the end was not seen)."""

    start: datetime
    end: datetime | None
    means: MeansOfAttendance


@dataclass(frozen=True, slots=True)
class Present:
    """One participant; `spans` empty = not seen while this was on the table."""

    name: str
    discipline: Text
    organisation: Text
    spans: tuple[Span, ...] = ()
    role: Text = ""


@dataclass(frozen=True, slots=True)
class QuorumLine:
    """The board's own quorum while the item was open."""

    met: bool
    have: int
    need: int
    reasons: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a recommendation: its kind in words, and what exactly."""

    label: Text
    text: Text = ""


@dataclass(frozen=True, slots=True)
class Dissent:
    """Who did not agree, and why."""

    name: str
    discipline: Text
    reason: Text


@dataclass(frozen=True, slots=True)
class Action:
    """What somebody does after the meeting, and by when."""

    text: Text
    owner: str
    due: date | None


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What was decided for one case (or one topic: only `text`)."""

    steps: tuple[Step, ...] = ()
    intent: Text = ""
    text: Text = ""
    deviation: Text = ""
    guideline: Text = ""  # empty for a deviation, which says more
    trial: Text = ""
    informs: Text = ""
    actions: tuple[Action, ...] = ()
    dissents: tuple[Dissent, ...] = ()
    confirmed: tuple[Text, ...] = ()  # the disciplines that confirmed the wording when it was read back
    discussion: Text = ""
    protocol: Text = ""


@dataclass(frozen=True, slots=True)
class Sitting:
    """Which meeting of which board. `place` and `label` (MOC, MDO, …) are the board's own words."""

    board: Text
    label: Text
    organiser: Text
    hospitals: tuple[Text, ...]
    starts_at: datetime
    zone: str = "Europe/Brussels"
    place: Text = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """Who recorded and who signed, and when; `signed_at` None makes the document a draft."""

    recorded_by: str = ""
    recorded_at: datetime | None = None
    signed_by: str = ""
    signed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Imprint:
    """What identifies the document: its id, version, the document that it replaces, and the digest of the decision."""

    document_id: str
    version: int = 1
    replaces: str = ""
    digest: str = ""
    code: str = ""  # by which anybody can ask whether it is signed and in force
    made: str = ""  # of what is made for a reader: when, and which document was kept and delivered


@dataclass(frozen=True, slots=True)
class CaseReport:
    """The report of one case (*MOC-verslag*), for its requester, GP and record. Holds nothing of any other case."""

    sitting: Sitting
    patient: PatientIdentity
    question: Text
    requester: str
    recommendation: Recommendation
    imprint: Imprint
    title: Text = ""  # what such a report is called on this kind of board
    signature: Signature = Signature()
    requester_organisation: Text = ""
    requested_on: date | None = None
    reason: Text = ""
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    late: bool = False
    groups: tuple[Group, ...] = ()
    tumours: tuple[Group, ...] = ()
    participants: tuple[Present, ...] = ()
    quorum: QuorumLine | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Whether the patient was told: ``said`` of this very version; by whom, when, how. ``earlier``: when of a version before it, where
    this one was not told yet. ``informs``: who is to do it, ``by_reader`` where that is whoever reads. ``mute``: nothing is said of it."""

    said: bool = False
    took_part: bool = False
    by: str = ""
    on: date | None = None
    how: Text = ""
    earlier: date | None = None
    informs: Text = ""
    by_reader: bool = False
    mute: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """The letter to the patient's GP: what was asked and recommended, and first of all whether the patient knows."""

    sitting: Sitting
    patient: PatientIdentity
    to: str
    told: Told
    question: Text
    requester: str
    requester_organisation: Text
    recommendation: Recommendation
    signature: Signature
    imprint: Imprint
    reason: Text = ""
    requested_on: date | None = None
    late: bool = False
    participants: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class PlainStep:
    """One step of a recommendation as its patient reads it: the board's word, and what it means."""

    label: Text
    sentence: Text


@dataclass(frozen=True, slots=True)
class Summary:
    """What a patient reads: from the structured part of the decision alone, and ``words`` that somebody wrote for them."""

    sitting: Sitting
    patient: PatientIdentity
    steps: tuple[PlainStep, ...]
    told: Told
    imprint: Imprint
    aim: Text = ""
    tasks: tuple[tuple[str, date | None], ...] = ()  # who does something next, and by when
    words: str = ""
    words_by: str = ""
    requester: str = ""
    gp: str = ""


@dataclass(frozen=True, slots=True)
class MinutesItem:
    """One item with its outcome. `title`: the patient (or topic); `detail`: birth date, number, hospital in one
    line."""

    number: int | None
    kind: Literal["case", "topic"]
    title: str
    state: ItemState
    detail: Text = ""
    requester: Text = ""
    question: Text = ""
    late: bool = False
    opened_at: datetime | None = None
    closed_at: datetime | None = None
    recommendation: Recommendation | None = None
    signed: bool = False
    postponed_reason: Text = ""
    postponed_note: Text = ""
    postponed_to: datetime | None = None
    present: tuple[Text, ...] = ()
    quorum: QuorumLine | None = None


@dataclass(frozen=True, slots=True)
class Minutes:
    """The minutes of a whole meeting, for those entitled to every item."""

    sitting: Sitting
    items: tuple[MinutesItem, ...]
    attendance: tuple[Present, ...]
    imprint: Imprint
    signature: Signature = Signature()
    started_at: datetime | None = None
    closed_at: datetime | None = None
    chair: str = ""
    coordinator: str = ""
    secretary: str = ""
    apologies: tuple[Text, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseSheet:
    """One case of an agenda as it stands before it is discussed, on paper: with room to write what is decided."""

    sitting: Sitting
    patient: PatientIdentity
    question: Text
    requester: str
    imprint: Imprint
    number: int | None = None
    expected_at: datetime | None = None
    minutes: int = 0
    requester_organisation: Text = ""
    requested_on: date | None = None
    reason: Text = ""
    late: bool = False
    groups: tuple[Group, ...] = ()
    tumours: tuple[Group, ...] = ()
    documents: tuple[Row, ...] = ()  # what follows on its own pages, or why it does not


@dataclass(frozen=True, slots=True)
class AgendaLine:
    """One line of an agenda. `pseudonym` stands for `name` where names are not to be printed; `question`, `note` and the `protocol`
    that covers the case, with where it is written, are printed only together with names."""

    number: int | None
    kind: Literal["case", "topic"]
    name: str
    pseudonym: str
    minutes: int
    expected_at: datetime | None = None
    birth_date: date | None = None
    organisation: Text = ""
    requester: str = ""
    question: Text = ""
    late: bool = False
    state: ItemState = "scheduled"
    note: Text = ""
    protocol: str = ""
    protocol_reference: str = ""
    rest: tuple[datetime, int] | None = None  # the break that is planned before it: when, and how many minutes


@dataclass(frozen=True, slots=True)
class AgendaSheet:
    """The agenda of one meeting on paper. `ends_at`: expected end; `published_at` None = not published yet (draft)."""

    sitting: Sitting
    items: tuple[AgendaLine, ...]
    imprint: Imprint
    ends_at: datetime | None = None
    published_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class FiguresSheet:
    """A board's figures of a period, as its yearly report. `made_at` is printed: figures of a running period grow."""

    board: str
    label: str
    hospitals: tuple[str, ...]
    figures: Figures
    made_at: datetime
    zone: str = "Europe/Brussels"
    demo: str = ""  # the sentence that marks figures of a demonstration; empty elsewhere
