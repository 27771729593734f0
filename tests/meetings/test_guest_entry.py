"""How a guest by link comes in: the link, the code, the browser, and until when."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session

from mdo.directory.models import OrganisationRole, Person
from mdo.kernel import clock
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import RuleBroken
from meetings import guests
from meetings.actions import inviting, planning
from meetings.guests import Holder
from meetings.models import AgendaItem
from meetings.room import audience
from tests.cast import Cast
from tests.meetings.acts import audited
from tests.meetings.guesting import (
    MAIL,
    NAME,
    browser,
    call,
    come_in,
    deliveries,
    invite,
    open_link,
    read,
    set_table,
    start,
    text_of,
)


def test_from_the_link_to_the_lobby(cast: Cast, own: AgendaItem) -> None:
    invitation, client = invite(cast, own), browser()
    assert "Open the link in your mail" in text_of(client.get("/guest/"))
    assert open_link(client, invitation).status_code == 200
    page = client.get("/guest/")
    assert "Your code" in text_of(page)
    for secret in (NAME, cast.board.name, MAIL, str(invitation.pk), guests.token(invitation)):
        assert secret not in page.content.decode()
    assert page["Cache-Control"].count("no-store")
    assert (
        client.post(
            "/guest/code/", {"code": f" {guests.code(invitation)[:3]} {guests.code(invitation)[3:]} "}
        ).status_code
        == 303
    )
    assert client.get("/guest/")["Location"] == f"/meetings/{own.meeting_id}/room/"
    room = client.get(f"/meetings/{own.meeting_id}/room/")
    assert room.status_code == 200
    assert 'data-guest="' in room.content.decode()
    stored = read(invitation.pk)
    assert (stored.confirmed_by, stored.confirmed_at is not None) == ("code", True)
    assert audited("guest.confirm") == [(invitation.pk, own.hospital_id, "ok")]
    session = client.session
    assert abs((session.get_expiry_date() - invitation.expires_at).total_seconds()) < 5


@pytest.mark.parametrize("token", ["", "x", "x" * 64, "é" * 64, "A" * 64, "A" * 65, "\0" * 64, "-_" * 32])
def test_what_is_no_link_opens_nothing(cast: Cast, own: AgendaItem, token: str) -> None:
    invite(cast, own)
    client = browser()
    answer = client.post("/guest/open/", {"token": token})
    assert (answer.status_code, set(answer.json())) == (404, {"message"})
    assert Session.objects.count() == 0


def test_the_id_of_an_invitation_without_its_secret_opens_nothing(cast: Cast, own: AgendaItem) -> None:
    invitation, client = invite(cast, own), browser()
    token = guests.token(invitation)
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), token[:22] + "A" * 42):
        assert open_link(client, invitation, wrong).status_code == 404


def test_a_wrong_code_is_counted_and_five_lock(cast: Cast, own: AgendaItem) -> None:
    invitation, client = invite(cast, own), browser()
    open_link(client, invitation)
    right = guests.code(invitation)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for tries in range(1, guests.TRIES):
        answer = client.post("/guest/code/", {"code": wrong})
        assert (answer.status_code, read(invitation.pk).code_tries) == (422, tries)
        assert f"Tries left: {guests.TRIES - tries}" in text_of(answer)
    client.post("/guest/code/", {"code": wrong})
    assert "Call the secretariat" in text_of(client.get("/guest/"))
    # The right code comes too late, in this browser and in every other one.
    for each in (client, browser()):
        open_link(each, invitation)
        each.post("/guest/code/", {"code": right})
    stored = read(invitation.pk)
    assert (stored.confirmed_at, stored.code_tries) == (None, guests.TRIES)
    with acting(Holder(invitation.pk), None, "guest"), pytest.raises(RuleBroken, match="too often"):
        inviting.confirm_guest(by=Holder(invitation.pk), guest_id=invitation.pk, code=right, device="d")
    # A new code of the secretary's gives five new tries; the old one is worth nothing.
    call(cast, inviting.renew_code, meeting_id=own.meeting_id, guest_id=invitation.pk)
    fresh = read(invitation.pk)
    assert fresh.code_tries == 0
    assert guests.code(fresh) != right
    assert client.post("/guest/code/", {"code": right}).status_code == 422
    assert client.post("/guest/code/", {"code": guests.code(fresh)}).status_code == 303


def test_many_tries_from_one_address_are_slowed_down(cast: Cast, own: AgendaItem, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "guest": "3/m/ip"}
    invitation, client = invite(cast, own), browser()
    for _each in range(3):
        assert open_link(client, invitation).status_code == 200
    assert open_link(client, invitation).status_code == 429
    assert client.post("/guest/code/", {"code": guests.code(invitation)}).status_code == 429
    assert read(invitation.pk).confirmed_at is None


def test_a_forwarded_link_shows_nothing_and_takes_nothing_away(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    mine, other = come_in(invitation), browser()
    assert open_link(other, invitation).status_code == 200
    page = other.get("/guest/")
    assert "This link was used already" in text_of(page)
    for secret in (NAME, cast.board.name, "Middelmans"):
        assert secret not in page.content.decode()
    assert other.post("/guest/code/", {"code": guests.code(invitation)}).status_code == 302
    assert other.get(f"/meetings/{own.meeting_id}/room/").status_code == 302  # to sign in, like any stranger
    assert mine.get(f"/meetings/{own.meeting_id}/room/").status_code == 200


def test_the_same_browser_comes_back_by_the_same_link(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    client = come_in(invitation)
    assert open_link(client, invitation).json() == {}
    assert client.get("/guest/").status_code == 302


def test_a_browser_whose_answer_was_lost_is_let_in_again(cast: Cast, own: AgendaItem) -> None:
    """Confirmed in the database, but the answer with the new session never arrived."""
    invitation, client = invite(cast, own), browser()
    open_link(client, invitation)
    device = guests.digest(client.session["guest_device"])
    holder = Holder(invitation.pk)
    with acting(holder, None, "guest"):
        inviting.confirm_guest(by=holder, guest_id=invitation.pk, code=guests.code(invitation), device=device)
    with acting(holder, None, "guest"):  # told twice by the same browser, it changes nothing
        done = inviting.confirm_guest(by=holder, guest_id=invitation.pk, code="000000", device=device)
    assert done.events == ()
    assert client.get("/guest/").status_code == 303
    assert client.get("/guest/").status_code == 302


def test_a_new_link_ends_the_old_one_and_who_came_in_by_it(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    client, old = come_in(invitation), guests.token(invitation)
    call(cast, inviting.renew_link, meeting_id=own.meeting_id, guest_id=invitation.pk)
    fresh = read(invitation.pk)
    assert client.get(f"/meetings/{own.meeting_id}/room/").status_code == 302  # to sign in: a stranger's browser again
    assert audience.find(invitation.person_id, own.meeting_id, None) is None
    assert open_link(browser(), fresh, old).status_code == 404
    other = come_in(fresh)
    assert other.get(f"/meetings/{own.meeting_id}/room/").status_code == 200
    assert client.get(f"/meetings/{own.meeting_id}/room/").status_code == 302  # the first session is dead for good
    assert [each.occasion for each in deliveries("guest_link")] == ["link:1", "link:2"]
    with pytest.raises(RuleBroken, match="let in already"):
        call(cast, inviting.renew_code, meeting_id=own.meeting_id, guest_id=invitation.pk)


def test_before_the_lobby_opens_there_is_only_the_time(cast: Cast) -> None:
    meeting, items = set_table(cast, starts_at=now() + timedelta(hours=3))
    client = come_in(invite(cast, items[1]))
    page = client.get("/guest/")
    assert "You are expected" in text_of(page)
    assert client.get(f"/meetings/{meeting.pk}/room/").status_code == 404
    with clock.frozen(meeting.starts_at - timedelta(minutes=29)):
        assert client.get("/guest/").status_code == 302
    # Whoever starts early lets the guests in early.
    start(cast, meeting)
    assert client.get("/guest/").status_code == 302


def test_a_link_expires(cast: Cast, own: AgendaItem) -> None:
    invitation, late = invite(cast, own), invite(cast, own)
    client = come_in(invitation)
    with clock.frozen(invitation.expires_at + timedelta(seconds=1)):
        assert client.get(f"/meetings/{own.meeting_id}/room/").status_code == 404
        assert audience.find(invitation.person_id, own.meeting_id, None) is None
        other = browser()
        open_link(other, late)
        assert "over" in text_of(other.get("/guest/"))
        other.post("/guest/code/", {"code": guests.code(late)})
        for act in (inviting.renew_code, inviting.renew_link):
            with pytest.raises(RuleBroken, match="is over"):
                call(cast, act, meeting_id=own.meeting_id, guest_id=late.pk)
    assert read(late.pk).confirmed_at is None


def test_a_moved_sitting_takes_its_links_along(cast: Cast) -> None:
    meeting, items = set_table(cast, starts_at=now() + timedelta(days=3))
    invitation = invite(cast, items[1])
    later = meeting.starts_at + timedelta(days=7)
    call(
        cast,
        planning.move_sitting,
        cast.secretary,
        meeting_id=meeting.pk,
        version=1,
        starts_at=later,
        minutes=60,
        place="",
    )
    moved = read(invitation.pk)
    assert moved.expires_at == later + timedelta(minutes=120)
    assert OrganisationRole.objects.get(person=invitation.person_id).valid_until == moved.expires_at
    assert len(deliveries("guest_link")) == 2


def test_an_account_is_not_lost_to_a_link(cast: Cast, own: AgendaItem) -> None:
    Person.objects.filter(pk=cast.radiologist.pk).update(language="en")
    invitation, client = invite(cast, own), browser()
    client.force_login(cast.radiologist.person, backend="django.contrib.auth.backends.ModelBackend")
    assert open_link(client, invitation).json() == {}
    assert "You are signed in" in text_of(client.get("/guest/"))
    assert client.post("/guest/code/", {"code": guests.code(invitation)}).status_code == 302
    assert client.get("/").status_code == 200
    assert read(invitation.pk).confirmed_at is None


def test_a_second_invitation_takes_the_browser_over(cast: Cast) -> None:
    _meeting, items = set_table(cast)
    first, second = invite(cast, items[0]), invite(cast, items[1])
    client = come_in(first)
    assert open_link(client, second).json() == {"again": True}
    assert open_link(client, second).json() == {}
    assert client.post("/guest/code/", {"code": guests.code(second)}).status_code == 303
    assert str(client.session["_auth_user_id"]) == str(second.person_id)


def test_an_identity_with_the_invited_address_confirms(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    holder = Holder(invitation.pk)
    with acting(holder, None, "guest"), pytest.raises(RuleBroken, match="another mail address"):
        inviting.identify_guest(by=holder, guest_id=invitation.pk, mail="somebody@example.org", device="d")
    with acting(holder, None, "guest"):
        inviting.identify_guest(by=holder, guest_id=invitation.pk, mail=MAIL.upper(), device="d")
    assert read(invitation.pk).confirmed_by == "identity"
    with acting(holder, None, "guest"):
        assert inviting.identify_guest(by=holder, guest_id=invitation.pk, mail=MAIL, device="d").events == ()
    with acting(holder, None, "guest"), pytest.raises(RuleBroken, match="another device"):
        inviting.identify_guest(by=holder, guest_id=invitation.pk, mail=MAIL, device="e")
