"""Guests by link: who may invite them, who sees the invitation, and the secretary's page."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from cases.access import visible_guests
from mdo.directory.models import OrganisationRole, Person
from mdo.kernel.acting import acting
from mdo.kernel.errors import Denied, Invalid, NotFound, RuleBroken
from mdo.kernel.ids import new_id
from mdo.kernel.models import JournalEntry
from meetings import access, guests
from meetings.actions import inviting
from meetings.guests import Holder
from meetings.models import AgendaItem, GuestInvitation, Meeting
from tests.cast import Cast, Member, acting_as
from tests.factories import make_item, make_meeting, make_topic, writing
from tests.meetings.acts import audited, house
from tests.meetings.guesting import MAIL, NAME, browser, call, invite, read, text_of


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


# --- access --------------------------------------------------------------------------------------------------------------


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


# --- the secretary's page ------------------------------------------------------------------------------------------


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
