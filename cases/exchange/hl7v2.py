"""HL7 version 2 messages: out of bytes into segments, and the acknowledgement back. Pure; python-hl7 splits the segments.

Sources: HL7 v2.5.1 chapter 2 (2.7 escape sequences, 2.9.2 acknowledgement, 2.16 MSH, MSA, ERR; tables 0008, 0211, 0357).
Escape sequences are undone here and not by the library's own function: that one drops what it does not know into the log with the
text around it, and repeats a blank as often as a message asks for.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import hl7

LARGEST_SEGMENT = 64 * 1024
"""Characters of one segment that is read; what is left out, such as results with a picture in them, may be longer."""

# HL7 table 0211: the names of character sets that are read, as Python calls them.
CHARSETS = {
    "ASCII": "ascii",
    "8859/1": "iso8859-1",
    "8859/15": "iso8859-15",
    "UNICODE UTF-8": "utf-8",
    "UNICODE": "utf-8",
}

# HL7 table 0357: the codes of errors that are answered with, and their words.
CODES = {
    100: "Segment sequence error",
    101: "Required field missing",
    102: "Data type error",
    103: "Table value not found",
    200: "Unsupported message type",
    201: "Unsupported event code",
    202: "Unsupported processing id",
    203: "Unsupported version id",
    204: "Unknown key identifier",
    205: "Duplicate key identifier",
    206: "Application record locked",
    207: "Application internal error",
}
_REJECTING = {200, 201, 202, 203}  # the message is not for us at all; everything else is an error in what it says


class Trouble(Exception):
    """Why a message is not taken: a code of table 0357, where (``PID-7``), and a sentence that repeats nothing of the message."""

    def __init__(self, code: int, where: str, sentence: str, *, rejected: bool | None = None) -> None:
        super().__init__(sentence)
        self.code, self.where, self.sentence = code, where, sentence
        self.rejected = code in _REJECTING if rejected is None else rejected


@dataclass(frozen=True, slots=True)
class Header:
    """Who sends what to whom: the fields of MSH that decide. ``event`` is the trigger event, such as ``A08``; ``separators`` are
    field, component, repetition, escape and subcomponent."""

    separators: str = "|^~\\&"
    sending_application: str = ""
    sending_facility: str = ""
    receiving_application: str = ""
    receiving_facility: str = ""
    kind: str = ""
    event: str = ""
    control_id: str = ""
    processing: str = ""
    version: str = ""
    charset: str = ""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment, decoded and not yet taken apart. ``field(n)`` is the n-th field after its name as it stands there."""

    name: str
    fields: tuple[str, ...]
    separators: str
    codec: str

    def field(self, number: int) -> str:
        return self.fields[number - 1] if number <= len(self.fields) else ""

    def repetitions(self, number: int) -> list[list[str]]:
        """The repetitions of a field, each as its components; subcomponents stay together. Empty for an empty field."""
        text = self.field(number)
        return [each.split(self.separators[1]) for each in text.split(self.separators[2])] if text else []

    def value(self, number: int) -> str:
        """The first component of the first repetition, as text."""
        found = self.repetitions(number)
        return self.text(found[0][0], f"{self.name}-{number}") if found else ""

    def text(self, component: str, where: str) -> str:
        """The text of a component's first subcomponent: escape sequences undone, blanks single. Raises ``Trouble``."""
        plain = unescape(component.split(self.separators[4])[0], self.separators, self.codec, where)
        if any(ord(c) < 32 or 127 <= ord(c) < 160 for c in plain):
            raise Trouble(102, where, "Holds control characters.")
        return " ".join(plain.split())


@dataclass(frozen=True, slots=True)
class Message:
    header: Header
    segments: tuple[Segment, ...] = field(default=())

    def first(self, name: str) -> Segment | None:
        return next((each for each in self.segments if each.name == name), None)


def lines(raw: bytes) -> list[bytes]:
    """The segments of a message as bytes. They end by a carriage return; line feeds, which the standard does not know, are taken too."""
    return [each for each in re.split(rb"\r\n|\r|\n", raw) if each]


def header(raw: bytes) -> Header:
    """The header of a message, whatever its character set: what decides is ASCII. Raises ``Trouble`` (rejected)."""
    first = lines(raw[:LARGEST_SEGMENT])[:1]
    if not first or not first[0].startswith(b"MSH") or len(first[0]) < 9:
        raise Trouble(100, "MSH", "The message does not begin with a header segment (MSH).", rejected=True)
    text = first[0].decode("iso8859-1")
    fields = text.split(text[3])
    given = fields[1]
    separators = text[3] + given[:4]
    if (
        not 4 <= len(given) <= 5
        or len(set(separators)) != 5
        or any(c.isalnum() or not " " < c <= "~" for c in separators)
    ):
        raise Trouble(102, "MSH-2", "The encoding characters cannot be used.", rejected=True)

    def at(number: int) -> list[str]:
        whole = fields[number - 1] if number <= len(fields) else ""
        return [part if all(" " <= c <= "~" for c in part) else "?" for part in whole.split(separators[1])]

    kind = at(9)
    stamp = re.match(r"[0-9]{8}", at(7)[0])
    return Header(
        separators=separators,
        sending_application=at(3)[0],
        sending_facility=at(4)[0],
        receiving_application=at(5)[0],
        receiving_facility=at(6)[0],
        kind=kind[0],
        event=kind[1] if len(kind) > 1 else "",
        control_id=at(10)[0][:199],
        processing=at(11)[0],
        version=at(12)[0],
        charset=at(18)[0].split(separators[2])[0],
        day=_day(stamp[0]) if stamp else None,
    )


