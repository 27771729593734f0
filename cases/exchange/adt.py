"""What an ADT message says of a patient: who it is, how they are identified, whether they died, which record went up in another.

Pure. Sources: HL7 v2.5.1 chapter 3 (3.3 events, 3.4.2 PID, 3.4.9 MRG), tables 0001 and 0203. Nothing else of the message is read:
no ward, no insurance, no next of kin.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Literal

from cases.coding import national_number
from cases.coding.errors import InvalidNationalNumber
from cases.exchange import hl7v2
from cases.exchange.hl7v2 import Message, Segment, Trouble

UPDATES = ("A01", "A04", "A08", "A28", "A31")  # admit, register, update, add a person, update a person
MERGE = "A40"
EVENTS = (*UPDATES, MERGE)
_READ = ("EVN", "PID", "MRG")
_NULL = '""'  # "delete what you have", where an empty field says nothing

# Table 0203 and what Belgian systems write: by which type or assigning authority an identifier is the national number.
_NATIONAL_TYPES = {"NN", "NNBEL", "NNBE", "SSIN", "INSZ", "NISS"}
_NATIONAL_AUTHORITIES = {"NISS", "INSZ", "SSIN", "RRN", "NRN", "RIJKSREGISTER", "2.16.840.1.113883.3.3"}
_OWN_TYPES = {"", "PI", "MR", "PT", "PN"}
_LONGEST_NUMBER = 40
_SEXES = {"F": "female", "M": "male", "O": "other", "A": "other", "N": "unknown", "U": "unknown"}
_NAME_TYPES = ("L", "D", "", "U")  # legal, display, unsaid


@dataclass(frozen=True, slots=True)
class Numbers:
    """By what a patient is known: the national number (eleven digits, or empty) and the hospital's own, the most used first."""

    national: str = ""
    own: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.national or self.own)


