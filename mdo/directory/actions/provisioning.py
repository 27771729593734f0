"""What an organisation's directory does here by a program: enter who joins, keep them up to date, shut out who leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db.models import Q
from django.utils.translation import gettext as _

from mdo.directory import access, sessions
from mdo.directory.events import DirectoryChanged
from mdo.directory.models import BoardRole, DirectoryEntry, IdentityProvider, Organisation, OrganisationRole, Person
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid
from mdo.kernel.events import Event

MOST_MAILS: Final = 5


@dataclass(frozen=True)
class Employee:
    """What a directory says of one person. ``mails``: mappings with ``value``, and ``type`` and ``primary`` where they were given."""

    user_name: str
    external_id: str = ""
    given_name: str = ""
    family_name: str = ""
    mails: tuple[Mapping[str, Any], ...] = ()
    language: str = ""
    active: bool = True

    def texts(self) -> tuple[str, ...]:
        return (self.user_name, self.external_id, self.given_name, self.family_name, self.language)

    @property
    def mail(self) -> str:
        """The primary address, else the first."""
        chosen = next((each for each in self.mails if each.get("primary")), self.mails[0] if self.mails else {})
        return str(chosen.get("value", ""))


class Taken(Invalid):
    """Another entry of the organisation has that name or id already."""

    code = "taken"
    status = 409


@action("directory.join", row="provision")
def join(*, by: Actor, entry_id: UUID, employee: Employee) -> tuple[Event, ...]:
    """Enter somebody who joins the organisation. Effects: an entry; the person, found among the organisation's own people by mail address,
    else made anew without a password; a role in the organisation (a member's, or a clinician's where its administrator says so), unless they
    have one. No seat on a board. Somebody who is entered as inactive gets neither account nor role.

    Refused: ``Denied`` without the scope, ``Invalid`` by field, ``Taken`` for a name or an id that another entry has.
    """
    organisation_id = access.provisions(by)
    _check(organisation_id, None, employee)
    found = (
        list(access.people_belonging(organisation_id).filter(email__iexact=employee.mail)[:2]) if employee.mail else []
    )
    person = found[0] if len(found) == 1 else None  # two with one address are not guessed
    entry = None
    if person is not None:
        entries = DirectoryEntry.objects.filter(organisation=organisation_id, person=person)
        if entries.exclude(user_name="").exists():
            raise Taken({"emails.value": [_("Another entry has this person.")]})
        entry = entries.select_for_update().first()
    made = person is None
    if person is None:
        person = Person(username=f"d-{entry_id.hex}", is_active=employee.active)
        person.set_unusable_password()
        _take_over(person, employee)
        person.save()
    if entry is None:
        entry = DirectoryEntry(id=entry_id, organisation_id=organisation_id, person=person)
    entry.closed = entry.closed or (made and not employee.active)  # not open yet: by this entry it opens
    _keep(entry, employee)
    if not employee.active:
        _leave(entry)
    else:
        _come(entry)
        if not made:
            _follow(entry, employee)
    note(person=str(person.pk), found=not made)
    return (DirectoryChanged(kind="directoryentry", object_id=entry.pk, how="joined"),)


@action("directory.amend", row="provision")
def amend(*, by: Actor, entry_id: UUID, employee: Employee) -> tuple[Event, ...]:
    """Keep an entry as the directory says it now. Effects: the entry; the person's name, address and language where they belong to this
    organisation alone; ``active`` false shuts them out as ``leave`` does, true lets somebody back in who was, with a member's role and
    without their former seats. Refused: as ``join``, and ``NotFound``."""
    entry = access.access_entry_for_provisioning(by, entry_id)
    _check(entry.organisation_id, entry, employee)
    before = entry.active
    _keep(entry, employee)
    how = "changed"
    if before and not employee.active:
        _leave(entry)
        how = "left"
    elif employee.active:
        if not before:
            _come(entry)
            how = "joined"
        _follow(entry, employee)
    note(person=str(entry.person_id))
    return (DirectoryChanged(kind="directoryentry", object_id=entry.pk, how=how),)


@action("directory.leave", row="provision")
def leave(*, by: Actor, entry_id: UUID) -> tuple[Event, ...]:
    """Take an entry away: the person left the organisation. Effects: their roles in it and their seats on boards for it end now, their
    sessions are deleted, so that pages and sockets end within a second; whoever belongs nowhere any more is shut out, with calendar feed and
    links in mails. Persons, what they wrote and signed stay. The entry is not shown any more; the directory may use its name again, and
    whoever it enters anew may sign in by the same subject. Refused: ``NotFound``, ``Denied``."""
    entry = access.access_entry_for_provisioning(by, entry_id)
    # Whoever is entered anew is somebody else here, and is known by that name, id and subject then.
    entry.user_name = entry.external_id = entry.issuer = entry.subject = ""
    entry.active, entry.changed_at = False, now()
    entry.save()
    _leave(entry)
    note(person=str(entry.person_id))
    return (DirectoryChanged(kind="directoryentry", object_id=entry.pk, how="left"),)


def _check(organisation_id: UUID, entry: DirectoryEntry | None, employee: Employee) -> None:
    longest = {"user_name": 200, "external_id": 200, "given_name": 150, "family_name": 150, "language": 100}
    problems = {
        name: [_("At most %(count)d characters.") % {"count": most}]
        for name, most in longest.items()
        if len(getattr(employee, name)) > most
    }
    if not employee.user_name.strip():
        problems["user_name"] = [_("Every entry has a name of its own.")]
    try:
        for mail in employee.mails:
            validate_email(mail["value"])
            if len(mail["value"]) > 254 or len(str(mail.get("type", ""))) > 40:
                raise ValidationError("")
    except ValidationError:
        problems["emails.value"] = [_("This is no mail address.")]
    if len(employee.mails) > MOST_MAILS:
        problems["emails.value"] = [_("At most %(count)d addresses.") % {"count": MOST_MAILS}]
    if problems:
        raise Invalid(problems)
    # Two requests that enter the same name at once wait for each other here, so that the second one is told. What only refers to the
    # organisation waits for nobody.
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
    others = DirectoryEntry.objects.filter(organisation=organisation_id)
    if entry is not None:
        others = others.exclude(pk=entry.pk)
    same = Q(user_name__iexact=employee.user_name)
    if others.filter(same).exists():
        raise Taken({"user_name": [_("Another entry has this name.")]})
    if employee.external_id and others.filter(external_id=employee.external_id).exists():
        raise Taken({"external_id": [_("Another entry has this id.")]})


def _keep(entry: DirectoryEntry, employee: Employee) -> None:
    entry.user_name, entry.external_id = employee.user_name, employee.external_id
    entry.given_name, entry.family_name = employee.given_name, employee.family_name
    entry.mails, entry.language = [dict(each) for each in employee.mails], employee.language
    entry.active, entry.changed_at = employee.active, now()
    entry.save()


def _take_over(person: Person, employee: Employee) -> None:
    person.first_name = employee.given_name or person.first_name
    person.last_name = employee.family_name or person.last_name or employee.user_name[:150]
    person.email = employee.mail or person.email
    language = employee.language[:2].lower()
    if language in dict(settings.LANGUAGES) and person._state.adding:  # later the person chooses
        person.language = language


def _follow(entry: DirectoryEntry, employee: Employee) -> None:
    """Names and address, of somebody over whom no other organisation has a say."""
    person = Person.objects.select_for_update().get(pk=entry.person_id)
    elsewhere = access.organisations_belonging(person.pk).exclude(pk=entry.organisation_id)
    if person.is_staff or elsewhere.exists():
        return
    _take_over(person, employee)
    person.save(update_fields=["first_name", "last_name", "email"])


def _come(entry: DirectoryEntry) -> None:
    """Into the organisation: a role where there is none, and an account that is open, unless somebody else closed it."""
    person = Person.objects.select_for_update().get(pk=entry.person_id)
    if not access.people_belonging(entry.organisation_id).filter(pk=person.pk).exists():
        row = IdentityProvider.objects.filter(organisation=entry.organisation_id).first()
        role = row.joiner if row else IdentityProvider.Joiner.MEMBER
        OrganisationRole.objects.create(
            person=person, organisation_id=entry.organisation_id, role=str(role), valid_from=now()
        )
    if entry.closed and not person.is_active:
        person.is_active = True
        person.save(update_fields=["is_active"])
    if entry.closed:
        entry.closed = False
        entry.save(update_fields=["closed"])


def _leave(entry: DirectoryEntry) -> None:
    """Out of the organisation, at once."""
    at: datetime = now()
    person = Person.objects.select_for_update().get(pk=entry.person_id)
    open_ended = Q(valid_until=None) | Q(valid_until__gt=at)
    OrganisationRole.objects.filter(open_ended, person=person, organisation=entry.organisation_id).update(
        valid_until=at
    )
    BoardRole.objects.filter(open_ended, person=person, organisation=entry.organisation_id).update(valid_until=at)
    if person.is_active and not person.is_staff and not access.organisations_of(person):
        person.is_active = False
        person.save(update_fields=["is_active"])
        entry.closed = True
        entry.save(update_fields=["closed"])
    sessions.end_all(person.pk)
