"""An organisation's programs: giving one a token, taking it back."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils.translation import gettext as _

from mdo.directory import access
from mdo.directory.events import DirectoryChanged
from mdo.directory.models import ApiToken
from mdo.kernel.acting import Actor
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken
from mdo.kernel.events import Event

MOST: Final = 50  # tokens in force of one organisation
LONGEST_DAYS: Final = 730


@action("token.make", row="administer")
def make_token(
    *,
    by: Actor,
    organisation_id: UUID,
    token_id: UUID,
    name: str,
    scopes: Sequence[str],
    days: int,
    digest: str,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Give a program of one's own organisation a token with ``scopes``, for ``days`` days. Effects: whoever has the secret behind
    ``digest`` (SHA-256) acts as that program until it is revoked or runs out; the audit row holds its scopes.

    Refused: ``NotFound`` for whoever does not administer the organisation, ``Invalid`` by field, ``RuleBroken`` above 50 in force.
    """
    access.access_organisation_for_administering(by, organisation_id)
    problems: dict[str, list[str]] = {}
    if not name.strip() or len(name) > 80:
        problems["name"] = [_("Write which program it is for, in at most 80 characters.")]
    if not scopes or not set(scopes) <= set(ApiToken.Scope.values):
        problems["scopes"] = [_("Choose what the program may do.")]
    if not 1 <= days <= LONGEST_DAYS:
        problems["days"] = [_("At most %(count)d days.") % {"count": LONGEST_DAYS}]
    if problems:
        raise Invalid(problems)
    in_force = ApiToken.objects.filter(organisation=organisation_id, revoked_at=None, expires_at__gt=now())
    if in_force.count() >= MOST:
        raise RuleBroken(_("There are %(count)d tokens already. Revoke what is not used.") % {"count": MOST})
    kept = sorted(set(scopes))
    ApiToken.objects.create(
        id=token_id,
        organisation_id=organisation_id,
        name=name.strip(),
        scopes=kept,
        digest=digest,
        made_by_id=by.actor_id,
        expires_at=now() + timedelta(days=days),
    )
    note(scopes=kept)
    return (DirectoryChanged(kind="apitoken", object_id=token_id, how="added"),)


@action("token.revoke", row="administer")
def revoke_token(*, by: Actor, token_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Take a token back. Effects: from this moment it opens nothing. A second time changes nothing. Refused: ``NotFound``."""
    token = access.access_token_for_administering(by, token_id)
    if token.revoked_at is not None:
        return ()
    token.revoked_at = now()
    token.save(update_fields=["revoked_at"])
    return (DirectoryChanged(kind="apitoken", object_id=token.pk, how="revoked"),)
