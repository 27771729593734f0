"""Look back: find decisions by words, patient, board, hospital and period, among those that somebody may read.

The words go to ``mdo_search_decisions`` (migration 0016), which knows who asks, filters access itself and answers with the ids
of one page; the rows are then fetched under row-level security, starting from ``access.visible_decisions``. Neither the words
nor what was found reach a log or an address (docs/decisions/search.md).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import F, Func, TextField, Value
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from cases.dossiers.board_kinds import board_kind
from mdo.kernel import audit
from mdo.kernel.acting import Actor
from meetings import access
from meetings.asked import Asked, read, with_month
from meetings.facets import Facet, drawn, known
from meetings.models import Decision, FollowUp

PAGE_SIZE = 20
MOST = 10_000  # hits; the function stops counting here
STEPS_SHOWN = 3

_ZONE = ZoneInfo("Europe/Brussels")
# Private-use characters mark the hits on their way through the escaping; they are taken out of the text before.
_ON, _OFF = "\ue000", "\ue001"
# What PostgreSQL's parser would join into paths, hosts and tags (``mdo_plain`` of the index) is dressed up as well.
_JOINING = "./@<>"
_DRESSED = "".join(chr(0xE010 + n) for n in range(len(_JOINING)))
_UNDRESS = str.maketrans(_DRESSED, _JOINING)
_HEADLINE = f"StartSel={_ON}, StopSel={_OFF}, HighlightAll=true"
_BEFORE, _LONGEST = 80, 320  # characters of an excerpt: ahead of the first hit, and in all


@dataclass(frozen=True)
class Wanted:
    """What somebody looks for. ``since`` and ``until`` are whole days in Brussels, both included; ``chosen`` holds the value of each
    facet that was chosen (``facets.FACETS``)."""

    words: str = ""
    since: date | None = None
    until: date | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)
    page: int = 1


@dataclass(frozen=True)
class Step:
    label: str
    text: str


@dataclass(frozen=True)
class Hit:
    """One line of the result. ``title`` is the patient's name, or the title of a topic."""

    decision: Decision
    title: str
    steps: list[Step]
    more_steps: int
    excerpt: SafeString

    @property
    def patient(self) -> Any:
        return self.decision.case.patient if self.decision.case else None

    @property
    def follow_up(self) -> FollowUp | None:
        """Whether it was done, where somebody answered."""
        found: FollowUp | None = getattr(self.decision.item, "follow_up", None)
        return found if found is not None and found.outcome else None

    @property
    def replaced_by(self) -> UUID | None:
        after = getattr(self.decision, "replaced_by", None)
        return after.pk if after is not None and after.state != Decision.State.DRAFT else None


@dataclass(frozen=True)
class Found:
    """One page of hits, newest first. ``searched`` are the words that were looked for instead, where those typed gave nothing; ``period``
    is the month that was among them."""

    hits: list[Hit]
    total: int
    page: int
    pages: int
    facets: list[Facet]
    searched: str = ""
    period: str = ""

    @property
    def first(self) -> int:
        return (self.page - 1) * PAGE_SIZE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.hits) - 1

    @property
    def more_than_counted(self) -> bool:
        return self.total >= MOST

    @property
    def previous_page(self) -> int | None:
        return self.page - 1 if self.page > 1 else None

    @property
    def next_page(self) -> int | None:
        return self.page + 1 if self.page < self.pages else None


