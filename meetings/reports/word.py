"""Every document about what was decided as DOCX, for whoever has to write on: from the same data as the PDF, by templates that a hospital
can change.

Text is never markup: docxtpl escapes what it puts in (`autoescape`), and renders a value once. The typeface is the reader's program's matter,
so every letter is kept; only what no XML may hold is taken out.
"""

from __future__ import annotations

import io
import unicodedata
from pathlib import Path
from typing import Any

from django.utils.translation import override
from docxtpl import DocxTemplate

from meetings.reports import layout
from meetings.reports.content import CaseReport, Letter, Minutes, Summary
from meetings.reports.printing import LINE_END

TEMPLATES = Path(__file__).parent / "templates"
_HEAD = ("kind", "board", "title", "sitting", "day", "labels")
_RECOMMENDED = ("intent", "deviation", "guideline", "trial", "informs", "protocol", "discussion")


def case_report_docx(report: CaseReport, language: str) -> bytes:
    """The report of one case in `language`."""
    with override(language):
        data = layout.case_report(report)
    labels = data["labels"]
    groups = [
        {"title": f"{heading}: {group['title']}", "rows": group["rows"]}
        for heading, found in ((labels["tumours"], data["tumours"]), (labels["dossier"], data["groups"]))
        for group in found
    ]
    people = _people(data["participants"])
    return _docx(data, groups=groups, people=people, when=_joined(data["when"], data["quorum"]))


def letter_docx(letter: Letter, language: str) -> bytes:
    """The letter to a patient's GP in `language`."""
    with override(language):
        data = layout.letter(letter)
    labels, told = data["labels"], data["told"]
    status = labels["informed"] if told["said"] else labels["not_informed"]
    return _docx(
        data,
        to=data["to"],
        told={"status": status, "text": " ".join(told["sentences"])} if told["sentences"] else None,
        people=[data["participants"]] if data["participants"] else [],
    )


def summary_docx(summary: Summary, language: str) -> bytes:
    """The summary for a patient in `language`."""
    with override(language):
        data = layout.summary(summary)
    said = ("banner", "intro", "steps", "aim", "tasks", "words", "words_by", "ask", "told", "no_advice")
    return _filled("summary", {**_head(data), **{name: data[name] for name in said}})


def minutes_docx(minutes: Minutes, language: str) -> bytes:
    """The minutes of a whole meeting in `language`."""
    with override(language):
        data = layout.minutes(minutes)
    labels = data["labels"]
    content = {
        **_head(data),
        "draft": data["draft"],
        "facts": data["facts"],
        "attendance": _people(data["attendance"]),
        "items": [_item(each, labels) for each in data["items"]],
        "signed": data["signed"],
    }
    return _filled("minutes", content)


def _item(item: layout.Json, labels: dict[str, str]) -> layout.Json:
    said = item["recommendation"]
    moved = f"{labels['postponed_to']}: {item['postponed_to']}" if item["postponed_to"] else ""
    flags = [labels["late"]] if item["late"] else []
    flags += [labels["draft"]] if item["unsigned"] else []
    return {
        "title": f"{item['number']}  {item['title']}",
        "detail": _joined(item["detail"], item["requester"], item["when"], *flags),
        "question": item["question"],
        "outcome": "" if said else _joined(item["outcome"], item["note"], moved),
        "steps": said["steps"] if said else [],
        "text": said["text"] if said else "",
        "rows": _rows(said, labels) if said else [],
        "last": _joined(f"{labels['present']}: {item['present']}" if item["present"] else "", item["quorum"]),
    }


def _docx(data: layout.Json, **more: Any) -> bytes:
    said, labels, imprint = data["recommendation"], data["labels"], data["imprint"]
    late = [labels["late"]] if data["late"] else []
    content = {
        **_head(data),
        **{name: data[name] for name in ("draft", "banner", "question", "signed")},
        "asked": " · ".join([*data["asked"], *late]),
        "steps": said["steps"],
        "text": said["text"],
        "rows": _rows(said, labels),
        "code": imprint["code"],
        "verify_at": imprint["verify_at"],
        **more,
    }
    return _filled("document", content)


def _head(data: layout.Json) -> layout.Json:
    """What stands above and below every document."""
    imprint = data["imprint"]
    document = f"{imprint['document_id']} · {data['labels']['version']} {imprint['version']}"
    return {**{name: data[name] for name in _HEAD}, "document": document, "made": imprint["made"]}


def _people(rows: list[layout.Json]) -> list[str]:
    return [
        _joined(each["name"], each["role"], each["discipline"], each["organisation"], each["presence"]) for each in rows
    ]


def _rows(said: layout.Json, labels: dict[str, str]) -> list[layout.Json]:
    """What was agreed beside the steps, by its labels."""
    rows = [{"label": labels.get(name, ""), "value": said[name]} for name in _RECOMMENDED if said[name]]
    rows += [
        {"label": labels["actions"], "value": _joined(each["text"], each["owner"], each["due"])}
        for each in said["actions"]
    ]
    rows += [
        {"label": labels["dissent"], "value": f"{each['name']} ({each['discipline']}): {each['reason']}"}
        for each in said["dissents"]
    ]
    return rows


def _filled(name: str, content: layout.Json) -> bytes:
    template = DocxTemplate(TEMPLATES / f"{name}.docx")
    template.render(_each(content), autoescape=True)
    body = io.BytesIO()
    template.save(body)
    return body.getvalue()


def _joined(*parts: str) -> str:
    return " · ".join(part for part in parts if part)


def _each(value: Any) -> Any:
    if isinstance(value, str):
        return kept(value)
    if isinstance(value, list):
        return [_each(one) for one in value]
    if isinstance(value, dict):
        return {key: _each(one) for key, one in value.items()}
    return value


def kept(text: str) -> str:
    """`text` without what XML forbids, without control and direction-override characters, with one kind of line end."""
    text = unicodedata.normalize("NFC", LINE_END.sub("\n", text).replace("\t", " "))
    return "".join(
        c for c in text if c == "\n" or c in "\u200c\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Cn")
    )
