"""Guests by link: inviting, letting in by a code or an identity, showing out.

The meeting's row is locked first, then the invitation's: whether a guest is let in and whether their item opens are decided one
after the other.
"""

import re
from datetime import datetime
from uuid import UUID

from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from cases.models import Grant, living
from mdo.directory import access as directory
from mdo.directory.disciplines import DISCIPLINES
from mdo.directory.models import OrganisationRole, Person
from mdo.kernel import sms
from mdo.kernel.acting import Actor, elevated
from mdo.kernel.action import action, granted, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from mdo.kernel.lines import one_line
from meetings import access, call, guests
from meetings.actions import mailing
from meetings.actions.slots import SLOT_AT_MOST
from meetings.events import GuestConfirmed, GuestInvited, GuestLeft
from meetings.invited import lives
from meetings.models import AgendaItem, Delivery, GuestInvitation, Meeting

MOST_FOR_ITEM = 12
_WAITING = (AgendaItem.State.SCHEDULED, AgendaItem.State.OPEN)
_PROFESSIONS = {
    "": Person.Profession.OTHER,
    "nursing": Person.Profession.NURSE,
    "psychology": Person.Profession.PSYCHOLOGIST,
    "social_work": Person.Profession.SOCIAL_WORKER,
    "data_management": Person.Profession.DATA_MANAGER,
    "secretariat": Person.Profession.SECRETARY,
}
_PHONE = re.compile(r"\+?[0-9]{8,15}")


def guest_id_for(command_id: UUID, by: Actor) -> UUID:
    """The id of the invitation that this command makes."""
    return derived_id(command_id, by.actor_id, "guest")


