"""The files for the registry and for invoicing: CSV in a ZIP, with a manifest. Pure: rows in, bytes out."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cases.exchange.templates import plain_cell

NEW, CHANGED, SAME, WITHDRAWN = "new", "changed", "same", "withdrawn"
BILLING = (
    "bill_id",
    "change",
    "hospital",
    "hospital_licence_number",
    "meeting_date",
    "national_number",
    "other_number",
    "record_number",
    "family_name",
    "given_name",
    "birth_date",
    "setting",
    "service",
    "code",
    "physician",
    "physician_licence_number",
    "requester",
    "requester_licence_number",
    "requested_on",
    "decision_number",
    "decision_version",
    "rule_set",
)
_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same content makes the same bytes; the manifest says when it was made


@dataclass(frozen=True, slots=True)
class Sheet:
    """One CSV file of an export: its header row is ``columns``."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def content(self) -> bytes:
        return as_csv(self.columns, self.rows)


def as_csv(columns: Sequence[str], rows: Iterable[Mapping[str, str]]) -> bytes:
    """UTF-8 with its mark, semicolons, a header row, one row a line: each cell as ``plain_cell`` has it."""
    out = io.StringIO()
    lines = csv.writer(out, delimiter=";", lineterminator="\r\n")
    lines.writerow(columns)
    for row in rows:
        lines.writerow([plain_cell(row.get(column, "")) for column in columns])
    return ("\ufeff" + out.getvalue()).encode()


def packed(sheets: Sequence[Sheet], about: Mapping[str, Any]) -> bytes:
    """The ZIP: each sheet, and ``manifest.json`` with what it is ``about``, and of each sheet its columns, number of rows and SHA-256."""
    contents = {sheet.name: sheet.content() for sheet in sheets}
    files = [
        {
            "name": sheet.name,
            "rows": len(sheet.rows),
            "columns": list(sheet.columns),
            "sha256": hashlib.sha256(contents[sheet.name]).hexdigest(),
        }
        for sheet in sheets
    ]
    manifest = json.dumps({**about, "files": files}, ensure_ascii=False, indent=2).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in [*contents.items(), ("manifest.json", manifest)]:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    return out.getvalue()
