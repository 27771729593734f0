"""From facts to figures. Pure: facts, names and the reader's hospital in; headlines and tables out.

Goals after the published results of digital boards: postponed 23 % → 10 % (Hammer, Health Technol 2021), outcome and report by the
house's own promise. Quality falls in the second half of a meeting (BMJ Open 2019;9:e027303), so both halves stand side by side.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import fmean, median
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.dateformat import format as format_date
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from cases.dossiers.board_kinds import BoardKind
from meetings.figures.facts import Case, Facts
from meetings.figures.tables import Column, Few, Figures, Headline, Table, Unit, Value, table

FEWEST = 5  # cases of another hospital that are shown as a number; below, one could be recognised
POSTPONED_AT_MOST = 8.0  # per cent
REPORT_WITHIN = 15.0  # minutes after closing
KNOWN_AT_LEAST = 95.0  # per cent of the outcomes that are due
CARRIED_OUT = "carried_out"
HALVED_FROM = 4  # discussed cases of a sitting that has two halves

COUNT, PER_CENT, MINUTES, DAYS = Unit.COUNT, Unit.PER_CENT, Unit.MINUTES, Unit.DAYS


@dataclass(frozen=True, slots=True)
class Names:
    """Words for what is counted by code or id, and whose hospital the reader's is."""

    kind: BoardKind
    zone: str
    language: str | None
    hospitals: Mapping[UUID, str]
    disciplines: Mapping[str, str]
    own: UUID | None


def figures(facts: Facts, names: Names) -> Figures:
    """All figures of a period, in the active language. Whatever the reader may not know is taken out before anything is counted."""
    every = facts.cases
    hidden = few_hospitals(Counter(case.hospital for case in every), names.own)
    facts = replace(facts, cases=tuple(case for case in every if case.hospital not in hidden))
    cases = facts.cases
    note = _(
        "Of other hospitals with fewer than %(n)d cases in this period, no case is counted in these figures: how many there are could be worked out."
    ) % {"n": FEWEST}
    return Figures(
        since=facts.since,
        until=facts.until,
        sittings=len(facts.sittings),
        headlines=_headlines(facts, names),
        tables=(
            _by_month(facts, names),
            _reasons(cases, names),
            _by_hospital(every, hidden, names),
            _attendance(
                "disciplines",
                _("Attendance by discipline"),
                _("Discipline"),
                cases,
                lambda case: case.disciplines,
                names.disciplines,
            ),
            _attendance(
                "attending_hospitals",
                _("Attendance by hospital"),
                _("Hospital"),
                cases,
                lambda case: case.hospitals,
                {str(key): name for key, name in names.hospitals.items()},
                others={str(key) for key in names.hospitals if key != names.own},
            ),
            _halves(facts),
            _reports(cases),
        ),
        note=note if hidden else "",
    )


# --- arithmetic ----------------------------------------------------------------------------------------------------------


def share(part: int, whole: int) -> float | None:
    """Per cent, or ``None`` of nothing."""
    return 100 * part / whole if whole else None


def _middle(values: Iterable[float]) -> float | None:
    found = list(values)
    return median(found) if found else None


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return fmean(found) if found else None


def _of(cases: Iterable[Case], holds: Callable[[Case], bool | None]) -> float | None:
    """The share of the cases for which something holds, of those for which it is known."""
    known = [found for case in cases if (found := holds(case)) is not None]
    return share(sum(known), len(known))


def _discussed(cases: Iterable[Case]) -> list[Case]:
    return [case for case in cases if case.discussed]


# --- headlines -----------------------------------------------------------------------------------------------------------


