"""Report and letter as DOCX, for whoever has to write on: from the same data as the PDF, by a template that a hospital can change.

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
from meetings.reports.content import CaseReport, Letter

TEMPLATE = Path(__file__).parent / "templates" / "document.docx"
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
    people = [
        _joined(each["name"], each["role"], each["discipline"], each["organisation"], each["presence"])
        for each in data["participants"]
    ]
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


def _docx(data: layout.Json, **more: Any) -> bytes:
    said, labels, imprint = data["recommendation"], data["labels"], data["imprint"]
    rows = [{"label": labels.get(name, ""), "value": said[name]} for name in _RECOMMENDED if said[name]]
    rows += [
        {"label": labels["actions"], "value": _joined(each["text"], each["owner"], each["due"])}
        for each in said["actions"]
    ]
    rows += [
        {"label": labels["dissent"], "value": f"{each['name']} ({each['discipline']}): {each['reason']}"}
        for each in said["dissents"]
    ]
    late = [labels["late"]] if data["late"] else []
    content = {
        **{
            name: data[name]
            for name in ("kind", "board", "title", "sitting", "day", "draft", "banner", "question", "labels", "signed")
        },
        "asked": " · ".join([*data["asked"], *late]),
        "steps": said["steps"],
        "text": said["text"],
        "rows": rows,
        "document": f"{imprint['document_id']} · {labels['version']} {imprint['version']}",
        "code": imprint["code"],
        "verify_at": imprint["verify_at"],
        **more,
    }
    template = DocxTemplate(TEMPLATE)
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
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    return "".join(
        c for c in text if c == "\n" or c in "\u200c\u200d" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Cn")
    )
