"""From content to what a template reads: plain JSON, every text resolved in the active language, every moment written
out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from meetings import seals
from meetings.reports import wording
from meetings.reports.content import (
    AgendaLine,
    AgendaSheet,
    CaseReport,
    CaseSheet,
    FiguresSheet,
    Group,
    Imprint,
    Letter,
    Minutes,
    MinutesItem,
    PatientIdentity,
    Present,
    Recommendation,
    Sitting,
    Summary,
)
from meetings.reports.wording import Wording

Json = dict[str, Any]


def case_report(report: CaseReport) -> Json:
    """The data of `case_report.typ`."""
    words = Wording(report.sitting.zone)
    return {
        **_frame(
            str(report.title) or _("Report of a case"),
            report.sitting,
            report.imprint,
            draft=report.signature.signed_at is None,
        ),
        **_case(words, report),
        "when": words.span(report.opened_at, report.closed_at),
        "recommendation": _recommendation(words, report.recommendation),
        "participants": [_present(words, person) for person in report.participants],
        "quorum": wording.quorum(report.quorum),
        "signed": words.signed(report.signature),
    }


def letter(content: Letter) -> Json:
    """The data of `letter.typ`."""
    words = Wording(content.sitting.zone)
    return {
        **_frame(_("Letter to the GP"), content.sitting, content.imprint, draft=False),
        **_asked(words, content),
        "to": content.to,
        "told": {"said": content.told.said, "sentences": wording.told(words, content.told)},
        "recommendation": _recommendation(words, content.recommendation),
        "participants": "; ".join(str(each) for each in content.participants),
        "signed": words.signed(content.signature),
    }


def summary(content: Summary) -> Json:
    """The data of `summary.typ`."""
    words = Wording(content.sitting.zone)
    sitting = content.sitting
    held = {"day": words.day(sitting.starts_at), "board": str(sitting.board)}
    asks = [name for name in (content.requester, content.gp) if name]
    return {
        **_frame(_("What was recommended for you"), sitting, content.imprint, draft=False),
        "banner": _banner(words, content.patient),
        "intro": [
            _("On %(day)s several specialists talked about your situation: %(board)s.") % held,
            _("Together they made a recommendation. You decide with your doctor what happens."),
        ],
        "steps": [{"label": str(each.label), "text": str(each.sentence)} for each in content.steps],
        "aim": str(content.aim),
        "tasks": [wording.task(name, words.day(due)) for name, due in content.tasks],
        "told": wording.you_were_told(words, content.told),
        "words": content.words,
        "words_by": _("Written for you by %(name)s.") % {"name": content.words_by} if content.words_by else "",
        "ask": _("Is something not clear, or are you worried? Ask your doctor: %(names)s.") % {"names": ", ".join(asks)}
        if asks
        else _("Is something not clear, or are you worried? Ask your doctor."),
        "no_advice": _("This page is a summary. It does not replace the talk with your doctor."),
    }


def case_sheet(sheet: CaseSheet) -> Json:
    """The data of `case_sheet.typ`."""
    words = Wording(sheet.sitting.zone)
    place = [str(sheet.number or ""), words.clock(sheet.expected_at), wording.minutes_long(sheet.minutes)]
    return {
        **_frame(_("Case"), sheet.sitting, sheet.imprint, draft=False),
        **_case(words, sheet),
        "when": " · ".join(part for part in place if part),
        "documents": [{"label": str(row.label), "value": str(row.value)} for row in sheet.documents],
    }


def figures(sheet: FiguresSheet) -> Json:
    """The data of `figures.typ`: a board's figures of a period."""
    words = Wording(sheet.zone)
    last = sheet.figures.until - timedelta(microseconds=1)
    return {
        **_head(_("Figures"), sheet.board, sheet.label, list(sheet.hospitals)),
        "draft": False,
        "day": f"{words.day(sheet.figures.since)} – {words.day(last)}",
        "sitting": f"{words.day(sheet.figures.since)} – {words.day(last)} · {wording.sittings(sheet.figures.sittings)}",
        "imprint": {"document_id": words.moment(sheet.made_at), "version": "1", "replaces": "", "digest": ""},
        "demo": sheet.demo,
        "note": sheet.figures.note,
        "headlines": [
            {
                "label": each.label,
                "value": each.text,
                "note": each.note,
                "goal": _("goal %(goal)s") % {"goal": each.goal_text} if each.goal_text else "",
            }
            for each in sheet.figures.headlines
        ],
        "tables": [
            {
                "title": each.title,
                "note": each.note,
                "head": [each.first, *(column.label for column in each.columns)],
                "rows": [
                    {
                        "label": row.label,
                        "tag": row.tag,
                        "cells": [{"text": cell.text, "bar": cell.bar or 0} for cell in row.cells],
                    }
                    for row in each.rows
                ],
            }
            for each in sheet.figures.tables
            if each.rows
        ],
    }