def _headlines(facts: Facts, names: Names) -> tuple[Headline, ...]:
    cases = facts.cases
    discussed = _discussed(cases)
    postponed = [case for case in cases if case.postponed]
    avoidable = names.kind.avoidable_reasons
    delays = [case.report_minutes for case in cases if case.report_minutes is not None]
    return (
        Headline("discussed", _("Cases discussed"), len(discussed), COUNT),
        Headline(
            "waiting",
            _("Waiting time"),
            _middle(case.waited_days for case in discussed),
            DAYS,
            _("from the written request to the sitting, median"),
        ),
        Headline(
            "length",
            _("Time per case"),
            _middle(case.minutes for case in discussed if case.minutes),
            MINUTES,
            _("median"),
        ),
        Headline(
            "postponed",
            _("Postponed"),
            share(len(postponed), len(cases)),
            PER_CENT,
            _("of the cases that came to the table"),
            POSTPONED_AT_MOST,
        ),
        Headline(
            "avoidable",
            _("Avoidable"),
            _of(postponed, lambda case: case.reason in avoidable),
            PER_CENT,
            _("of what was postponed"),
        ),
        Headline(
            "in_time",
            _("In time"),
            _of(cases, lambda case: not case.late),
            PER_CENT,
            _("on the agenda before it was published"),
        ),
        Headline(
            "ready",
            _("Complete"),
            _of(cases, lambda case: case.complete),
            PER_CENT,
            _("of the cases on the agenda, when the sitting began"),
        ),
        Headline(
            "quorum", _("Quorum"), _of(discussed, lambda case: case.quorum), PER_CENT, _("of the cases discussed")
        ),
        Headline(
            "protocol",
            _("By protocol"),
            _of((case for case in cases if not case.postponed), lambda case: case.covered),
            PER_CENT,
            _("recorded without discussion"),
        ),
        Headline(
            "recommended",
            _("With a recommendation"),
            _of(discussed, lambda case: case.recommended),
            PER_CENT,
            _("of the cases discussed"),
        ),
        Headline("report", _("Report after closing"), _middle(delays), MINUTES, _("median"), REPORT_WITHIN),
        Headline(
            "out",
            _("Report out after closing"),
            _middle(each.out_minutes for each in facts.sittings if each.out_minutes is not None),
            MINUTES,
            _("the last mail of a sitting, median"),
            REPORT_WITHIN,
        ),
        Headline(
            "known",
            _("Outcome known"),
            _of((case for case in cases if case.asked), lambda case: bool(case.outcome)),
            PER_CENT,
            _("of what is due"),
            KNOWN_AT_LEAST,
            at_least=True,
        ),
        Headline(
            "carried_out",
            _("Carried out"),
            _of((case for case in cases if case.outcome), lambda case: case.outcome == CARRIED_OUT),
            PER_CENT,
            _("as recommended, of what is known"),
        ),
    )


# --- tables --------------------------------------------------------------------------------------------------------------


def _by_month(facts: Facts, names: Names) -> Table:
    zone = ZoneInfo(names.zone)
    month_of: dict[UUID, tuple[int, int]] = {}
    for sitting in facts.sittings:
        local = sitting.starts_at.astimezone(zone)
        month_of[sitting.id] = (local.year, local.month)
    sat = Counter(month_of.values())
    rows: list[tuple[str, list[Value]]] = []
    for month in sorted(sat):
        cases = [case for case in facts.cases if month_of[case.sitting] == month]
        discussed = _discussed(cases)
        postponed = sum(case.postponed for case in cases)
        rows.append(
            (
                format_date(datetime(*month, 1, tzinfo=zone), "F Y"),
                [
                    len(discussed),
                    sum(case.covered and not case.postponed for case in cases),
                    postponed,
                    share(postponed, len(cases)),
                    _middle(case.waited_days for case in discussed),
                    _middle(case.minutes for case in discussed if case.minutes),
                    sat[month],
                ],
            )
        )
    columns = [
        Column(_("Discussed"), COUNT),
        Column(_("By protocol"), COUNT),
        Column(_("Postponed"), COUNT),
        Column(_("Share postponed"), PER_CENT),
        Column(_("Waiting time"), DAYS),
        Column(_("Time per case"), MINUTES),
        Column(_("Sittings"), COUNT),
    ]
    return table("months", _("Month by month"), _("Month"), columns, rows)


def _reasons(cases: Collection[Case], names: Names) -> Table:
    postponed = [case.reason for case in cases if case.postponed]
    counted = Counter(postponed).most_common()
    rows: list[tuple[str, list[Value]]] = [
        (names.kind.option_words("postponement_reasons", code, names.language), [n, share(n, len(postponed))])
        for code, n in counted
    ]
    avoidable = names.kind.avoidable_reasons
    tags = {place: _("avoidable") for place, (code, _n) in enumerate(counted) if code in avoidable}
    columns = [Column(_("Cases"), COUNT), Column(pgettext("of a whole", "Share"), PER_CENT)]
    return table(
        "reasons",
        _("Why cases were postponed"),
        _("Reason"),
        columns,
        rows,
        tags=tags,
        note=_("A case that was postponed twice counts twice."),
    )


