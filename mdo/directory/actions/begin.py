"""The very first organisation and person of a site: there is nobody yet who could make them."""

from dataclasses import dataclass, field

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from mdo.directory import access
from mdo.directory.events import DirectoryChanged
from mdo.directory.models import Organisation, OrganisationRole, Person
from mdo.kernel.acting import Actor
from mdo.kernel.action import action
from mdo.kernel.clock import now
from mdo.kernel.errors import Invalid, RuleBroken
from mdo.kernel.events import Event


@dataclass(frozen=True)
class Beginning:
    """The organisation and the person, and the password that they will sign in with."""

    organisation: str
    short_name: str
    city: str
    username: str
    given_name: str
    family_name: str
    email: str
    password: str = field(repr=False)


@action("directory.begin", row="system")
def begin_site(*, by: Actor, beginning: Beginning) -> tuple[Event, ...]:
    """Put the first organisation and the first person into a site that has no operator. Effects: the organisation; the person, who operates
    the site and administers that organisation, from now on.

    Refused: ``Denied`` for whoever is not the house; ``RuleBroken`` where somebody operates the site already; ``Invalid`` by field, also
    for a password that is too easy.
    """
    access.require_system(by)
    if Person.objects.filter(is_active=True, is_staff=True).exists():
        raise RuleBroken(_("Somebody operates this site already; they make what else there is."))
    organisation = Organisation(name=beginning.organisation, short_name=beginning.short_name, city=beginning.city)
    person = Person(
        username=beginning.username,
        email=beginning.email,
        first_name=beginning.given_name,
        last_name=beginning.family_name,
        profession=Person.Profession.OTHER,
        is_staff=True,
        is_superuser=True,
    )
    try:
        validate_password(beginning.password, person)
    except ValidationError as error:
        raise Invalid({"password": list(error.messages)}) from None
    person.password = make_password(beginning.password)
    for record in (organisation, person):
        try:
            record.full_clean()
        except ValidationError as error:
            raise Invalid(error.message_dict) from None
        record.save()
    role = OrganisationRole.objects.create(
        person=person, organisation=organisation, role=OrganisationRole.Role.ADMIN, valid_from=now()
    )
    return tuple(
        DirectoryChanged(kind=record._meta.model_name or "", object_id=record.pk, how="added")
        for record in (organisation, person, role)
    )
