"""A patient opened in the hospital's record system: taking the signed form, and opening it once."""

import hashlib
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from cases import access
from cases.events import LaunchAccepted, LaunchOpened
from cases.exchange.launch import LaunchClaims, LaunchUser
from cases.models import Launch
from mdo.directory import access as directory
from mdo.directory import licence_number
from mdo.directory.licence_number import InvalidLicenceNumber
from mdo.directory.models import Person
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Denied, IdReused, RuleBroken
from mdo.kernel.events import Event

OPEN_FOR: Final = timedelta(minutes=10)  # time to sign in on the way
KEPT: Final = timedelta(days=1)


def _named(user: LaunchUser, hospital_id: UUID) -> Person | None:
    """The one person of the hospital whom the record system means."""
    people = directory.people_of(hospital_id)
    if user.licence:
        try:
            identifying = licence_number.parse(user.licence).identifying
        except InvalidLicenceNumber:
            return None
        people = people.filter(licence_number__startswith=identifying)
    if user.username:
        people = people.filter(username=user.username)
    found = list(people[:2])
    return found[0] if len(found) == 1 else None


@action("launch.accept", row="system")
def accept_launch(*, by: Actor, launch_id: UUID, claims: LaunchClaims) -> tuple[Event, ...]:
    """Take what a hospital's record system signed. Effects: the named person may open that patient here once, within ten minutes;
    what earlier ones said about patients is forgotten when they ran out.

    Refused: ``Denied`` when it has no token for this in force or names nobody of its hospital, ``IdReused`` when it was used before.
    """
    directory.require_system(by)
    client = directory.token_for(claims.iss, "launch")
    if client is None:
        raise Denied(_("This record system may not open cases here."))
    hospital_id, at = client.organisation_id, now()
    person = _named(claims.user, hospital_id)
    if person is None:
        raise Denied(_("The record system named nobody who works here for its hospital."))
    Launch.objects.filter(hospital=hospital_id, expires_at__lt=at).exclude(identity={}).update(identity={})
    Launch.objects.filter(hospital=hospital_id, expires_at__lt=at - KEPT).delete()
    try:
        with transaction.atomic():
            Launch.objects.create(
                id=launch_id,
                hospital_id=hospital_id,
                client=client,
                nonce=hashlib.sha256(claims.jti.encode()).hexdigest(),
                person=person,
                identity=claims.patient.model_dump(mode="json", exclude_defaults=True),
                expires_at=at + OPEN_FOR,
            )
    except IntegrityError:
        raise IdReused(_("This was used before. Open the patient again in the record system.")) from None
    return (LaunchAccepted(launch_id=launch_id, client_id=client.pk, person_id=person.pk, hospital_id=hospital_id),)


@action("launch.open", row="read_case")
def open_launch(*, by: Actor, launch_id: UUID) -> tuple[Event, ...]:
    """Open it. Effects: it cannot be opened again, and what it said about the patient is forgotten.

    Refused: ``NotFound`` for whoever is not the person whom the record system named, acting for its hospital; ``RuleBroken`` when it was
    opened before or ran out.
    """
    launch = access.access_launch_for_opening(by, launch_id)
    if launch.opened_at is not None or launch.expires_at <= now():
        raise RuleBroken(_("This was used before. Open the patient again in the record system."))
    launch.opened_at = now()
    launch.identity = {}
    launch.save(update_fields=["opened_at", "identity"])
    return (LaunchOpened(launch_id=launch.pk, hospital_id=launch.hospital_id),)