def find(by: Actor, wanted: Wanted, language: str | None) -> Found:
    """The page ``wanted.page`` of the decisions that ``by`` may read and that match. Ten queries at most, whatever is found.

    A page beyond the last one gives the last one. Writes an audit row for each hospital whose decisions are shown (ids and
    numbers, never words), or one for the acting organisation when nothing was found. Raises ``Unavailable`` when it cannot.
    """
    page = max(1, min(wanted.page, MOST // PAGE_SIZE))
    typed = read(wanted.words)
    asked = with_month(typed) or typed
    answer = _ask(wanted, asked, page)
    if asked.month and not answer.total:
        asked, answer = typed, _ask(wanted, typed, page)
    if not answer.ids and page > 1 and answer.total:
        page = (answer.total - 1) // PAGE_SIZE + 1
        answer = _ask(wanted, asked, page)
    if answer.mended:
        asked = replace(asked, typed=" ".join(answer.mended), words=answer.mended)
    decisions = rows_of(by, answer.ids, asked)
    trace("decision.search", decisions, answer.total)
    return Found(
        hits=[line_of(each, language) for each in decisions],
        total=answer.total,
        page=page,
        pages=max(1, -(-answer.total // PAGE_SIZE)),
        facets=drawn(answer.facets, known(by, wanted.chosen, answer.facets), language),
        searched=" ".join(answer.mended),
        period=asked.period,
    )


def with_codes(codes: Iterable[str]) -> list[UUID]:
    """The newest decisions with all of these codes (``facet:value``) among those that the actor of the open door may find: a page."""
    chosen = dict(code.split(":", 1) for code in codes)
    return _ask(Wanted(chosen=chosen), Asked(), 1).ids


@dataclass(frozen=True)
class _Answer:
    ids: list[UUID]
    total: int
    facets: dict[str, dict[str, int]]
    mended: tuple[str, ...]


def _ask(wanted: Wanted, asked: Asked, page: int) -> _Answer:
    first = max((day for day in (wanted.since, asked.first_day) if day), default=None)
    last = min((day for day in (wanted.until, asked.last_day) if day), default=None)
    since = datetime.combine(first, time.min, _ZONE) if first else None
    before = datetime.combine(last + timedelta(days=1), time.min, _ZONE) if last else None
    chosen = [f"{facet}:{value}" for facet, value in wanted.chosen.items()]
    if asked.month and not asked.year:
        chosen.append(f"any:{asked.month:02d}")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ids, total, facets, mended FROM mdo_search_decisions("
            "%s::text, %s::text[], %s::text, %s::text[], %s::timestamptz, %s::timestamptz, %s::integer, %s::integer)",
            [asked.typed, list(asked.words), asked.number, chosen, since, before, PAGE_SIZE, (page - 1) * PAGE_SIZE],
        )
        ids, total, facets, mended = cursor.fetchone()
    return _Answer(list(ids), total, json.loads(facets) if isinstance(facets, str) else facets, tuple(mended or ()))


def rows_of(by: Actor, ids: list[UUID], asked: Asked) -> list[Decision]:
    """The decisions of a page in their order, each with ``excerpt``: its text with the hits between marks."""
    bare = Func(
        F("text"), Value(_JOINING + _ON + _OFF), Value(_DRESSED), function="translate", output_field=TextField()
    )
    query = Func(Value(asked.typed), Value(asked.beginnings), function="mdo_words_query")
    headline = Func(
        bare,
        query,
        Value(_HEADLINE),
        template="ts_headline('mdo_dutch', %(expressions)s)",
        output_field=TextField(),
    )
    found = (
        access.visible_decisions(by, ids)
        .annotate(excerpt=headline if asked.typed else bare)
        .select_related(
            "board", "meeting", "hospital", "case__patient", "item__topic", "item__follow_up", "replaced_by"
        )
    )
    by_id = {decision.pk: decision for decision in found}
    return [by_id[each] for each in ids if each in by_id]


def line_of(decision: Decision, language: str | None) -> Hit:
    kind = board_kind(decision.board.kind)
    steps = [
        Step(kind.option_words("steps", str(step.get("kind", "")), language), str(step.get("text", "")))
        for step in decision.steps
    ]
    topic = decision.item.topic
    title = decision.case.patient.display_name if decision.case else (topic.title if topic else "")
    return Hit(decision, title, steps[:STEPS_SHOWN], len(steps[STEPS_SHOWN:]), marked(decision.excerpt))  # type: ignore[attr-defined]


def marked(text: str) -> SafeString:
    """A text with its hits, cut around the first of them, as HTML: everything escaped, the hits in ``<mark>``."""
    text = text.translate(_UNDRESS)
    start = max(0, text.find(_ON) - _BEFORE)
    start = text.rfind(" ", 0, start + 1) + 1  # whole words
    end = len(text) if len(text) - start <= _LONGEST else text.rfind(" ", start + 1, start + _LONGEST)
    end = end if end > start else start + _LONGEST
    excerpt = ("… " if start else "") + text[start:end] + (" …" if end < len(text) else "")
    excerpt += _OFF * (excerpt.count(_ON) - excerpt.count(_OFF))
    html = str(escape(excerpt)).replace(_ON, "<mark>").replace(_OFF, "</mark>")
    return mark_safe(html)  # noqa: S308  (escaped above; the marks were taken out of the text itself)


def trace(action: str, decisions: list[Decision], total: int) -> None:
    """Write for each hospital which of its decisions were shown, and of how many; one row for the acting organisation for none."""
    shown: dict[UUID | None, list[str]] = defaultdict(list)
    for decision in decisions:
        shown[decision.hospital_id].append(str(decision.pk))
    for hospital_id, ids in shown.items() or [(None, [])]:
        audit.act(action, hospital_id=hospital_id, detail={"found": total, "shown": ids})