def _day(digits: str) -> date | None:
    try:
        return date.fromisoformat(digits)
    except ValueError:
        return None


def read(raw: bytes, wanted: Collection[str], *, charset: str = "") -> Message:
    """The wanted segments of a message, in order. ``charset`` is what MSH-18 means where it is empty: ASCII by the standard.

    Raises ``Trouble``: bytes that the character set does not know, or that are plainly another one's, NUL, a segment above
    ``LARGEST_SEGMENT``, a name that is no segment's.
    """
    head = header(raw)
    name = head.charset or charset or "ASCII"
    codec = CHARSETS.get(name)
    if codec is None:
        raise Trouble(103, "MSH-18", f"This character set is not known; known are {', '.join(CHARSETS)}.")
    if b"\0" in raw:
        raise Trouble(102, "MSH", "Holds NUL characters.")
    kept = [each for each in lines(raw) if each[:3].decode("ascii", "replace") in wanted]
    for each in kept:
        if len(each) > LARGEST_SEGMENT:
            raise Trouble(102, each[:3].decode("ascii"), f"Longer than {LARGEST_SEGMENT} bytes.")
    text = _decoded(b"\r".join(kept), codec, name)
    if not text:
        return Message(head)
    try:
        parsed: Any = hl7.parse(b"".join(lines(raw)[:1]).decode("iso8859-1") + "\r" + text)
        found = [_segment(each, head.separators, codec) for each in parsed[1:]]
    except (hl7.HL7Exception, ValueError, LookupError, AssertionError) as error:
        raise Trouble(100, "MSH", "The segments cannot be taken apart.") from error
    return Message(head, tuple(found))


def _segment(parsed: Any, separators: str, codec: str) -> Segment:
    fields = str(parsed).split(separators[0])
    return Segment(fields[0], tuple(fields[1:]), separators, codec)


def _decoded(raw: bytes, codec: str, name: str) -> str:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError:
        raise Trouble(102, "MSH-18", f"Holds bytes that are not {name}.") from None
    if codec.startswith("iso8859") and not raw.isascii():
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError:
            return text
        raise Trouble(102, "MSH-18", f"Says {name}, but is UTF-8.")  # letters of Latin-1 never look like it by chance
    return text


def unescape(text: str, separators: str, codec: str, where: str) -> str:
    """Undo the escape sequences (2.7): separators, hexadecimal bytes in the message's character set, line breaks as blanks; what only
    says how to print is left out. Raises ``Trouble`` for bytes that cannot be read and for switches of the character set."""
    mark = separators[3]
    if mark not in text:
        return text
    known = dict(zip("FSRET", separators, strict=True))

    def one(found: re.Match[str]) -> str:
        inside = found[1]
        if inside in known:
            return known[inside]
        if inside.startswith("X"):
            try:
                return bytes.fromhex(inside[1:]).decode(codec)
            except ValueError:
                raise Trouble(102, where, "An escape sequence \\X…\\ cannot be read.") from None
        if inside[:1] in ("C", "M"):
            raise Trouble(102, where, "An escape sequence switches the character set, which is not supported.")
        return " " if inside.startswith(".") else ""

    return re.sub(f"{re.escape(mark)}([^{re.escape(mark)}]{{0,200}}){re.escape(mark)}", one, text)


def acknowledgement(head: Header | None, trouble: Trouble | None, *, control_id: str, stamp: str) -> bytes:
    """The answer: AA, or AE (an error in it) or AR (not for us) with an ERR segment. ``control_id`` and ``stamp`` (YYYYMMDDHHMMSS)
    are the answer's own. ASCII, with the usual separators, whatever the message had."""
    asked = head or Header()
    code = "AA" if trouble is None else "AR" if trouble.rejected else "AE"
    segments = [
        [
            "MSH",
            "^~\\&",
            _escaped(asked.receiving_application),
            _escaped(asked.receiving_facility),
            _escaped(asked.sending_application),
            _escaped(asked.sending_facility),
            stamp,
            "",
            f"ACK^{_escaped(asked.event)}^ACK" if asked.event else "ACK",
            control_id,
            _escaped(asked.processing) or "P",
            _escaped(asked.version) or "2.5.1",
        ],
        ["MSA", code, _escaped(asked.control_id)],
    ]
    if trouble is not None:
        where = trouble.where.replace("-", "^1^")
        segments.append(
            [
                "ERR",
                "",
                where,
                f"{trouble.code}^{CODES[trouble.code]}^HL70357",
                "E",
                "",
                "",
                "",
                _escaped(trouble.sentence),
            ]
        )
    return _joined(segments)


def _joined(segments: Sequence[Sequence[str]]) -> bytes:
    return ("\r".join("|".join(each) for each in segments) + "\r").encode("ascii", "replace")


def _escaped(text: str) -> str:
    for plain, code in (("\\", "E"), ("|", "F"), ("^", "S"), ("~", "R"), ("&", "T")):
        text = text.replace(plain, f"\\{code}\\")
    return "".join(c if " " <= c <= "~" else "?" for c in text)