def _banner(words: Wording, patient: PatientIdentity) -> Json:
    number = str(patient.number_kind) or _("Number")
    return {
        "name": patient.name,
        "facts": [
            {"label": _("Born"), "value": words.birth(patient.birth_date) or "–"},
            {"label": _("Sex"), "value": wording.gender(patient.gender)},
            {"label": number, "value": patient.number or "–"},
            {"label": _("Hospital"), "value": str(patient.hospital) or "–"},
        ],
    }


def _asked(words: Wording, shown: CaseReport | CaseSheet | Letter) -> Json:
    """Whose case it is and what is asked, as every paper about it says."""
    asked = [shown.requester, str(shown.requester_organisation), words.day(shown.requested_on), str(shown.reason)]
    return {
        "late": shown.late,
        "banner": _banner(words, shown.patient),
        "question": str(shown.question),
        "asked": [part for part in asked if part],
    }


def _case(words: Wording, shown: CaseReport | CaseSheet) -> Json:
    """What a report of a case and its sheet say alike: that, and the dossier."""
    return {
        **_asked(words, shown),
        "groups": [_group(group) for group in shown.groups if group.rows],
        "tumours": [_group(group) for group in shown.tumours],
    }


def minutes(content: Minutes) -> Json:
    """The data of `minutes.typ`."""
    words = Wording(content.sitting.zone)
    cases = sum(item.kind == "case" for item in content.items)
    facts = [
        (_("Held"), words.span(content.started_at, content.closed_at)),
        (_("Chair"), content.chair),
        (_("Coordinator"), content.coordinator),
        (_("Secretary"), content.secretary),
        (_("Apologies"), ", ".join(str(name) for name in content.apologies)),
        (_("Items"), wording.cases_and_topics(cases, len(content.items) - cases)),
    ]
    return {
        **_frame(
            pgettext("document", "Minutes"), content.sitting, content.imprint, draft=content.signature.signed_at is None
        ),
        "facts": [{"label": label, "value": value} for label, value in facts if value],
        "attendance": [_present(words, person) for person in content.attendance],
        "items": [_minutes_item(words, item) for item in content.items],
        "signed": words.signed(content.signature),
    }


def agenda(sheet: AgendaSheet, *, names: bool) -> Json:
    """The data of `agenda.typ`; with `names` False no name, birth date, question or note of anyone gets in."""
    words = Wording(sheet.sitting.zone)
    discussed = [item for item in sheet.items if not item.protocol]
    covered = [item for item in sheet.items if item.protocol]
    cases = sum(item.kind == "case" for item in discussed)
    facts = [
        (_("Expected end"), words.clock(sheet.ends_at)),
        (_("Items"), wording.cases_and_topics(cases, len(discussed) - cases)),
        (_("Protocol cases"), str(len(covered)) if covered else ""),
        (_("Published"), words.moment(sheet.published_at)),
    ]
    return {
        **_frame(_("Agenda"), sheet.sitting, sheet.imprint, draft=sheet.published_at is None),
        "facts": [{"label": label, "value": value} for label, value in facts if value],
        "names": names,
        "items": [row for line in discussed for row in _with_break(words, line, names=names)],
        "covered": [_agenda_line(words, line, names=names) for line in covered],
    }


