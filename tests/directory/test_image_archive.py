"""Where an organisation's image archive opens a study: said by its own administrator."""

from __future__ import annotations

import pytest
from django.test import Client

from mdo.directory.actions.archive import set_image_archive
from mdo.directory.models import Organisation
from mdo.kernel.errors import Invalid, NotFound, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from tests.cast import Cast
from tests.directory.test_tokens import page
from tests.meetings.acts import call

GOOD = "https://pacs.example.org/v?acc={accession}&p={patient}"


def sent(address: str, seen: str = "", **more: str) -> dict[str, str]:
    return {"command_id": str(new_id()), "address": address, "seen": seen} | more


def stored(organisation: Organisation) -> str:
    return Organisation.objects.get(pk=organisation.pk).pacs_address


def test_the_administrator_looks_where_it_leads_and_saves(cast: Cast) -> None:
    client = page(cast.admin)
    assert 'href="/image-archive/"' in client.get("/").content.decode()
    looked = client.post("/image-archive/", sent(GOOD, look="1"))
    leads = "https://pacs.example.org/v?acc=VOORBEELD%2026%2F0417&amp;p=H-00000"
    assert (looked.status_code, leads in looked.content.decode(), stored(cast.organiser)) == (200, True, "")
    assert not AuditEntry.objects.filter(action="organisation.set_archive").exists()
    asked = sent(GOOD)
    assert client.post("/image-archive/", asked).status_code == 302
    assert client.post("/image-archive/", asked).status_code == 302  # a double click
    assert (stored(cast.organiser), stored(cast.partner_hospital)) == (GOOD, "")
    (entry,) = AuditEntry.objects.filter(action="organisation.set_archive")
    assert (entry.hospital_id, entry.outcome) == (cast.organiser.pk, "ok")
    assert entry.detail == {"object_id": str(cast.organiser.pk), "events": ["directory.changed"]}
    stale = client.post("/image-archive/", sent("https://other.example.org/{accession}"))
    assert (stale.status_code, stored(cast.organiser)) == (409, GOOD)
    assert GOOD.replace("&", "&amp;") in stale.content.decode()
    again = sent("", stale.context["form"]["seen"].value())
    assert (client.post("/image-archive/", again).status_code, stored(cast.organiser)) == (302, "")


@pytest.mark.parametrize(
    "address",
    [
        "http://pacs.example.org/{accession}",
        "javascript:alert({accession})",
        "https://pacs.example.org/",
        "https://pacs.example.org/{accession}/{name}",
        "https://{accession}.example.org/",
        "https://u:p@pacs.example.org/{accession}",
        "https://pacs.example.org/{accession}?" + "x" * 480,
    ],
)
def test_anything_else_is_refused_and_kept_in_the_form(cast: Cast, address: str) -> None:
    answer = page(cast.admin).post("/image-archive/", sent(address))
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["address"])
    assert (answer.context["form"]["address"].value(), stored(cast.organiser)) == (address, "")
    with pytest.raises(Invalid):
        call(set_image_archive, cast.admin, organisation_id=cast.organiser.pk, address=address, before="")


def test_for_others_the_page_does_not_exist(cast: Cast) -> None:
    for name in ("secretary", "chair", "privacy", "requester", "outsider"):
        client: Client = page(cast.members[name])
        assert client.get("/image-archive/").status_code == 404
        assert client.post("/image-archive/", sent(GOOD)).status_code == 404
    for organisation in (cast.partner_hospital, cast.third):
        with pytest.raises(NotFound):
            call(set_image_archive, cast.admin, organisation_id=organisation.pk, address=GOOD, before="")
    with pytest.raises(Stale):
        call(set_image_archive, cast.admin, organisation_id=cast.organiser.pk, address=GOOD, before="x")
    assert list(Organisation.objects.exclude(pacs_address="")) == []
