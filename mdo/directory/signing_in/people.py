"""Whom a provider's word signs in: somebody of that organisation who is there already, and nobody else."""

from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from mdo.directory import access
from mdo.directory.models import DirectoryEntry, IdentityProvider, Person
from mdo.directory.signing_in.protocol import Told
from mdo.kernel.errors import Refused

# Why somebody is not signed in, by the code that stands in the access log.
SENTENCES: Final[dict[str, str | Promise]] = {
    "unfit": _("Your organisation's sign-in gave an answer that cannot be trusted. Try again; if it stays so, tell your IT department."),
    "unreachable": _("Your organisation's sign-in cannot be reached. Try again in a moment."),
    "cancelled": _("You did not finish signing in at your organisation."),
    "nobody": _("Your organisation's sign-in knows you, but nobody here is known by that. Ask your administrator to enter you."),
    "unverified": _("Your organisation's sign-in does not say that your mail address was verified. Ask your administrator."),
    "changed": _("Your organisation's sign-in says that you are somebody else than last time. Ask your administrator."),
    "left": _("Your account here was closed. Ask your administrator."),
    "other_person": _("That was somebody else than the one who is signed in here."),
    "old": _("Your organisation's sign-in did not ask for your password again. Try again, or set up a second factor here."),
    "weak": _("Your organisation's sign-in did not ask for your second factor there. Show the one that you have here."),
    "not_offered": _("Nobody signs in there. Choose your organisation from the list."),
}  # fmt: skip


class NotSignedIn(Refused):
    """The provider's word signs nobody in; ``code`` is one of ``SENTENCES``."""

    status = 403

    def __init__(self, code: str) -> None:
        super().__init__(str(SENTENCES[code]))
        self.code = code


def entry_of(row: IdentityProvider, told: Told) -> DirectoryEntry | None:
    """The entry to which this subject was linked before. An issuer that was changed since begins anew."""
    found = DirectoryEntry.objects.select_related("person")
    return found.filter(organisation=row.organisation_id, issuer=row.issuer, subject=told.subject).first()


def check(row: IdentityProvider, entry: DirectoryEntry) -> Person:
    """The person of a linked entry, if they may sign in now. Raises ``NotSignedIn``."""
    person = entry.person
    if not entry.active or not person.is_active:
        raise NotSignedIn("left")
    if not access.people_belonging(row.organisation_id).filter(pk=person.pk).exists():
        raise NotSignedIn("nobody")
    return person


def to_link(row: IdentityProvider, told: Told) -> tuple[Person, DirectoryEntry | None]:
    """Whose subject a new one is: the one whom SCIM entered under it, else the only one of the organisation's people with that verified
    address, which lies in a domain of the organisation. Locks what it finds. Raises ``NotSignedIn``."""
    entries = DirectoryEntry.objects.select_for_update(of=("self",)).select_related("person")
    entries = entries.filter(organisation=row.organisation_id)
    entry = entries.filter(external_id=told.external).first() if told.external else None
    if entry is None:
        person = _by_mail(row, told)
        entry = entries.filter(person=person).first()
    else:
        person = entry.person
    if entry is not None and entry.subject and entry.issuer == row.issuer:
        raise NotSignedIn("changed")  # this person has another subject at this very provider
    if entry is not None:
        check(row, entry)
    elif not person.is_active:
        raise NotSignedIn("left")
    return person, entry


def _by_mail(row: IdentityProvider, told: Told) -> Person:
    _name, at, domain = told.mail.lower().rpartition("@")
    if not at or domain not in row.domains:
        raise NotSignedIn("nobody")
    if not told.verified:
        raise NotSignedIn("unverified")
    found = list(access.people_belonging(row.organisation_id).filter(email__iexact=told.mail)[:2])
    if len(found) != 1:
        raise NotSignedIn("nobody")
    return found[0]
