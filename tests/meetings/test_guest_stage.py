"""What guests by link see of their case, and when it is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cases.models import Grant
from mdo.directory.models import Person
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import RuleBroken
from mdo.kernel.models import AccessEpoch
from meetings import guests
from meetings.actions import inviting, planning, sitting
from meetings.guests import Holder
from meetings.models import AgendaItem, Meeting
from meetings.room import audience
from tests.cast import Cast
from tests.factories import make_meeting, writing
from tests.meetings.guesting import (
    browser,
    call,
    come_in,
    documents_of,
    invite,
    open_link,
    put_on_table,
    read,
    set_table,
    stage_of,
    start,
    text_of,
    version,
)


def test_the_case_is_there_while_it_is_on_the_table_and_not_a_moment_longer(cast: Cast) -> None:
    meeting, items = set_table(cast)
    first, own, last = items
    client = come_in(invite(cast, own))
    shared = [pk for pk, yes in documents_of(own) if yes]
    withheld = [pk for pk, yes in documents_of(own) if not yes]
    others = [pk for item in (first, last) for pk, _ in documents_of(item)]

    def seen() -> tuple[int, int]:
        for pk in [*withheld, *others]:
            assert client.get(f"/documents/{pk}/").status_code == 404
        for item in (first, last):
            assert client.get(stage_of(item)).status_code == 404
        return client.get(stage_of(own)).status_code, client.get(f"/documents/{shared[0]}/").status_code

    assert seen() == (404, 404)
    start(cast, meeting, first)
    assert seen() == (404, 404)
    put_on_table(cast, own)
    assert seen() == (200, 200)
    page = client.get(stage_of(own)).content.decode()
    assert "Middelmans" in page
    assert client.get(stage_of(own))["Cache-Control"].count("no-store")
    put_on_table(cast, last)
    assert seen() == (404, 404)


@pytest.mark.parametrize("apart", ["document", "iframe", "embed"])
def test_the_case_is_not_shown_apart_from_the_room(cast: Cast, own: AgendaItem, apart: str) -> None:
    client = come_in(invite(cast, own))
    start(cast, own.meeting, own)
    shared = next(pk for pk, yes in documents_of(own) if yes)
    for page in (stage_of(own), f"/documents/{shared}/"):
        assert client.get(page, headers={"Sec-Fetch-Dest": apart}).status_code == 404
        assert client.get(page, headers={"Sec-Fetch-Dest": "empty"}).status_code == 200


def test_who_confirms_while_the_item_is_open_comes_in_at_once(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    start(cast, own.meeting, own)
    client = come_in(invitation)
    assert client.get(stage_of(own)).status_code == 200
    [grant] = Grant.objects.filter(person=invitation.person_id)
    assert (grant.source_id, grant.ended_at, grant.via) == (own.pk, None, "slot")


PAGES = [
    "/",
    "/cases/",
    "/cases/new/",
    "/boards/",
    "/decisions/",
    "/signing/",
    "/audit/",
    "/admin/",
    "/accounts/login/",
    "/accounts/password/change/",
    "/accounts/password/reset/",
    "/accounts/2fa/",
    "/mailbox/",
]


def test_every_other_page_is_not_there(cast: Cast, own: AgendaItem) -> None:
    """Also while the own item is open: the lobby, the own stage and what is shared, and nothing else of the site."""
    start(cast, own.meeting, own)
    client = come_in(invite(cast, own))
    base = f"/meetings/{own.meeting_id}"
    pages = [*PAGES, f"{base}/", f"{base}/agenda.pdf", f"{base}/minutes.pdf", f"{base}/items/{own.pk}/draft/"]
    pages += [f"{base}/items/{own.pk}/remarks/", f"{base}/items/{own.pk}/guests/", f"/boards/{cast.board.pk}/"]
    pages += [f"/cases/{own.referral.case_id}/"]  # type: ignore[union-attr]
    found = {page: client.get(page).status_code for page in pages}
    assert found == dict.fromkeys(pages, 404)
    posts = {page: client.post(page, {}).status_code for page in ("/act-for/", "/accounts/logout/", f"{base}/publish/")}
    assert posts == dict.fromkeys(posts, 404)


def test_another_meeting_is_not_there(cast: Cast, own: AgendaItem) -> None:
    other = make_meeting(cast.board, state=Meeting.State.RUNNING)
    invitation = invite(cast, own)
    client = come_in(invitation)
    assert client.get(f"/meetings/{other.pk}/room/").status_code == 404
    assert audience.find(invitation.person_id, other.pk, None) is None
    assert audience.find(invitation.person_id, own.meeting_id, None) is not None


def test_shown_out_is_out_everywhere(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    start(cast, own.meeting, own)
    client = come_in(invitation)
    before = AccessEpoch.objects.values_list("value", flat=True).get()
    done = call(cast, inviting.eject_guest, meeting_id=own.meeting_id, guest_id=invitation.pk)
    assert [event.name for event in done.events] == ["guest.left"]
    assert AccessEpoch.objects.values_list("value", flat=True).get() > before
    stored = read(invitation.pk)
    assert (stored.person.is_active, stored.mail, stored.phone) == (False, "", "")
    assert Grant.objects.filter(person=stored.person_id, ended_at=None).count() == 0
    for page in (stage_of(own), f"/meetings/{own.meeting_id}/room/", "/", "/accounts/login/"):
        assert client.get(page).status_code == 404, page
    assert "Your part of the meeting is over" in text_of(client.get("/guest/"))
    assert open_link(client, stored).status_code == 200  # the link is known, and leads to the same words
    assert "over" in text_of(client.get("/guest/"))
    assert client.post("/guest/code/", {"code": guests.code(stored)}).status_code == 302
    holder = Holder(invitation.pk)
    with acting(holder, None, "guest"), pytest.raises(RuleBroken, match="is over"):
        inviting.confirm_guest(by=holder, guest_id=invitation.pk, code=guests.code(stored), device="d")
    # A second time changes nothing.
    assert call(cast, inviting.eject_guest, meeting_id=own.meeting_id, guest_id=invitation.pk).events == ()


def test_when_the_meeting_ends_all_guests_are_out_and_forgotten(cast: Cast, own: AgendaItem) -> None:
    invitation, waiting = invite(cast, own), invite(cast, own, phone="+32470123456")
    client = come_in(invitation)
    start(cast, own.meeting)
    call(cast, sitting.close_meeting, meeting_id=own.meeting_id)
    for each in (invitation, waiting):
        stored = read(each.pk)
        assert (stored.person.is_active, stored.mail, stored.phone) == (False, "", "")
    assert "Your part of the meeting is over" in text_of(client.get("/guest/"))
    assert client.get(f"/meetings/{own.meeting_id}/room/").status_code == 404


def test_a_sitting_that_is_called_off_needs_no_guests(cast: Cast) -> None:
    meeting, items = set_table(cast, starts_at=now() + timedelta(days=1))
    invitation = invite(cast, items[1])
    call(cast, planning.cancel_sitting, cast.secretary, meeting_id=meeting.pk, version=1)
    assert not read(invitation.pk).person.is_active


def test_an_item_that_is_taken_off_takes_its_guests_with_it(cast: Cast, own: AgendaItem) -> None:
    from meetings.actions.agenda_building import unschedule

    invitation = invite(cast, own)
    client = come_in(invitation)
    call(cast, unschedule, cast.secretary, meeting_id=own.meeting_id, item_id=own.pk, version=version(own))
    assert not Person.objects.get(pk=invitation.person_id).is_active
    assert client.get(f"/meetings/{own.meeting_id}/room/").status_code == 404


def test_a_named_guest_with_an_account_is_let_in_as_before(cast: Cast) -> None:
    _meeting, items = set_table(cast)
    with writing():
        referral = items[0].referral
        referral.guest = cast.guest.person  # type: ignore[union-attr]
        referral.save()  # type: ignore[union-attr]
    client = browser()
    client.force_login(cast.guest.person, backend="django.contrib.auth.backends.ModelBackend")
    start(cast, items[0].meeting, items[0])
    assert client.get(stage_of(items[0])).status_code == 200
    assert client.get("/").status_code == 200
