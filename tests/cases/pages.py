"""What the tests of the pages of cases share: who asks, what is sent, what was stored and read."""

from datetime import date
from io import BytesIO
from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from cases.models import Case, Document, Referral, Tumour
from cases.views.edit import fingerprint
from mdo.directory.models import Person
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast, Member
from tests.factories import (
    insz,
    writing,
)

BIRTH = date(1961, 4, 12)
NUMBER = insz(BIRTH, 4)
LONG_NAME = ("D'Hondt-" + "Vanderstraeten " * 30 + "أحمد")[:300]


def sign_in(member: Member) -> Client:
    Person.objects.filter(pk=member.pk).update(language="en")
    client = Client()
    client.force_login(member.person)
    return client


def now_of(case: Case) -> tuple[Case, list[Tumour], list[Referral], list[Document]]:
    with writing():
        found = Case.objects.select_related("patient").get(pk=case.pk)
        return found, list(found.tumours.all()), list(found.referrals.all()), list(found.documents.all())


def reads(kind: str) -> list[UUID | None]:
    return list(AuditEntry.objects.filter(action=f"{kind}.read").order_by("id").values_list("object_id", flat=True))


def filled(cast: Cast, **changes: Any) -> dict[str, Any]:
    data = {
        "command_id": str(new_id()),
        "national_number": NUMBER,
        "family_name": "D'Hondt",
        "given_name": "Maria",
        "birth_date": "1961-04-12",
        "sex": "female",
        "board": str(cast.board.pk),
        "reason": "new_diagnosis",
        "question": "Heelkunde?",
        "requester": str(cast.requester.pk),
        "requested_on": "2026-11-20",
    } | changes
    return {name: value for name, value in data.items() if value is not None}


def cases() -> list[Case]:
    with writing():
        return list(Case.objects.select_related("patient").order_by("created_at"))


def answers(case: Case, **changes: Any) -> dict[str, Any]:
    """What the page sends when nothing is changed, with changes."""
    found, tumours, _referrals, _documents = now_of(case)
    data: dict[str, Any] = {"command_id": str(new_id()), "version": found.version, "seen": fingerprint(found, tumours)}
    data |= {key: value for key, value in found.data.items() if key not in ("dossier", "version")}
    for tumour in tumours:
        for key, value in tumour.data.items():
            name = f"tumour-{tumour.pk}-{key}"
            if isinstance(value, dict):
                data |= {
                    f"{name}_0": " ".join(value[axis] for axis in "tnm" if axis in value),
                    f"{name}_1": value["edition"],
                }
            elif key not in ("dossier", "version"):
                data[name] = value
    return {name: value for name, value in (data | changes).items() if value is not None}


def press(client: Client, referral: Referral, what: str, **changes: Any) -> Any:
    data = {"command_id": str(new_id()), "version": referral.version} | changes
    return client.post(f"/referrals/{referral.pk}/{what}/", data)


def upload(client: Client, case: Case, *contents: bytes, **more: Any) -> Any:
    names = more.pop("names", [f"file {number}.pdf" for number in range(len(contents))])
    files = [SimpleUploadedFile(name, content) for name, content in zip(names, contents, strict=True)]
    data = {"command_id": str(new_id()), "kind": "imaging", "documents": files} | more
    return client.post(f"/cases/{case.pk}/documents/", data)


def png() -> bytes:
    found = BytesIO()
    Image.new("L", (40, 30)).save(found, "PNG")
    return found.getvalue()
