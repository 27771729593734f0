"""The routes by which an organisation's signed reports go out: keeping them, and trying one with a made-up document."""

import re
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from mdo.directory import access as directory
from mdo.directory.events import DirectoryChanged
from mdo.directory.models import Organisation
from mdo.kernel.acting import Actor, current
from mdo.kernel.action import action, note
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken, Stale
from mdo.kernel.events import Event
from mdo.kernel.ids import derived_id
from mdo.kernel.storage import storage
from meetings.delivering import access, routes
from meetings.models import Dispatch, Route
from meetings.models.dispatch import Channel, Role
from meetings.waking import HAND_OVER, wake

MOST: Final = 20  # routes of one organisation
_SECRET: Final = re.compile(r"[A-Za-z0-9._~+/=-]{1,2000}")  # what a bearer token is made of (RFC 6750)


@action("route.save", row="administer")
def save_route(
    *,
    by: Actor,
    route_id: UUID,
    channel: str,
    name: str,
    kinds: Sequence[str],
    recipients: Sequence[str],
    settings: dict[str, Any],
    secret: str | None,
    active: bool,
    version: int,
    command_id: UUID,
) -> tuple[Event, ...]:
    """Make a route of the own organisation (``version`` 0) or change it; its channel stays. Effects: reports signed from now on go out by it
    while it is active. ``secret``: a bearer token, kept as an encrypted file; ``None`` keeps the one that is there, empty takes it away.

    Refused: ``NotFound`` for whoever does not administer the organisation, ``Invalid`` by field, ``Stale``, ``RuleBroken`` above 20.
    """
    organisation_id = directory.access_organisation_for_administering(by, current().organisation_id)
    # Two who take one name at once, or the last place, wait for each other here.
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
    if version:
        route = access.access_route_for_administering(by, route_id)
        if route.version != version:
            raise Stale(_("Somebody else changed this route. Compare and save again."), current=route.version)
    else:
        if access.visible_routes(by).count() >= MOST:
            raise RuleBroken(_("There are %(count)d routes already.") % {"count": MOST})
        route = Route(id=route_id, hospital_id=organisation_id, channel=channel, version=0)
    problems: dict[str, list[str]] = {}
    route.name = " ".join(name.split())
    if not route.name or len(route.name) > 60 or not route.name.isprintable():
        problems["name"] = [_("Write a name, in at most 60 characters.")]
    elif access.visible_routes(by).filter(name=route.name).exclude(pk=route.pk).exists():
        problems["name"] = [_("Another route has this name.")]
    if not kinds or not set(kinds) <= set(routes.KINDS):
        problems["kinds"] = [_("Choose what goes out.")]
    to_people = route.channel in routes.TO_PEOPLE
    if not set(recipients) <= {Role.GP, Role.REQUESTER} or (to_people and not recipients):
        problems["recipients"] = [_("Choose to whom.")]
    if secret and not _SECRET.fullmatch(secret):
        problems["secret"] = [_("A token holds letters, digits and . _ ~ + / = - only.")]
    try:
        route.settings = routes.checked(route.channel, settings)
    except Invalid as invalid:
        problems |= invalid.errors
    if problems:
        raise Invalid(problems)
    route.kinds = sorted(set(kinds))
    route.recipients = sorted(set(recipients)) if to_people else []
    route.active = active
    if secret is not None:
        _keep(route, secret)
    route.version += 1
    route.save(force_insert=not version)
    note(channel=route.channel, active=active)
    return (DirectoryChanged(kind="route", object_id=route.pk, how="changed" if version else "added"),)


def _keep(route: Route, secret: str) -> None:
    before = route.secret_name
    route.secret_name = storage.save(storage.name_for(uuid4()), ContentFile(secret.encode())) if secret else ""
    if before:
        transaction.on_commit(lambda: storage.delete(before), robust=True)


@action("route.try", row="administer")
def try_route(*, by: Actor, route_id: UUID, command_id: UUID) -> tuple[Event, ...]:
    """Send a made-up document of nobody by a route of the own organisation. Effects: the worker sends it, once; what it came to stands on the
    page. Refused: ``NotFound``, and a route on paper."""
    route = access.access_route_for_administering(by, route_id)
    if route.channel == Channel.PAPER:
        raise RuleBroken(_("Letters are printed by the secretary: there is nothing to try."))
    at = now()
    Dispatch.objects.create(
        id=derived_id(command_id, by.actor_id, "trial"),
        hospital_id=route.hospital_id,
        route=route,
        channel=route.channel,
        role=Role.GP if route.channel in routes.TO_PEOPLE else Role.RECORD,
        trial=True,
        due_at=at,
        created_at=at,
    )
    wake(HAND_OVER)
    return (DirectoryChanged(kind="route", object_id=route.pk, how="tried"),)
