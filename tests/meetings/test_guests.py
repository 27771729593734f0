"""Guests by link: who may invite them, what lets them in, what they see and when it is gone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from cases.access import visible_guests
from cases.models import Grant
from mdo.directory.models import OrganisationRole, Person
from mdo.kernel import clock, sms
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken
from mdo.kernel.ids import new_id
from mdo.kernel.models import AccessEpoch, AuditEntry, JournalEntry
from meetings import access, guests
from meetings.actions import inviting, planning, sitting
from meetings.actions.mailing import deliver
from meetings.guests import Holder
from meetings.models import AgendaItem, Delivery, GuestInvitation, Meeting
from meetings.room import audience
from tests.cast import Cast, Member, acting_as
from tests.factories import make_item, make_meeting, make_topic, writing
from tests.meetings.acts import audited, by_house, house
from tests.meetings.guesting import MAIL, NAME, browser, call, come_in, invite, open_link, read, set_table, version


@pytest.fixture
def table(cast: Cast) -> tuple[Meeting, list[AgendaItem]]:
    return set_table(cast)


@pytest.fixture
def own(table: tuple[Meeting, list[AgendaItem]]) -> AgendaItem:
    return table[1][1]


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


# --- inviting ------------------------------------------------------------------------------------------------------------


def test_an_invitation_makes_a_person_who_can_do_nothing_else(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    person = invitation.person
    assert (person.visitor, person.is_active, person.email, person.has_usable_password()) == (True, True, "", False)
    assert (person.display_name, person.profession, person.discipline) == (NAME, "physician", "general_practice")
    assert invitation.expires_at == own.meeting.ends_at + timedelta(hours=1)
    [role] = OrganisationRole.objects.filter(person=person)
    assert (role.role, role.organisation_id, role.valid_until) == (
        "guest",
        own.meeting.hospital_id,
        invitation.expires_at,
    )
    with acting_as(cast.requester):
        assert person not in visible_guests()
        assert cast.guest.person in visible_guests()
    assert audited("guest.invite") == [(cast.secretary.pk, own.hospital_id, "ok")]
    [entry] = JournalEntry.objects.filter(stream_id=own.meeting_id, name="guest.invited")
    assert entry.data == {"meeting_id": str(own.meeting_id), "item_id": str(own.pk), "guest_id": str(invitation.pk)}


@pytest.mark.parametrize("who", ["chair", "coordinator", "secretary"])
def test_who_runs_the_meeting_invites(cast: Cast, own: AgendaItem, who: str) -> None:
    assert invite(cast, own, cast.members[who]).made_by_id == cast.members[who].pk


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        ("requester", Denied),
        ("radiologist", Denied),
        ("partner", Denied),
        ("partnersecretary", Denied),
        ("observer", Denied),
        ("guest", NotFound),
        ("outsider", NotFound),
        ("privacy", NotFound),
        ("admin", NotFound),
    ],
)
def test_nobody_else_invites_renews_or_shows_out(cast: Cast, own: AgendaItem, who: str, refusal: type) -> None:
    member, invitation = cast.members[who], invite(cast, own)
    with pytest.raises(refusal):
        invite(cast, own, member)
    for action in (inviting.renew_code, inviting.renew_link, inviting.eject_guest):
        with pytest.raises(refusal):
            call(cast, action, member, meeting_id=own.meeting_id, guest_id=invitation.pk)
    assert read(invitation.pk).code_round == 1


def test_what_is_typed_is_checked(cast: Cast, own: AgendaItem) -> None:
    with pytest.raises(Invalid) as invalid:
        invite(cast, own, name=" ", discipline="astrology", mail="no address", phone="call me", language="xx")
    assert set(invalid.value.errors) == {"name", "discipline", "mail", "phone", "language"}
    kept = invite(cast, own, name="An\r\nBcc: x@example.org", phone="0032 (0)470/12.34.56", discipline="")
    assert kept.name == "An Bcc: x@example.org"
    assert kept.phone == "+320470123456"
    assert kept.person.profession == "other"


def test_a_command_told_twice_invites_once(cast: Cast, own: AgendaItem) -> None:
    command_id = new_id()
    first, second = (invite(cast, own, command_id=command_id) for _ in range(2))
    assert first.pk == second.pk
    assert Person.objects.filter(visitor=True).count() == 1


def test_only_a_case_that_waits_gets_a_guest(cast: Cast, own: AgendaItem) -> None:
    topic = make_item(own.meeting, topic=make_topic(cast.board))
    done = own
    with pytest.raises(RuleBroken, match="not to a topic"):
        invite(cast, topic)
    with writing():
        AgendaItem.objects.filter(pk=done.pk).update(state="withdrawn")
    with pytest.raises(RuleBroken, match="no longer waits"):
        invite(cast, done)
    with writing():
        AgendaItem.objects.filter(pk=done.pk).update(state="scheduled")
        Meeting.objects.filter(pk=own.meeting_id).update(state="closed")
    with pytest.raises(RuleBroken, match="is over"):
        invite(cast, done)


def test_an_item_has_so_many_guests(cast: Cast, own: AgendaItem, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inviting, "MOST_FOR_ITEM", 1)
    first = invite(cast, own)
    with pytest.raises(RuleBroken, match="as many guests"):
        invite(cast, own)
    call(cast, inviting.eject_guest, meeting_id=own.meeting_id, guest_id=first.pk)
    invite(cast, own)


# --- the link, the mail, the text message ------------------------------------------------------------------------------------


def deliveries(kind: str) -> list[Delivery]:
    with house():
        return list(Delivery.objects.filter(kind=kind).order_by("created_at", "id"))


def test_the_mail_holds_the_link_and_nothing_of_the_case(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    [row] = deliveries("guest_link")
    by_house(deliver, delivery_id=row.pk)
    [message] = mail.outbox
    assert message.to == [MAIL]
    assert f"/guest/#{guests.token(invitation)}" in message.body
    assert cast.board.name in message.subject
    text = message.subject + message.body
    for secret in ("Eerstemans", "Middelmans", "Laatstemans", guests.code(invitation), str(own.pk), "general"):
        assert secret not in text
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert message.alternatives == []


def test_neither_link_nor_code_is_stored(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own, phone="+32470123456")
    token, code = guests.token(invitation), guests.code(invitation)
    assert len(token) == 64
    with house():
        row = GuestInvitation.objects.filter(pk=invitation.pk).values().get()
        rows = list(Delivery.objects.values()) + list(AuditEntry.objects.values()) + list(JournalEntry.objects.values())
    stored = repr(row) + repr(rows)
    assert token not in stored
    assert token[22:] not in stored  # the part behind the id
    assert f"'{code}'" not in stored
    assert guests.digest(token) == row["token_digest"]


def test_links_and_codes_of_invitations_differ(cast: Cast, own: AgendaItem, settings: Any) -> None:
    one, two = invite(cast, own), invite(cast, own)
    assert guests.token(one) != guests.token(two)
    assert not guests.recognises(one, guests.token(two))
    before = guests.token(one), guests.code(one)
    settings.SECRET_KEY = "another key, which makes other secrets of the same rows: " + "x" * 20
    assert (guests.token(one), guests.code(one)) != before


class Recorded:
    """A gateway of a test: keeps what it was given."""

    sent: list[tuple[str, str]] = []

    def send(self, number: str, text: str) -> None:
        Recorded.sent.append((number, text))


def test_the_code_goes_by_text_message_where_there_is_a_gateway(cast: Cast, own: AgendaItem, settings: Any) -> None:
    settings.MDO_SMS = f"{Recorded.__module__}.{Recorded.__name__}"
    Recorded.sent = []
    invitation = invite(cast, own, phone="+32470123456")
    invite(cast, own)  # without a number
    [row] = deliveries("guest_code")
    by_house(deliver, delivery_id=row.pk)
    assert Recorded.sent == [
        (
            "+32470123456",
            f"Your code for the meeting: {guests.code(invitation)}. Type it on the page of the link that you got by mail.",
        )
    ]
    assert mail.outbox == []
    by_house(deliver, delivery_id=row.pk)
    assert len(Recorded.sent) == 1


def test_without_a_gateway_no_text_message_is_ordered(cast: Cast, own: AgendaItem) -> None:
    invite(cast, own, phone="+32470123456")
    assert deliveries("guest_code") == []


def test_a_text_message_that_nobody_needs_is_dropped(cast: Cast, own: AgendaItem, settings: Any) -> None:
    settings.MDO_SMS = f"{Recorded.__module__}.{Recorded.__name__}"
    Recorded.sent = []
    invitation = invite(cast, own, phone="+32470123456")
    call(cast, inviting.eject_guest, meeting_id=own.meeting_id, guest_id=invitation.pk)
    for kind in ("guest_code", "guest_link"):
        [row] = deliveries(kind)
        by_house(deliver, delivery_id=row.pk)
        assert deliveries(kind)[0].state == "dropped"
    assert (Recorded.sent, mail.outbox) == ([], [])


def test_a_gateway_writes_files_for_trying_out(settings: Any, tmp_path: Any) -> None:
    settings.MDO_SMS, settings.MDO_VAR = "mdo.kernel.sms.Files", tmp_path
    gateway = sms.gateway()
    assert gateway is not None
    gateway.send("+32470123456", "Code 123456")
    [file] = (tmp_path / "sms").iterdir()
    assert file.read_text() == "+32470123456\nCode 123456\n"
    assert file.stat().st_mode & 0o777 == 0o600


# --- coming in ---------------------------------------------------------------------------------------------------------------


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


def test_a_second_invitation_takes_the_browser_over(cast: Cast, table: tuple[Meeting, list[AgendaItem]]) -> None:
    first, second = invite(cast, table[1][0]), invite(cast, table[1][1])
    client = come_in(first)
    assert open_link(client, second).json() == {"again": True}
    assert open_link(client, second).json() == {}
    assert client.post("/guest/code/", {"code": guests.code(second)}).status_code == 303
    assert str(client.session["_auth_user_id"]) == str(second.person_id)


# --- what they see, and when it is gone --------------------------------------------------------------------------------------


def test_the_case_is_there_while_it_is_on_the_table_and_not_a_moment_longer(
    cast: Cast, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    meeting, items = table
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


# --- an identity instead of the code -------------------------------------------------------------------------------------------


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


# --- access --------------------------------------------------------------------------------------------------------------------


def test_whoever_says_to_hold_a_link_sees_that_row_alone(cast: Cast, own: AgendaItem) -> None:
    one, two = invite(cast, own), invite(cast, own)
    with acting(Holder(one.pk), None, "guest"):
        assert list(GuestInvitation.objects.values_list("pk", flat=True)) == [one.pk]
        assert access.visible_invitation(Holder(one.pk)) is not None
        with pytest.raises(NotFound):
            access.access_invitation_for_holder(Holder(one.pk), two.pk)
    with acting(Holder(new_id()), None, "guest"):
        assert GuestInvitation.objects.count() == 0
    unknown = Holder(new_id())
    with acting(unknown, None, "guest"), pytest.raises(NotFound):
        access.access_invitation_for_holder(unknown, unknown.invitation_id)
    with acting_as(cast.secretary) as by, pytest.raises(NotFound):
        access.access_invitation_for_holder(by, one.pk)


def test_invitations_are_hidden_from_other_hospitals(cast: Cast, own: AgendaItem) -> None:
    invite(cast, own)

    def rows(member: Member) -> int:
        with acting_as(member):
            return GuestInvitation.objects.count()

    assert {name: rows(member) for name, member in cast.members.items() if rows(member)} == dict.fromkeys(
        ("chair", "coordinator", "secretary", "radiologist", "partner"), 1
    )
    with acting_as(cast.radiologist) as by:
        assert list(access.visible_invitations(by, own)) == []


def test_an_invitation_of_another_meeting_is_not_found(cast: Cast, own: AgendaItem) -> None:
    invitation, other = invite(cast, own), make_meeting(cast.board)
    with pytest.raises(NotFound):
        call(cast, inviting.eject_guest, meeting_id=other.pk, guest_id=invitation.pk)


def test_states_of_guests(cast: Cast, own: AgendaItem) -> None:
    item = AgendaItem(state="scheduled")
    known = {
        (confirmed, revoked, here, state): guests.state(
            AgendaItem(state=state), confirmed=confirmed, revoked=revoked, here=here
        )
        for confirmed in (False, True)
        for revoked in (False, True)
        for here in (False, True)
        for state in ("scheduled", "open", "discussed")
    }
    assert {key[3]: value for key, value in known.items() if key[:3] == (True, False, True)} == {
        "scheduled": "waiting",
        "open": "in",
        "discussed": "out",
    }
    assert {value for key, value in known.items() if key[1]} == {"revoked"}
    assert {value for key, value in known.items() if not key[0] and not key[1]} == {"invited"}
    assert known[True, False, False, "open"] == "confirmed"
    assert guests.invited_to(item) == []
    assert [guests.slot([AgendaItem(state=each)]) for each in ("open", "scheduled", "discussed")] == [
        "in",
        "waiting",
        "out",
    ]
    assert guests.slot([]) == "out"


# --- the secretary's page ------------------------------------------------------------------------------------------------------


def secretary(cast: Cast) -> Client:
    client = browser()
    client.force_login(cast.secretary.person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_secretary_invites_and_reads_the_code_once(cast: Cast, own: AgendaItem) -> None:
    Person.objects.filter(pk=cast.secretary.pk).update(language="en")
    client, page = secretary(cast), f"/meetings/{own.meeting_id}/items/{own.pk}/guests/"
    assert "Invite a guest" in text_of(client.get(page))
    form = {"command_id": str(new_id()), "name": NAME, "discipline": "general_practice", "mail": MAIL, "language": "nl"}
    bad = client.post(page, {**form, "mail": "nowhere"})
    assert (bad.status_code, GuestInvitation.objects.count()) == (422, 0)
    answer = client.post(page, form)
    assert (answer.status_code, answer["Location"]) == (303, page)
    with house():
        invitation = GuestInvitation.objects.get()
    code = guests.code(invitation)
    shown = f"{code[:3]} {code[3:]}"
    assert shown in text_of(client.get(page))
    assert shown not in text_of(client.get(page))
    assert guests.token(invitation) not in text_of(client.get(page))

    base = f"/meetings/{own.meeting_id}/guests/{invitation.pk}"
    assert client.post(f"{base}/code/", {"command_id": str(new_id())}).status_code == 303
    again = guests.code(read(invitation.pk))
    assert f"{again[:3]} {again[3:]}" in text_of(client.get(page))
    assert client.post(f"{base}/link/", {"command_id": str(new_id())}).status_code == 303
    assert client.post(f"{base}/link/", {}).status_code == 422
    assert client.post(f"{base}/eject/", {"command_id": str(new_id())}).status_code == 303
    assert "Withdrawn" in text_of(client.get(page))
    assert client.post(f"{base}/code/", {"command_id": str(new_id())}).status_code == 422


def test_the_agenda_leads_to_the_guests_of_a_case(cast: Cast, own: AgendaItem) -> None:
    page = f"/meetings/{own.meeting_id}/items/{own.pk}/guests/"
    agenda = f"/meetings/{own.meeting_id}/"
    assert page in secretary(cast).get(agenda).content.decode()
    client = browser()
    client.force_login(cast.radiologist.person, backend="django.contrib.auth.backends.ModelBackend")
    assert page not in client.get(agenda).content.decode()
    assert client.get(page).status_code == 403
