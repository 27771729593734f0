"""The fixed words of printed documents and the way they write moments, in the language that is active at the call."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as format_date
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from meetings.reports.content import QuorumLine, Signature, Sitting, Span, Told

# The way a day is written, with and without its weekday: German puts a point behind the number.
_DAYS = {"de": ("l, j. F Y", "j. F Y")}
_DAY = ("l j F Y", "j F Y")


def _day(day: datetime | date, *, weekday: bool = True) -> str:
    long, short = _DAYS.get((get_language() or "en").split("-")[0], _DAY)
    return format_date(day, long if weekday else short)


class Wording:
    """Moments and phrases of one document, in its zone."""

    def __init__(self, zone: str) -> None:
        self.zone = ZoneInfo(zone)

    def day(self, moment: datetime | date | None, *, weekday: bool = True) -> str:
        """`Wednesday 25 November 2026`, or without its ``weekday``; "" for None."""
        if moment is None:
            return ""
        local = moment.astimezone(self.zone) if isinstance(moment, datetime) else moment
        return _day(local, weekday=weekday)

    @staticmethod
    def birth(day: date | None) -> str:
        """`12 March 1961`: of a birth nobody asks the weekday. "" for None."""
        return _day(day, weekday=False) if day else ""

    def clock(self, moment: datetime | None) -> str:
        """`14:05`, or "" for None."""
        return moment.astimezone(self.zone).strftime("%H:%M") if moment else ""

    def moment(self, moment: datetime | None) -> str:
        """`Wednesday 25 November 2026, 14:05`, or "" for None."""
        return f"{self.day(moment)}, {self.clock(moment)}" if moment else ""

    def span(self, start: datetime | None, end: datetime | None) -> str:
        """`14:05–14:12`; only the start while the end is open."""
        return "–".join(part for part in (self.clock(start), self.clock(end)) if part)

    def presence(self, spans: tuple[Span, ...]) -> str:
        """`14:05–14:12 by video`, spans separated by a comma; a dash where there is none."""
        return ", ".join(f"{self.span(s.start, s.end)} {means(s.means)}" for s in spans) or "–"

    def sitting(self, sitting: Sitting) -> str:
        """The line under a title: when, where, by whom."""
        place = str(sitting.place)
        organiser = _("organised by %(hospital)s") % {"hospital": sitting.organiser}
        return " · ".join(part for part in (self.moment(sitting.starts_at), place, organiser) if part)

    def signed(self, signature: Signature) -> list[str]:
        """Sentences on who recorded and who signed."""
        lines = []
        if signature.recorded_by:
            lines.append(
                _("Recorded by %(name)s on %(moment)s.")
                % {"name": signature.recorded_by, "moment": self.moment(signature.recorded_at)}
            )
        if signature.signed_at:
            lines.append(
                _("Signed electronically by %(name)s on %(moment)s.")
                % {"name": signature.signed_by, "moment": self.moment(signature.signed_at)}
            )
        else:
            lines.append(_("Not signed yet: this is a draft and no advice to act on."))
        return lines


def told(words: Wording, told: Told) -> list[str]:
    """Sentences on whether the patient knows: the first is the status, the others what follows from it."""
    if told.mute:
        return []
    if told.took_part:
        return [_("The patient took part in the meeting.")]
    if told.said:
        facts = {"name": told.by, "day": words.day(told.on), "how": str(told.how)}
        if told.how:
            return [_("The patient was informed by %(name)s on %(day)s (%(how)s).") % facts]
        return [_("The patient was informed by %(name)s on %(day)s.") % facts]
    lines = [_("The patient is not informed yet.")]
    if told.earlier:
        lines = [
            _("The patient was informed of an earlier version on %(day)s, not yet of this one.")
            % {"day": words.day(told.earlier)}
        ]
    if told.by_reader:
        return [*lines, _("It was agreed that you inform the patient.")]
    lines.append(_("Please do not tell the patient about this recommendation until the hospital has done so."))
    if told.informs:
        lines.append(_("Who informs the patient: %(who)s.") % {"who": str(told.informs)})
    return lines


def you_were_told(words: Wording, told: Told) -> str:
    """The same, to the patient: their summary is made once they know."""
    if told.took_part:
        return _("You took part in the meeting.")
    return _("%(name)s talked with you about this on %(day)s.") % {"name": told.by, "day": words.day(told.on)}


def task(name: str, day: str) -> str:
    """What a patient reads of an action: who does something for them, and by when."""
    if not day:
        return _("%(name)s does something for you.") % {"name": name}
    return _("%(name)s does something for you, by %(day)s at the latest.") % {"name": name, "day": day}


def means(code: str) -> str:
    """How somebody took part."""
    words = {"room": _("in the room"), "video": _("by video"), "phone": _("by telephone")}
    return words.get(code, code)


def gender(code: str) -> str:
    """FHIR AdministrativeGender in words."""
    words = {"female": _("female"), "male": _("male"), "other": _("other"), "unknown": _("unknown")}
    return words.get(code, code)


def state(code: str) -> str:
    """What became of an agenda item."""
    words = {
        "scheduled": _("not discussed"),
        "open": _("being discussed"),
        "discussed": _("discussed"),
        "postponed": _("postponed"),
        "withdrawn": _("withdrawn"),
    }
    return words.get(code, code)


def quorum(line: QuorumLine | None) -> str:
    """The board's quorum in one sentence, or ""."""
    if line is None:
        return ""
    sentence = _("Quorum met") if line.met else _("Quorum not met")
    counted = _("%(have)d present, %(need)d needed") % {"have": line.have, "need": line.need}
    return " ".join([f"{sentence}: {counted}.", *(str(reason) for reason in line.reasons)])


