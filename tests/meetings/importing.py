"""Lists to import, as hospitals send them, and the house that works on them."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.utils import translation

from cases.actions.documents import Upload
from cases.actions.importing import confirm_import, upload_import
from cases.models import ImportJob, ImportRow
from mdo.kernel.acting import System
from mdo.kernel.ids import new_id
from meetings.importing import work_on
from tests.cast import Member, acting_as
from tests.factories import insz, writing

HEAD = ("INSZ", "Naam", "Voornaam", "Geslacht", "Reden", "Vraagstelling", "Aanvrager", "Aanvraagdatum")
OLD_HEAD = ("INSZ", "Naam", "Voornaam", "Datum MOC", "Vraag", "Advies", "Stappen", "Aanwezigen", "Coördinator")


def number(n: int) -> str:
    """The national number of the n-th patient: another birth date each."""
    return insz(date(1940 + n % 60, 1 + n % 12, 1 + n % 28), 2 + 2 * (n // 60 % 480))


def csv(rows: list[tuple[str, ...]], head: tuple[str, ...] = HEAD) -> bytes:
    return "\r\n".join(";".join(f'"{cell}"' for cell in row) for row in (head, *rows)).encode()


def submission(n: int, **changes: str) -> tuple[str, ...]:
    row = {
        "INSZ": number(n),
        "Naam": f"Vermeersch {n}",
        "Voornaam": "Rosa",
        "Geslacht": "",
        "Reden": "nieuwe diagnose",
        "Vraagstelling": f"Heelkunde eerst? ({n})",
        "Aanvrager": "dr. Sofie Claes",
        "Aanvraagdatum": "12/10/2026",
    }
    return tuple({**row, **changes}.values())


def old_decision(n: int, **changes: str) -> tuple[str, ...]:
    row = {
        "INSZ": number(n),
        "Naam": f"Vermeersch {n}",
        "Voornaam": "Rosa",
        "Datum MOC": "14/03/2019",
        "Vraag": "Adjuvante behandeling?",
        "Advies": f"Borstsparende heelkunde met sentinelprocedure ({n}).",
        "Stappen": "Heelkunde: tumorectomie; endocriene therapie",
        "Aanwezigen": "dr. De Smet; dr. Claes",
        "Coördinator": "dr. De Smet",
    }
    return tuple({**row, **changes}.values())


def uploaded(member: Member, content: bytes, *, board: UUID | None = None, **more: Any) -> ImportJob:
    """Upload as somebody, and the list as it then stands."""
    import_id = new_id()
    with acting_as(member) as by, translation.override("nl"):
        upload_import(
            by=by,
            import_id=import_id,
            what="decisions" if board else "submissions",
            board_id=board,
            upload=Upload("lijst.csv", content),
            command_id=new_id(),
            **more,
        )
    return job(import_id)


def job(import_id: UUID) -> ImportJob:
    with writing():
        return ImportJob.objects.get(pk=import_id)


def rows(import_id: UUID) -> list[ImportRow]:
    with writing():
        return list(ImportRow.objects.filter(job=import_id).order_by("number"))


def worked(import_id: UUID) -> ImportJob:
    """The list after the house did what there is to do on it."""
    work_on(System("sweep"), import_id)
    return job(import_id)


def confirmed(member: Member, found: ImportJob) -> ImportJob:
    with acting_as(member) as by:
        confirm_import(by=by, import_id=found.pk, version=found.version, command_id=new_id())
    return job(found.pk)
