"""How ready a sitting is: what endangers it, worst first, and what goes out about it when.

The order is by weight, in steps that everybody at a board knows: a sitting that cannot decide comes before one whose case lacks
material, a case on the agenda before one that still waits for it, what is overdue before what is not due yet.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Count, Max, Min
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from cases.access import visible_preparation, visible_referrals
from cases.models import Referral
from mdo.directory import disciplines
from mdo.directory.access import Standing, in_office
from mdo.directory.models import BoardRole, Person
from mdo.kernel import work
from mdo.kernel.acting import Actor, elevated
from mdo.kernel.clock import now
from meetings import expected, forecast, missing, reminded, series
from meetings.missing import Incomplete
from meetings.models import AgendaItem, DigestLine, Meeting, Reminder
from meetings.preparing import NotSeen, not_seen_by_discipline
from meetings.reminded import Known
from meetings.reminders import WHY, Manner, Rule
from meetings.wishes import needs_of, waits_in_order

# What weighs how much. The steps are far enough apart that hours before a term never lift a case above the next step.
NO_QUORUM, DISCIPLINE_GONE, OVERDUE, NOT_PUBLISHED, NO_BILLING, TOO_LONG = 1000, 900, 800, 700, 650, 600
NOT_SEEN, DUE_SOON, WAITS_OVERDUE, NOT_DUE, WAITS = 550, 500, 400, 300, 200
SOON = timedelta(hours=24)


@dataclass(frozen=True)
class Danger:
    """One thing that endangers a sitting. ``case``: with what a case misses; else ``words`` say it. ``tone``: danger, warn, or ``""``."""

    weight: int
    tone: str
    words: str = ""
    case: Incomplete | None = None
    due: datetime | None = None
    asked: tuple[Person, ...] = ()
    told_at: datetime | None = None  # when those who are asked had it in a digest, last


@dataclass(frozen=True)
class Entry:
    """One reminder on the timeline: when, what, to how many, and what became of it. ``state``: planned, sent, dropped or off."""

    words: str
    due_at: datetime
    state: str
    planned: int = 0  # people who would get it as things stand
    sent: int = 0
    waiting: int = 0
    dropped: tuple[tuple[str, int], ...] = ()  # (why, people); people 0: the reminder as a whole


@dataclass(frozen=True)
class Readiness:
    """One sitting as its secretary sees it."""

    meeting: Meeting
    dangers: list[Danger]
    cases: int
    complete: int
    answered: int
    people: int
    not_seen: list[NotSeen] = field(default_factory=list)
    timeline: list[Entry] = field(default_factory=list)

    @property
    def askable(self) -> bool:
        return any(danger.case is not None for danger in self.dangers)

    @property
    def readable(self) -> list[tuple[UUID, UUID]]:
        """(hospital, case) of every patient whose name is shown."""
        shown = [danger.case.referral for danger in self.dangers if danger.case is not None]
        return [(referral.hospital_id, referral.case_id) for referral in shown]


def readiness(by: Actor, standing: Standing, meeting: Meeting) -> Readiness:
    """What endangers a sitting, for somebody who builds its agenda. A constant number of queries, whatever the number of cases."""
    meeting.board = standing.board
    roles = list(in_office(standing.board))
    reachable = visible_referrals(by).filter(hospital__in=standing.reach)
    pairs = missing.of_sitting(meeting, reachable)
    short = missing.incomplete(meeting, pairs, roles, get_language())
    coming = expected.expected(meeting, roles)
    on_agenda = _with_referrals(pairs)
    notes = visible_preparation(by).filter(referral__in=[item.referral_id for item in on_agenda])
    unseen = not_seen_by_discipline(meeting, on_agenda, list(notes), coming)
    dangers = [
        *_of_people(meeting, coming, on_agenda),
        *_of_agenda(meeting),
        *_of_cases(meeting, short, pairs, roles),
        *_of_preparers(meeting, unseen),
    ]
    dangers.sort(key=lambda danger: (-danger.weight, danger.due or meeting.starts_at))
    return Readiness(
        meeting=meeting,
        dangers=dangers,
        cases=len(pairs),
        complete=len(pairs) - len(short),
        answered=coming.answered,
        people=len(coming.people),
        not_seen=unseen,
        timeline=timeline(meeting),
    )


def _with_referrals(pairs: Sequence[tuple[Referral, AgendaItem | None]]) -> list[AgendaItem]:
    """The items that still wait to be discussed, each knowing its referral."""
    found = []
    for referral, item in pairs:
        if item is not None:
            item.referral = referral
            if waits_in_order(item):
                found.append(item)
    return found


def _of_people(meeting: Meeting, coming: expected.Forecast, items: Sequence[AgendaItem]) -> list[Danger]:
    found = [Danger(NO_QUORUM, "danger", words) for words in coming.warnings]
    needed: Counter[str] = Counter()
    for item in items:
        needed.update(needs_of(item, meeting, readable=True))
    # Whoever only asks about an own case is not there for the others'.
    there = {each.discipline for each in coming.people if each.comes and not each.requests}
    gone = [(disciplines.words(code), n) for code, n in needed.most_common() if code not in there]
    for discipline, n in gone:
        text = ngettext(
            "Nobody comes of %(discipline)s, which %(n)d case needs.",
            "Nobody comes of %(discipline)s, which %(n)d cases need.",
            n,
        )
        found.append(Danger(DISCIPLINE_GONE, "danger", text % {"discipline": discipline, "n": n}))
    said = {discipline for discipline, _n in gone}
    if others := [words for words in coming.missing_disciplines if words not in said]:
        found.append(
            Danger(TOO_LONG, "warn", _("Nobody comes of: %(disciplines)s.") % {"disciplines": ", ".join(others)})
        )
    if not coming.billing.met:
        found += [
            Danger(NO_BILLING, "warn", _("Billing: %(why)s") % {"why": words}) for words in coming.billing.reasons
        ]
    return found


def _of_agenda(meeting: Meeting) -> list[Danger]:
    found = []
    if meeting.state == Meeting.State.PLANNED and series.deadline(meeting) <= now():
        found.append(Danger(NOT_PUBLISHED, "danger", _("The deadline is past and the agenda is not published.")))
    items = list(
        AgendaItem.objects.filter(meeting=meeting).select_related("referral__case__patient").order_by("position")
    )
    for item in items:
        dead = item.referral is not None and item.referral.case.patient.deceased_on is not None
        if dead and item.state == AgendaItem.State.SCHEDULED:
            words = _("The patient of item %(number)d has died: postpone the case or take it off the agenda.")
            found.append(Danger(OVERDUE, "danger", words % {"number": item.position}))
    end = forecast.forecast(items, starts_at=meeting.starts_at, started_at=meeting.started_at).end
    over = round((end - meeting.ends_at).total_seconds() / 60)
    if over > 0:
        text = ngettext(
            "The agenda is %(n)d minute longer than the sitting.",
            "The agenda is %(n)d minutes longer than the sitting.",
            over,
        )
        found.append(Danger(TOO_LONG, "warn", text % {"n": over}))
    return found


def _of_cases(
    meeting: Meeting,
    short: Sequence[Incomplete],
    pairs: Sequence[tuple[Referral, AgendaItem | None]],
    roles: Sequence[BoardRole],
) -> list[Danger]:
    people: dict[UUID, Person] = {role.person_id: role.person for role in roles}
    people |= {referral.requester_id: referral.requester for referral, _item in pairs}
    told = dict(
        DigestLine.objects.filter(meeting=meeting, kind__in=("ask", "ask_again"), state=DigestLine.State.SENT)
        .values("person")
        .annotate(at=Max("delivery__done_at"))
        .values_list("person", "at")
    )
    found = []
    for case in short:
        if case.item is not None:
            weight = OVERDUE if case.overdue else DUE_SOON if case.due - now() <= SOON else NOT_DUE
        else:
            weight = WAITS_OVERDUE if case.overdue else WAITS
        moments = [told[person_id] for person_id in case.asked if told.get(person_id)]
        found.append(
            Danger(
                weight,
                "danger" if weight == OVERDUE else "warn" if weight in (DUE_SOON, WAITS_OVERDUE) else "",
                case=case,
                due=case.due,
                asked=tuple(people[person_id] for person_id in case.asked if person_id in people),
                told_at=max(moments) if moments else None,
            )
        )
    return found


def _of_preparers(meeting: Meeting, unseen: Sequence[NotSeen]) -> list[Danger]:
    """They look the day before: what was not seen endangers a sitting of tomorrow, and one of next week not yet."""
    near = meeting.starts_at - now() <= SOON
    found = []
    for each in unseen:
        if each.numbers and near:
            text = ngettext(
                "%(discipline)s has not looked at %(n)d case yet: item %(numbers)s.",
                "%(discipline)s has not looked at %(n)d cases yet: items %(numbers)s.",
                len(each.numbers),
            )
            said = {"discipline": each.words, "n": len(each.numbers), "numbers": ", ".join(map(str, each.numbers))}
            found.append(Danger(NOT_SEEN, "warn", text % said))
    return found


# --- what goes out when ------------------------------------------------------------------------------------------------


def timeline(meeting: Meeting) -> list[Entry]:
    """Every reminder of a sitting, in the order of time: what went out and what will. Numbers of people only, so that it is counted
    as the house: what a draft of another hospital lacks is in none of them by name."""
    with elevated("reminders.timeline"):
        manner, known = reminded.manner_of(meeting), Known(meeting)
        rows = {row.kind: row for row in Reminder.objects.filter(meeting=meeting)}
        lines: dict[tuple[str, str, str], int] = {}
        counted = DigestLine.objects.filter(meeting=meeting).values("kind", "occasion", "state", "why")
        again: dict[str, dict[tuple[str, str], int]] = {}
        moments: dict[str, datetime] = {}
        for each in counted.annotate(n=Count("pk"), asked=Min("added_at")).order_by():
            if each["occasion"].startswith("again:"):
                again.setdefault(each["occasion"], {})[each["state"], each["why"]] = each["n"]
                moments[each["occasion"]] = min(moments.get(each["occasion"], each["asked"]), each["asked"])
            else:
                key = (each["kind"], each["state"], each["why"])
                lines[key] = lines.get(key, 0) + each["n"]
        entries = [_entry(known, manner, rule, rows.get(rule.code), lines) for rule in manner.rules]
    for occasion, found in again.items():
        entries.append(_counted(_("Asked again by the board"), moments[occasion], "sent", found))
    return sorted(entries, key=lambda entry: entry.due_at)


def _entry(
    known: Known, manner: Manner, rule: Rule, row: Reminder | None, lines: dict[tuple[str, str, str], int]
) -> Entry:
    meeting = known.meeting
    words = str(rule.definition.label(get_language()))
    anchor = reminded.anchor(meeting, rule.definition.anchor)
    due_at = row.due_at if row is not None else manner.moment(rule, anchor) or anchor
    if not rule.on:
        return Entry(words, due_at, "off")
    if row is not None and row.state == work.State.DROPPED:
        return Entry(words, due_at, "dropped", dropped=((str(WHY.get(row.last_error, row.last_error)), 0),))
    if row is not None and row.state == work.State.DONE:
        found = {(state, why): n for (kind, state, why), n in lines.items() if kind == rule.code}
        return _counted(words, due_at, "sent", found)
    people = (
        0 if reminded.idle(meeting, rule.definition.anchor) else len(reminded.tasks(meeting, rule.code, rule.to, known))
    )
    return Entry(words, due_at, "planned", planned=people)


def _counted(words: str, due_at: datetime, state: str, found: dict[tuple[str, str], int]) -> Entry:
    line = DigestLine.State
    dropped = [(str(WHY.get(why, why)), n) for (is_in, why), n in sorted(found.items()) if is_in == line.DROPPED]
    sent, waiting = found.get((line.SENT, ""), 0), found.get((line.WAITING, ""), 0)
    state = "planned" if waiting and not sent else state if sent or waiting else "dropped"
    return Entry(words, due_at, state, sent=sent, waiting=waiting, dropped=tuple(dropped))