def _frame(title: str, sitting: Sitting, imprint: Imprint, *, draft: bool) -> Json:
    words = Wording(sitting.zone)
    return {
        **_head(title, str(sitting.board), str(sitting.label), [str(name) for name in sitting.hospitals]),
        "draft": draft,
        "day": words.day(sitting.starts_at),
        "sitting": words.sitting(sitting),
        "imprint": {
            "document_id": imprint.document_id,
            "version": str(imprint.version),
            "replaces": imprint.replaces,
            "digest": imprint.digest,
            "code": seals.spelled(imprint.code) if imprint.code else "",
            "qr": seals.picture(seals.address(imprint.code)) if imprint.code else "",
            "verify_at": seals.page() if imprint.code else "",
            "made": imprint.made,
        },
    }


def _head(title: str, board: str, kind: str, hospitals: list[str]) -> Json:
    """What the frame of every document says of itself, whatever it is about."""
    return {
        "lang": (get_language() or "en").split("-")[0],
        "labels": wording.labels(),
        "title": title,
        "board": board,
        "kind": kind,
        "hospitals": hospitals,
    }


def _recommendation(words: Wording, content: Recommendation | None) -> Json | None:
    if content is None:
        return None
    return {
        "steps": [{"label": str(step.label), "text": str(step.text)} for step in content.steps],
        "intent": str(content.intent),
        "text": str(content.text),
        "deviation": str(content.deviation),
        "guideline": str(content.guideline),
        "trial": str(content.trial),
        "informs": str(content.informs),
        "actions": [{"text": str(one.text), "owner": one.owner, "due": words.day(one.due)} for one in content.actions],
        "discussion": str(content.discussion),
        "protocol": str(content.protocol),
        "dissents": [
            {"name": one.name, "discipline": str(one.discipline), "reason": str(one.reason)} for one in content.dissents
        ],
    }


def _group(group: Group) -> Json:
    return {
        "title": str(group.title),
        "rows": [{"label": str(row.label), "value": str(row.value)} for row in group.rows],
    }


def _present(words: Wording, person: Present) -> Json:
    return {
        "name": person.name,
        "role": str(person.role),
        "discipline": str(person.discipline),
        "organisation": str(person.organisation),
        "presence": words.presence(person.spans),
    }


def _minutes_item(words: Wording, item: MinutesItem) -> Json:
    outcome = wording.state(item.state)
    if item.state == "postponed" and item.postponed_reason:
        outcome = f"{outcome}: {item.postponed_reason}"
    return {
        "number": str(item.number or "–"),
        "kind": item.kind,
        "title": item.title,
        "detail": str(item.detail),
        "requester": str(item.requester),
        "question": str(item.question),
        "late": item.late,
        "state": item.state,
        "outcome": outcome,
        "note": str(item.postponed_note),
        "postponed_to": words.moment(item.postponed_to),
        "when": words.span(item.opened_at, item.closed_at),
        "recommendation": _recommendation(words, item.recommendation),
        "unsigned": item.recommendation is not None and not item.signed,
        "present": ", ".join(str(name) for name in item.present),
        "quorum": wording.quorum(item.quorum),
    }


def _with_break(words: Wording, line: AgendaLine, *, names: bool) -> list[Json]:
    row = _agenda_line(words, line, names=names)
    if line.rest is None:
        return [row]
    starts_at, minutes = line.rest
    empty = {key: False if isinstance(value, bool) else "" for key, value in row.items()}
    rest = {
        "kind": "break",
        "time": words.clock(starts_at),
        "title": _("Break"),
        "length": wording.minutes_long(minutes),
    }
    return [{**empty, **rest}, row]


def _agenda_line(words: Wording, line: AgendaLine, *, names: bool) -> Json:
    open_to_all = names or line.kind == "topic"
    return {
        "number": str(line.number or "–"),
        "kind": line.kind,
        "time": words.clock(line.expected_at),
        "title": line.name if open_to_all else line.pseudonym,
        "born": words.birth(line.birth_date) if names else "",
        "organisation": str(line.organisation),
        "requester": line.requester if names else "",
        "question": str(line.question) if names else "",
        "note": str(line.note) if names else "",
        "protocol": line.protocol if names else "",
        "reference": line.protocol_reference if names else "",
        "late": line.late,
        "state": line.state,
        "outcome": "" if line.state == "scheduled" else wording.state(line.state),
        "length": wording.minutes_long(line.minutes),
    }