def minutes_long(count: int) -> str:
    """`6 min`."""
    return pgettext("duration", "%(n)d min") % {"n": count}


def cases_and_topics(cases: int, topics: int) -> str:
    """`12 cases, 1 topic`."""
    parts = []
    if cases or not topics:
        parts.append(ngettext("%(n)d case", "%(n)d cases", cases) % {"n": cases})
    if topics:
        parts.append(ngettext("%(n)d topic", "%(n)d topics", topics) % {"n": topics})
    return ", ".join(parts)


def labels() -> dict[str, str]:
    """Headings and column titles of all documents, by the keys that the templates use."""
    return {
        "actions": _("Action items"),
        "aim": _("What it is for"),
        "dear": _("Dear colleague,"),
        "explained": _("What the board recommends"),
        "for_programs": _("The same content for programs, as a document of FHIR R4"),
        "for_you": _("Written for you"),
        "informed": pgettext("the patient", "Informed"),
        "next": _("What happens next"),
        "not_informed": pgettext("the patient", "Not informed yet"),
        "questions": _("Your questions"),
        "the_patient": _("Patient"),
        "to": pgettext("of a letter", "To"),
        "your_patient": _("We discussed your patient. Here you find what was asked and what was recommended."),
        "asked_by": _("Asked by"),
        "attendance": _("Attendance"),
        "deviation": _("Deviation from the guideline"),
        "digest": _("SHA-256"),
        "discipline": _("Discipline"),
        "discussion": _("Discussion"),
        "dissent": _("Dissent"),
        "protocol": _("Protocol, without discussion"),
        "document": _("Document"),
        "documents": _("Documents"),
        "dossier": _("Dossier"),
        "draft": pgettext("watermark", "DRAFT"),
        "guideline": _("Guideline"),
        "hospital": _("Hospital"),
        "informs": _("Who informs the patient"),
        "covered_by": _("Protocol"),
        "covered": _("Protocol cases"),
        "covered_help": _("Recorded without discussion; they take no minutes and give no billing line."),
        "intent": _("Intent"),
        "items": _("Items"),
        "late": _("late"),
        "length": _("Length"),
        "missing_glyphs": _("A character that this document cannot show is printed as \ufffd."),
        "name": _("Name"),
        "none": _("None"),
        "of": pgettext("page x of y", "of"),
        "organisation": _("Organisation"),
        "outcome": _("Outcome"),
        "overview": _("Overview"),
        "page": _("Page"),
        "participants": _("Participants"),
        "postponed_to": _("New date"),
        "present": _("Present"),
        "question": _("Question"),
        "recommendation": _("Recommendation"),
        "replaces": _("Replaces"),
        "requester": _("Requester"),
        "signature": _("Signature"),
        "subject": _("Subject"),
        "time": _("Time"),
        "trial": _("Trial"),
        "tumours": _("Tumours"),
        "verify": _("Is it signed, and in force? Scan the code, or type it at"),
        "version": _("Version"),
        "written_by_hand": _("Written by hand: enter it in the room once it is there again."),
    }


def sittings(n: int) -> str:
    """`12 sittings`."""
    return ngettext("%(n)d sitting", "%(n)d sittings", n) % {"n": n}