def _by_hospital(cases: Sequence[Case], hidden: Collection[UUID], names: Names) -> Table:
    groups: dict[UUID, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.hospital, []).append(case)
    columns = [
        Column(_("Cases"), COUNT),
        Column(_("Postponed"), PER_CENT),
        Column(_("In time"), PER_CENT),
        Column(_("Complete"), PER_CENT),
        Column(_("Waiting time"), DAYS),
        Column(_("Time per case"), MINUTES),
    ]

    def place(key: UUID, found: list[Case]) -> tuple[bool, int, str]:
        """By size; those that are not shown after the others, by name alone."""
        return key in hidden, 0 if key in hidden else -len(found), names.hospitals.get(key, "–")

    rows: list[tuple[str, list[Value]]] = []
    for key, found in sorted(groups.items(), key=lambda pair: place(*pair)):
        discussed = _discussed(found)
        rows.append(
            (
                names.hospitals.get(key, "–"),
                [Few(FEWEST), *(None for _each in columns[1:])]
                if key in hidden
                else [
                    len(found),
                    share(sum(case.postponed for case in found), len(found)),
                    _of(found, lambda case: not case.late),
                    _of(found, lambda case: case.complete),
                    _middle(case.waited_days for case in discussed),
                    _middle(case.minutes for case in discussed if case.minutes),
                ],
            )
        )
    note = _("Of another hospital, numbers below %(n)d are not shown, nor counted in any figure.") % {"n": FEWEST}
    return table("hospitals", _("Hospital by hospital"), _("Hospital"), columns, rows, note=note)


def few_hospitals(counts: Mapping[UUID, int], own: UUID | None) -> set[UUID]:
    """The hospitals whose numbers are not shown to a reader of ``own``: all others' below ``FEWEST``. They are counted in no figure:
    the sum of all less what is shown would be theirs."""
    return {key for key, n in counts.items() if key != own and n < FEWEST}


def _attendance(
    code: str,
    title: str,
    first: str,
    cases: Iterable[Case],
    of: Callable[[Case], frozenset[str]],
    words: Mapping[str, str],
    others: Collection[str] = (),
) -> Table:
    """At how many cases somebody of each group was there. Of ``others`` few cases are not shown: who calls in for the own patients
    alone is there at as many."""
    discussed = _discussed(cases)
    counted = Counter(each for case in discussed for each in of(case) if each in words)
    rows: list[tuple[str, list[Value]]] = [
        (words[each], [None, Few(FEWEST)] if each in others and n < FEWEST else [share(n, len(discussed)), n])
        for each, n in counted.most_common()
    ]
    columns = [Column(_("Share of the cases"), PER_CENT), Column(_("Cases"), COUNT)]
    note = _("At how many of the cases discussed somebody of theirs was really there.")
    return table(code, title, first, columns, rows, note=note)


def _halves(facts: Facts) -> Table:
    first: list[Case] = []
    second: list[Case] = []
    by_sitting: dict[UUID, list[Case]] = {}
    for case in _discussed(facts.cases):
        if case.opened_at is not None:
            by_sitting.setdefault(case.sitting, []).append(case)
    for found in by_sitting.values():
        if len(found) >= HALVED_FROM:
            found.sort(key=lambda case: case.opened_at or facts.since)
            half = (len(found) + 1) // 2
            first += found[:half]
            second += found[half:]
    columns = [
        Column(_("Mean time per case"), MINUTES),
        Column(_("With a recommendation"), PER_CENT),
        Column(_("Quorum"), PER_CENT),
        Column(_("Cases"), COUNT),
    ]
    rows: list[tuple[str, list[Value]]] = [
        (
            label,
            [
                _mean(case.minutes for case in cases if case.minutes),
                _of(cases, lambda case: case.recommended),
                _of(cases, lambda case: case.quorum),
                len(cases),
            ],
        )
        for label, cases in ((_("First half"), first), (_("Second half"), second))
        if cases
    ]
    note = _("Sittings of %(n)d cases and more. Attention falls in the second half; a break helps.") % {
        "n": HALVED_FROM
    }
    return table("halves", _("First and second half"), _("Half of the sitting"), columns, rows, note=note)


def _reports(cases: Collection[Case]) -> Table:
    delays = [case.report_minutes for case in cases if case.report_minutes is not None]
    limits = (REPORT_WITHIN, 60.0, 24 * 60.0)
    labels = (_("within 15 minutes"), _("within an hour"), _("within a day"), _("later"))
    counts = [sum(low < each <= high for each in delays) for low, high in zip((-1.0, *limits), limits, strict=False)]
    counts.append(len(delays) - sum(counts))
    rows: list[tuple[str, list[Value]]] = [
        (label, [share(n, len(delays)), n]) for label, n in zip(labels, counts, strict=True) if delays
    ]
    columns = [Column(pgettext("of a whole", "Share"), PER_CENT), Column(_("Reports"), COUNT)]
    return table("reports", _("Reports after the sitting"), _("Report there"), columns, rows)
