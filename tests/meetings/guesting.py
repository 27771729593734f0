"""A guest by link in tests: invited by the secretary, coming in with a browser of their own."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.test import Client

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from meetings import guests
from meetings.actions import inviting, sitting
from meetings.models import AgendaItem, Delivery, GuestInvitation, Meeting
from tests.cast import Cast, Member, acting_as
from tests.factories import make_case, make_document, make_item, make_meeting, make_patient, make_referral
from tests.meetings.acts import house

NAME = "dr. Jef Verlinden"
MAIL = "jef.verlinden@example.org"


def set_table(cast: Cast, **meeting: Any) -> tuple[Meeting, list[AgendaItem]]:
    """A sitting that begins in a quarter of an hour, with three cases; the second one is the guest's."""
    meeting.setdefault("starts_at", now() + timedelta(minutes=15))
    made = make_meeting(cast.board, **meeting)
    items = []
    for number, name in enumerate(("Eerstemans", "Middelmans", "Laatstemans")):
        hospital = cast.partner_hospital if number == 2 else cast.organiser
        requester = cast.partner.person if number == 2 else cast.requester.person
        case = make_case(hospital, requester, patient=make_patient(hospital, family_name=name))
        make_document(case, shared_with_guests=True)
        make_document(case)
        items.append(make_item(made, make_referral(cast.board, hospital, requester, case=case, status="scheduled")))
    return made, items


def invite(cast: Cast, item: AgendaItem, by: Member | None = None, **values: Any) -> GuestInvitation:
    """An invitation as the secretary makes it."""
    given = {"name": NAME, "discipline": "general_practice", "mail": MAIL, "phone": "", "language": "en", **values}
    given.setdefault("command_id", new_id())
    with acting_as(by or cast.secretary) as person:
        inviting.invite_guest(by=person, meeting_id=item.meeting_id, item_id=item.pk, **given)
    guest_id = inviting.guest_id_for(given["command_id"], (by or cast.secretary).person)
    return read(guest_id)


def read(guest_id: UUID) -> GuestInvitation:
    """The invitation as it stands now."""
    with house():
        return GuestInvitation.objects.select_related("meeting__board", "person", "item__referral").get(pk=guest_id)


def browser() -> Client:
    return Client(raise_request_exception=False)


def open_link(client: Client, invitation: GuestInvitation, token: str | None = None) -> Any:
    """What the page does with the part of the link behind the ``#``."""
    return client.post("/guest/open/", {"token": guests.token(invitation) if token is None else token})


def come_in(invitation: GuestInvitation, client: Client | None = None) -> Client:
    """From the link to the lobby."""
    client = client or browser()
    assert open_link(client, invitation).status_code == 200
    assert client.post("/guest/code/", {"code": guests.code(invitation)}).status_code == 303
    return client


def call(cast: Cast, action: Any, by: Member | None = None, **values: Any) -> Any:
    values.setdefault("command_id", new_id())
    with acting_as(by or cast.chair) as person:
        return action(by=person, **values)


def version(item: AgendaItem) -> int:
    return AgendaItem.objects.values_list("version", flat=True).get(pk=item.pk)


def start(cast: Cast, meeting: Meeting, item: AgendaItem | None = None) -> None:
    call(cast, sitting.start_meeting, meeting_id=meeting.pk)
    if item is not None:
        put_on_table(cast, item)


def put_on_table(cast: Cast, item: AgendaItem) -> None:
    call(cast, sitting.open_item, meeting_id=item.meeting_id, item_id=item.pk, version=version(item))


def stage_of(item: AgendaItem) -> str:
    return f"/meetings/{item.meeting_id}/items/{item.pk}/stage/"


def documents_of(item: AgendaItem) -> list[tuple[UUID, bool]]:
    with house():
        case = AgendaItem.objects.select_related("referral__case").get(pk=item.pk).referral.case  # type: ignore[union-attr]
        return list(case.documents.order_by("id").values_list("pk", "shared_with_guests"))


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", response.content.decode())


def deliveries(kind: str) -> list[Delivery]:
    with house():
        return list(Delivery.objects.filter(kind=kind).order_by("created_at", "id"))
