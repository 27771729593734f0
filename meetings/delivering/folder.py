"""A report laid down for the hospital's own eHealthBox program: the PDF, and beside it who it is about and for whom.

Names hold the delivery's id alone. Each file appears whole under its name, the description last: whoever waits for that finds the PDF. A
repetition has the same names and the same ids within.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any
from uuid import UUID

from meetings.delivering.documents import Document
from meetings.delivering.faults import NotTaken


def about(document: Document) -> dict[str, Any]:
    """What the hospital's program has to know of a report; nothing of what is in it."""
    hospital = document.decision.hospital
    return {
        "format": "mdo-handover/1",
        "delivery": str(document.key),
        "document": str(document.number),
        "replaces": str(document.replaces) if document.replaces else None,
        "kind": document.kind,
        "language": document.language,
        "made_at": document.made_at.isoformat(),
        "test": document.trial,
        "sender": {"name": hospital.name, "licence_number": hospital.licence_number},
        "recipient": {"licence_number": document.recipient.licence_number if document.recipient else ""},
        "patient": {"national_number": document.patient.national_number},
        "content_type": "application/pdf",
        "sha256": hashlib.sha256(document.body).hexdigest(),
    }


def lay_down(folder: Path, key: UUID, pdf: bytes, told: dict[str, Any]) -> None:
    """``<key>.pdf``, then ``<key>.json``. Raises ``NotTaken``."""
    text = json.dumps({**told, "file": f"{key}.pdf"}, ensure_ascii=False, indent=1).encode()
    try:
        folder.mkdir(mode=0o770, parents=True, exist_ok=True)
        if folder.resolve() != folder.parent.resolve() / folder.name:  # a link would lead out of the site's folder
            raise NotTaken("folder", down=True)
        _put(folder, f"{key}.pdf", pdf)
        _put(folder, f"{key}.json", text)
    except OSError:
        raise NotTaken("folder", down=True) from None


def _put(folder: Path, name: str, body: bytes) -> None:
    part = folder / f".{name}.{os.getpid()}.part"
    try:
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640), "wb") as file:
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / name)
    finally:
        part.unlink(missing_ok=True)