@dataclass(frozen=True, slots=True)
class Death:
    """What is said of it: ``state`` ``alive`` or ``dead``; ``day`` is the day of death where it is known, ``latest`` the day by which it
    had happened at the latest."""

    state: Literal["alive", "dead"]
    day: date | None = None
    latest: date | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What one PID segment says. ``None`` or empty: it says nothing of that."""

    numbers: Numbers
    family_name: str = ""
    given_name: str = ""
    birth_date: date | None = None
    sex: str = ""
    death: Death | None = None
    merged: Numbers | None = None
    """Of the record that went up in this one (A40)."""


@dataclass(frozen=True, slots=True)
class Admission:
    """One ADT message: its trigger event and what it says of one patient, or of several (A40)."""

    event: str
    patients: tuple[Said, ...]


# Which field of a patient stands where in PID: for saying where something is wrong.
PLACES = {
    "family_name": "PID-5",
    "given_name": "PID-5",
    "birth_date": "PID-7",
    "sex": "PID-8",
    "deceased_on": "PID-29",
    "national_number": "PID-3",
    "other_identifier": "PID-3",
}


def check_header(head: hl7v2.Header, *, processing: str) -> None:
    """Whether the message is one that is taken at all: ADT, a known event, version 2.x, meant for production or tests as agreed.
    Raises ``Trouble`` (rejected)."""
    if head.kind != "ADT":
        raise Trouble(200, "MSH-9", "Only ADT messages are taken here.")
    if head.event not in EVENTS:
        raise Trouble(201, "MSH-9", f"Only these events are taken: {', '.join(EVENTS)}.")
    if not head.version.startswith("2."):
        raise Trouble(203, "MSH-12", "Only version 2 is taken.")
    if head.processing != processing:
        raise Trouble(202, "MSH-11", f"Only messages with the processing id {processing} are taken.")
    if not head.control_id:
        raise Trouble(101, "MSH-10", "The message has no control id.", rejected=True)


def read(raw: bytes, *, today: date, charset: str = "", authority: str = "") -> Admission:
    """What the message says. ``charset``: what an empty MSH-18 means; ``authority``: of which assigning authority the hospital's own
    numbers are (empty: of any); ``today`` decides which births lie in the future. Raises ``Trouble``."""
    message = hl7v2.read(raw, _READ, charset=charset)
    event = message.header.event
    happened = _happened(message)
    persons: list[tuple[Segment, Segment | None]] = []
    for segment in message.segments:
        if segment.name == "PID":
            persons.append((segment, None))
        elif segment.name == "MRG":
            if not persons or persons[-1][1] is not None:
                raise Trouble(100, "MRG", "A merge has to follow the patient into whose record it goes.")
            persons[-1] = (persons[-1][0], segment)
    if not persons:
        raise Trouble(100, "PID", "The message has no patient (PID).")
    if event != MERGE and len(persons) > 1:
        raise Trouble(100, "PID", "The message has several patients.")
    if event == MERGE and any(merge is None for _, merge in persons):
        raise Trouble(100, "MRG", "The message does not say which record is merged (MRG).")
    said = [_said(pid, merge if event == MERGE else None, happened, today, authority) for pid, merge in persons]
    return Admission(event, tuple(said))


def _happened(message: Message) -> date | None:
    """The day of what happened: EVN-6, else when it was recorded, else when the message was made."""
    event = message.first("EVN")
    for number in (6, 2):
        day = _date(event, number) if event else None
        if day is not None:
            return day
    return message.header.day


def _said(pid: Segment, merge: Segment | None, happened: date | None, today: date, authority: str) -> Said:
    numbers = _numbers(pid, 3, today, authority)
    if not numbers.national and (other := _digits(pid.value(19))):
        numbers = Numbers(_national(other, "PID-19", today), numbers.own)
    if not numbers:
        raise Trouble(101, "PID-3", "The patient has no identifier that is known here.")
    merged = None
    if merge is not None:
        merged = _numbers(merge, 1, today, authority)
        if not merged:
            raise Trouble(101, "MRG-1", "The merged record has no identifier that is known here.")
    family, given = _name(pid)
    sex = pid.value(8).upper()
    if sex == _NULL:
        sex = "U"
    if sex and sex not in _SEXES:
        raise Trouble(103, "PID-8", "The sex is none of table 0001.")
    return Said(
        numbers=numbers,
        family_name=family,
        given_name=given,
        birth_date=_date(pid, 7),
        sex=_SEXES.get(sex, ""),
        death=_death(pid, happened),
        merged=merged,
    )


def _numbers(segment: Segment, number: int, today: date, authority: str) -> Numbers:
    national, own = "", []
    where = f"{segment.name}-{number}"
    for parts in segment.repetitions(number):
        value = segment.text(parts[0], where)
        kind = segment.text(parts[4], where).upper() if len(parts) > 4 else ""
        giver = segment.text(parts[3], where).upper() if len(parts) > 3 else ""
        if not value or value == _NULL:
            continue
        if kind in _NATIONAL_TYPES or giver in _NATIONAL_AUTHORITIES:
            national = national or _national(value, where, today)
        elif kind in _OWN_TYPES and (not authority or giver == authority.upper()):
            if len(value) > _LONGEST_NUMBER:
                raise Trouble(102, where, f"An identifier is longer than {_LONGEST_NUMBER} characters.")
            own.append(value)
    return Numbers(national, tuple(dict.fromkeys(own)))


def _digits(text: str) -> str:
    return "" if text == _NULL else text


def _national(text: str, where: str, today: date) -> str:
    try:
        return national_number.parse(text, today=today).digits
    except InvalidNationalNumber:
        raise Trouble(102, where, "The national number is not valid.") from None


def _name(pid: Segment) -> tuple[str, str]:
    """Family and given name of the legal name, else of the first."""
    found = pid.repetitions(5)
    if not found:
        return "", ""
    kinds = {kind: parts for parts in reversed(found) for kind in [parts[6].upper() if len(parts) > 6 else ""]}
    parts = next((kinds[kind] for kind in _NAME_TYPES if kind in kinds), found[0])
    family = pid.text(parts[0], "PID-5")
    given = " ".join(filter(None, (pid.text(each, "PID-5") for each in parts[1:3])))
    if _NULL in (family, given):
        raise Trouble(101, "PID-5", "A patient needs a name.")
    if len(family) > 300 or len(given) > 300:
        raise Trouble(102, "PID-5", "A name is longer than 300 characters.")
    return family, given


def _date(segment: Segment, number: int) -> date | None:
    """The day of a date or moment; ``None`` where the field says nothing, or not the day (a year, a year and a month)."""
    text, where = segment.value(number), f"{segment.name}-{number}"
    if not text or text == _NULL:
        return None
    digits = re.fullmatch(r"(\d{4}|\d{6}|\d{8})(\d{2}){0,3}(\.\d{1,4})?([+-]\d{4})?", text, re.ASCII)
    if digits is None or len(text) in (5, 7):
        raise Trouble(102, where, "The date is not written as YYYYMMDD.")
    if len(text) < 8 or text[4:8] == "0000" or text[6:8] == "00":
        return None
    try:
        return date.fromisoformat(text[:8])
    except ValueError:
        raise Trouble(102, where, "There is no such day.") from None


def _death(pid: Segment, happened: date | None) -> Death | None:
    day, flag = _date(pid, 29), pid.value(30).upper()
    if flag not in ("", "Y", "N", _NULL):
        raise Trouble(103, "PID-30", "The death indicator is neither Y nor N.")
    if day is not None and flag == "N":
        raise Trouble(102, "PID-30", "The patient has a day of death and is said not to have died.")
    if day is not None:
        return Death("dead", day)
    if flag == "Y":
        if happened is None:
            raise Trouble(101, "PID-29", "The patient died, and no day is said.")
        return Death("dead", None, happened)
    if flag in ("N", _NULL) or pid.value(29) == _NULL:
        return Death("alive")
    return None
