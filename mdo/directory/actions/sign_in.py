"""Where an organisation's people sign in, and who of them is meant by what their provider says."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory import access
from mdo.directory.events import DirectoryChanged
from mdo.directory.models import DirectoryEntry, IdentityProvider, Organisation
from mdo.directory.signing_in import people, providers
from mdo.directory.signing_in.protocol import Told
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, Stale
from mdo.kernel.events import Event

DOMAIN: Final = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{1,62}")
_PLAIN: Final = re.compile(r"[!-~]*")


@action("signin.set_provider", row="administer")
def set_identity_provider(
    *,
    by: Actor,
    organisation_id: UUID,
    version: int,
    active: bool,
    issuer: str,
    client_id: str,
    client_secret: str | None,
    domains: Sequence[str],
    external_claim: str,
    passwords: bool,
    second_factor: str,
    strong: Sequence[str],
    joiner: str,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Say where the own organisation's people sign in, and what becomes of those whom its directory enters. ``client_secret`` ``None``
    keeps the one that is there; it is stored encrypted. ``version``: as it was seen, 0 where there is none yet.

    Effects: from now on people may (or, without ``passwords``, must) sign in at that provider; who is signed in stays so. Another issuer
    knows nobody yet: everybody is found by mail or by SCIM again. Refused: ``NotFound`` for whoever does not administer the organisation,
    ``Stale``, ``Invalid`` by field (a host that the operator did not name, a domain of another organisation).
    """
    row = access.access_identity_provider(by, organisation_id)
    if row.version != version:
        raise Stale(_("Somebody else changed this. Compare and save again."), current=row.version)
    kept = sorted({each.strip().lower() for each in domains if each.strip()})
    problems: dict[str, list[str]] = {}
    # Two administrators who claim one domain at once wait for each other here; nobody who writes a row of an organisation waits for them.
    list(Organisation.objects.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    if issuer and not providers.allowed(issuer):
        problems["issuer"] = [_("An https address at one of the hosts that the site's operator named for signing in.")]
    elif len(issuer) > 290 or "?" in issuer or "#" in issuer or not _PLAIN.fullmatch(issuer):
        problems["issuer"] = [_("The issuer's plain address, as its configuration says it.")]
    if len(client_id) > 190 or not _PLAIN.fullmatch(client_id):
        problems["client_id"] = [_("Letters, digits and signs without blanks, at most 190.")]
    if client_secret is not None and (len(client_secret) > 500 or not _PLAIN.fullmatch(client_secret)):
        problems["client_secret"] = [_("Letters, digits and signs without blanks, at most 500.")]
    if len(kept) > 50 or not all(DOMAIN.fullmatch(each) for each in kept):
        problems["domains"] = [_("Domains such as hospital.example.org, at most fifty.")]
    elif IdentityProvider.objects.exclude(organisation=organisation_id).filter(domains__overlap=kept).exists():
        problems["domains"] = [_("Another organisation uses one of these domains.")]
    if not re.fullmatch(r"[a-zA-Z0-9_.:/-]{1,40}", external_claim):
        problems["external_claim"] = [_("The name of a claim, such as sub or oid.")]
    if second_factor not in IdentityProvider.SecondFactor.values:
        problems["second_factor"] = [_("Choose from the list.")]
    words = list(dict.fromkeys(each.strip() for each in strong if each.strip()))
    if len(words) > 20 or not all(len(each) <= 100 and _PLAIN.fullmatch(each) for each in words):
        problems["strong"] = [_("Words such as mfa, without blanks, at most twenty.")]
    elif second_factor == IdentityProvider.SecondFactor.THEIRS and not words:
        problems["strong"] = [_("Say by which words the provider tells of a second factor.")]
    if joiner not in IdentityProvider.Joiner.values:
        problems["joiner"] = [_("Choose from the list.")]
    if active and not issuer:
        problems.setdefault("issuer", [_("Without it nobody can sign in there.")])
    if active and not client_id:
        problems.setdefault("client_id", [_("Without it nobody can sign in there.")])
    if problems:
        raise Invalid(problems)
    how = "changed" if version else "added"
    row.active, row.issuer, row.client_id, row.domains, row.external_claim = (
        active,
        issuer,
        client_id,
        kept,
        external_claim,
    )
    row.passwords, row.second_factor, row.strong, row.joiner = passwords, second_factor, words, joiner
    if client_secret is not None:
        row.sealed = providers.seal(row.pk, client_secret) if client_secret else b""
    row.version = version + 1
    row.save()
    note(active=active, passwords=passwords, second_factor=second_factor, joiner=joiner)
    return (DirectoryChanged(kind="identityprovider", object_id=row.pk, how=how),)


@action("signin.link_person", row="system")
def link_person(*, by: Actor, provider_id: UUID, who: Told) -> tuple[Event, ...]:
    """Keep by which subject an organisation's provider knows one of its people, at their first sign-in there. Effects: the entry; no right.
    A second time changes nothing.
    Raises ``people.NotSignedIn`` where nobody is meant, or somebody who is known by another subject."""
    access.require_system(by)
    row = IdentityProvider.objects.select_for_update().get(pk=provider_id)  # two first sign-ins wait for each other
    if people.entry_of(row, who) is not None:
        return ()
    person, entry = people.to_link(row, who)
    if entry is None:
        entry = DirectoryEntry(organisation_id=row.organisation_id, person=person)
    entry.issuer, entry.subject, entry.changed_at = row.issuer, who.subject, now()
    entry.save()
    note(person=str(person.pk))
    return (DirectoryChanged(kind="directoryentry", object_id=entry.pk, how="linked"),)