@action("guest.invite", row="run")
def invite_guest(
    *,
    by: Actor,
    meeting_id: UUID,
    item_id: UUID,
    name: str,
    discipline: str,
    mail: str,
    phone: str,
    language: str,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Invite somebody from outside to one case by a personal link. Effects: a person is made who can come in by this invitation
    alone, until an hour after the sitting; a mail with the link goes out, and where there is a gateway and a number a text message
    with the code. Refused for a topic, for a patient who died, for an item that no longer waits, once the meeting is over."""
    item = access.access_item_for(by, meeting_id, item_id, "run")
    meeting = item.meeting
    if meeting.state in (Meeting.State.CLOSED, Meeting.State.CANCELLED) or guests.expires_at(meeting) <= now():
        raise RuleBroken(_("The meeting is over."))
    if item.referral_id is None:
        raise RuleBroken(_("A guest is invited to a case, not to a topic."), field="item")
    if item.state not in _WAITING:
        raise RuleBroken(_("This case no longer waits."), field="item")
    if not lives(item.pk):
        raise RuleBroken(_("This patient has died: nobody is invited any more."), field="item")
    if GuestInvitation.objects.filter(item=item, revoked_at=None).count() >= MOST_FOR_ITEM:
        raise RuleBroken(_("There are as many guests for this case as there can be."), field="item")
    name, mail, phone = _checked(name, discipline, mail, phone, language)
    at, until = now(), guests.expires_at(meeting)
    guest_id = guest_id_for(command_id, by)
    person = Person(
        username=f"guest-{guest_id.hex}",
        password=make_password(None),
        last_name=name,
        first_name="",
        profession=_PROFESSIONS.get(discipline, Person.Profession.PHYSICIAN),
        discipline=discipline,
        language=language,
        visitor=True,
    )
    person.save(force_insert=True)
    OrganisationRole.objects.create(
        person=person,
        organisation_id=meeting.hospital_id,
        role=OrganisationRole.Role.GUEST,
        valid_from=at,
        valid_until=until,
    )
    invitation = GuestInvitation(
        id=guest_id,
        hospital_id=item.hospital_id,
        meeting=meeting,
        item=item,
        person=person,
        name=name,
        discipline=discipline,
        mail=mail,
        phone=phone,
        expires_at=until,
        made_by_id=by.actor_id,
        made_at=at,
    )
    invitation.token_digest = guests.digest(guests.token(invitation))
    invitation.save(force_insert=True)
    _order(invitation, Delivery.Kind.GUEST_LINK, f"link:{invitation.link_round}")
    _text_code(invitation)
    return (GuestInvited(meeting_id=meeting.pk, item_id=item.pk, guest_id=invitation.pk),)


def _checked(name: str, discipline: str, mail: str, phone: str, language: str) -> tuple[str, str, str]:
    """What was typed about a guest, cleaned. Raises ``Invalid`` with all that is wrong."""
    wrong: dict[str, list[str]] = {}
    name, mail = one_line(" ".join(name.split())), mail.strip()
    if not 2 <= len(name) <= 120:
        wrong["name"] = [_("Give the guest's name.")]
    if discipline and discipline not in DISCIPLINES:
        wrong["discipline"] = [_("Choose a discipline from the list.")]
    try:
        validate_email(mail)
    except ValidationError:
        wrong["mail"] = [_("Give the guest's mail address.")]
    plain = re.sub(r"[\s./()\-]", "", phone)
    plain = "+" + plain[2:] if plain.startswith("00") else plain
    if plain and not _PHONE.fullmatch(plain):
        wrong["phone"] = [_("Give a mobile number such as +32 470 12 34 56, or leave this empty.")]
    if language not in ("nl", "fr", "de", "en"):
        wrong["language"] = [_("Choose a language from the list.")]
    if wrong:
        raise Invalid(wrong)
    return name, mail, plain


def _order(invitation: GuestInvitation, kind: str, occasion: str) -> None:
    mailing.order(
        kind,
        {invitation.person_id: {"guest": str(invitation.pk)}},
        meeting=invitation.meeting,
        hospital_id=invitation.hospital_id,
        occasion=occasion,
    )


def _text_code(invitation: GuestInvitation) -> None:
    """Order the text message with the code, where it can be sent; else the secretary reads the code out."""
    if invitation.phone and sms.gateway() is not None:
        _order(invitation, Delivery.Kind.GUEST_CODE, f"code:{invitation.code_round}")


@action("guest.renew_code", row="run")
def renew_code(*, by: Actor, meeting_id: UUID, guest_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Make a new code for a guest, by text message or to be read out; the link stays. Effects: the old code is worth nothing, five
    tries begin anew. Refused for a guest who came in already, was shown out or expired."""
    invitation = _live(access.access_invitation_for_running(by, meeting_id, guest_id))
    if invitation.confirmed_at is not None:
        raise RuleBroken(_("This guest was let in already. Send a new link for another device."))
    _new_code(invitation)
    invitation.save(update_fields=["code_round", "code_tries"])
    return (GuestInvited(meeting_id=meeting_id, item_id=invitation.item_id, guest_id=invitation.pk),)


@action("guest.renew_link", row="run")
def renew_link(*, by: Actor, meeting_id: UUID, guest_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Send a guest a new link and make a new code: for another device, or a mail that got lost. Effects: the old link and code are
    worth nothing; whoever came in with them is outside at once. Refused for a guest who was shown out or expired."""
    invitation = _live(access.access_invitation_for_running(by, meeting_id, guest_id))
    invitation.link_round += 1
    invitation.token_digest = guests.digest(guests.token(invitation))
    invitation.confirmed_at, invitation.confirmed_by, invitation.device = None, "", ""
    _new_code(invitation)
    invitation.save(
        update_fields=[
            "link_round",
            "token_digest",
            "confirmed_at",
            "confirmed_by",
            "device",
            "code_round",
            "code_tries",
        ]
    )
    _end_sessions(invitation, now())
    _order(invitation, Delivery.Kind.GUEST_LINK, f"link:{invitation.link_round}")
    return (GuestInvited(meeting_id=meeting_id, item_id=invitation.item_id, guest_id=invitation.pk),)


def _live(invitation: GuestInvitation) -> GuestInvitation:
    if guests.is_over(invitation):
        raise RuleBroken(_("This invitation is over. Invite the guest anew."))
    return invitation


def _new_code(invitation: GuestInvitation) -> None:
    invitation.code_round += 1
    invitation.code_tries = 0
    _text_code(invitation)


def _end_sessions(invitation: GuestInvitation, at: datetime, *, active: bool = True) -> None:
    """Whoever is signed in as this guest is so no more (a session holds a hash over the password), and what they saw is closed."""
    Person.objects.filter(pk=invitation.person_id, visitor=True).update(password=make_password(None), is_active=active)
    Grant.objects.filter(person=invitation.person_id, ended_at=None).update(ended_at=at)


@action("guest.eject", row="run")
def eject_guest(*, by: Actor, meeting_id: UUID, guest_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Show a guest out, or withdraw the invitation. Effects: link, code, session, socket and sight of the case end; the person who
    was made for it is nobody any more; address and number are forgotten. A second time changes nothing."""
    invitation = access.access_invitation_for_running(by, meeting_id, guest_id)
    if invitation.revoked_at is not None:
        return ()
    return (_show_out(invitation, now()),)


def _show_out(invitation: GuestInvitation, at: datetime) -> GuestLeft:
    call.move_for_guest_of(invitation.meeting, at, invitation.item_id)
    invitation.revoked_at = at
    _forget(invitation, at, "revoked_at")
    return GuestLeft(meeting_id=invitation.meeting_id, item_id=invitation.item_id, guest_id=invitation.pk)


def _forget(invitation: GuestInvitation, at: datetime, *changed: str) -> None:
    invitation.mail = invitation.phone = ""
    invitation.save(update_fields=["mail", "phone", *changed])
    _end_sessions(invitation, at, active=False)
    roles = OrganisationRole.objects.filter(person=invitation.person_id)
    roles.filter(valid_until__gt=at).update(valid_until=at)


def end_all(meeting: Meeting, at: datetime) -> None:
    """The meeting is over: all guests by link are outside and forgotten. Inside an action that holds the meeting's lock."""
    for invitation in GuestInvitation.objects.filter(meeting=meeting, revoked_at=None):
        _forget(invitation, at)


def follow(meeting: Meeting) -> None:
    """The sitting was moved: links hold as long as it takes, and each guest gets theirs again with the new time. As ``end_all``."""
    until = guests.expires_at(meeting)
    for invitation in GuestInvitation.objects.filter(meeting=meeting, revoked_at=None):
        invitation.expires_at = until
        invitation.save(update_fields=["expires_at"])
        OrganisationRole.objects.filter(person=invitation.person_id).update(valid_until=until)
        _order(invitation, Delivery.Kind.GUEST_LINK, f"moved:{meeting.version}")


# --- by the house ------------------------------------------------------------------------------------------------------


def _of_deceased() -> QuerySet[GuestInvitation]:
    """The invitations that a patient's death ends. Whoever is at the table for the case right now is shown out by people, not by this."""
    live = (Meeting.State.PLANNED, Meeting.State.PUBLISHED, Meeting.State.RUNNING)
    at_the_table = Q(item__state=AgendaItem.State.OPEN, confirmed_at__isnull=False)
    found = GuestInvitation.objects.filter(~at_the_table, revoked_at=None, meeting__state__in=live)
    return found.exclude(living("item__referral__case__patient"))


def guests_of_deceased() -> list[UUID]:
    """The meetings (not over) with a guest by link for a patient who died. For the sweep; in the door of the house."""
    return list(_of_deceased().values_list("meeting", flat=True).distinct().order_by("meeting"))


@action("guest.withdraw_for_deceased", row="system")
def withdraw_for_deceased(*, by: Actor, meeting_id: UUID) -> tuple[Event, ...]:
    """Withdraw the links that were sent for a patient who died: ``cases`` knows no meetings, so the house follows. Effects: as when the
    secretary withdraws each of them; the guest is told that the invitation is over and nothing else. A day of death that was a mistake
    brings none back: the guest is invited anew."""
    directory.require_system(by)
    meeting = Meeting.objects.select_for_update(of=("self",)).get(pk=meeting_id)
    granted("system", hospital_id=meeting.hospital_id)
    found = _of_deceased().filter(meeting=meeting).select_for_update(of=("self",)).order_by("made_at", "pk")
    events, at = [], now()
    for invitation in found:
        invitation.meeting = meeting
        events.append(_show_out(invitation, at))
    return tuple(events)


# --- by whoever holds the link -----------------------------------------------------------------------------------------


@action("guest.confirm", row="join")
def confirm_guest(*, by: Actor, guest_id: UUID, code: str, device: str) -> tuple[Event, ...]:
    """Somebody with the link typed a code. Effects: with the right one this browser (the digest ``device``) and no other is the
    guest's from now on, and where the item is open they see it at once; a wrong one counts, and after five no code is taken until
    the secretary makes a new one. Whether it was right stands in the row afterwards: a wrong code has to be counted, so it is no
    refusal. Refused when the invitation is over, was used on another device, or no try is left."""
    invitation = access.access_invitation_for_holder(by, guest_id)
    if _is_in(invitation, device):
        return ()
    if invitation.code_tries >= guests.TRIES:
        raise RuleBroken(_("This code was mistyped too often. Call the secretariat for a new one."))
    if not guests.is_code(invitation, code):
        invitation.code_tries += 1
        invitation.save(update_fields=["code_tries"])
        note(wrong=invitation.code_tries)
        return ()
    return _let_in(invitation, device, GuestInvitation.Way.CODE)


@action("guest.identify", row="join")
def identify_guest(*, by: Actor, guest_id: UUID, mail: str, device: str) -> tuple[Event, ...]:
    """Somebody with the link signed in elsewhere with this verified mail address. Effects: as with the right code. Refused for
    another address than the one invited, and as there."""
    invitation = access.access_invitation_for_holder(by, guest_id)
    if _is_in(invitation, device):
        return ()
    if not invitation.mail or mail.strip().casefold() != invitation.mail.casefold():
        raise RuleBroken(_("This identity has another mail address than the one that was invited."))
    return _let_in(invitation, device, GuestInvitation.Way.IDENTITY)


def _is_in(invitation: GuestInvitation, device: str) -> bool:
    """Whether this browser was let in before. Raises ``RuleBroken`` for what lets nobody in."""
    with elevated("guest.lives"):  # the sweep withdraws it within seconds; nobody comes in between
        ended = guests.is_over(invitation) or not lives(invitation.item_id)
    if ended:
        raise RuleBroken(_("This invitation is over."))
    if invitation.confirmed_at is None:
        return False
    if invitation.device == device:
        return True
    raise RuleBroken(_("This link was used already on another device. Call the secretariat if that was not you."))


def _let_in(invitation: GuestInvitation, device: str, way: str) -> tuple[Event, ...]:
    at = now()
    invitation.confirmed_at, invitation.confirmed_by, invitation.device = at, way, device
    invitation.save(update_fields=["confirmed_at", "confirmed_by", "device"])
    _end_sessions(invitation, at)
    # The guest may not read the referral until the grant is there.
    with elevated("guest.slot"):
        item = AgendaItem.objects.select_related("referral").get(pk=invitation.item_id)
    if item.state == AgendaItem.State.OPEN and item.referral is not None:
        Grant.objects.create(
            hospital_id=item.hospital_id,
            case_id=item.referral.case_id,
            person_id=invitation.person_id,
            via=Grant.Via.SLOT,
            source_id=item.pk,
            given_at=at,
            until=at + SLOT_AT_MOST,
        )
        call.move_for_guest_of(invitation.meeting, at, item.pk)
    note(way=way)
    return (GuestConfirmed(meeting_id=invitation.meeting_id, item_id=item.pk, guest_id=invitation.pk),)
