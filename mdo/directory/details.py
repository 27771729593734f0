"""What stands in the directory beside a name: the numbers by which a person or an organisation is known, and where their post goes."""

from dataclasses import dataclass
from typing import Self

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from mdo.directory import enterprise_number, licence_number
from mdo.directory.models import Organisation, Person
from mdo.kernel.codes import InvalidCode

LINES, LONGEST = 6, 200  # of an address: as many as fit the window of an envelope


@dataclass(frozen=True)
class Details:
    """As they are kept: digits alone, an address without empty lines. ``enterprise_number`` belongs to an organisation."""

    licence_number: str = ""
    postal_address: str = ""
    enterprise_number: str = ""

    @classmethod
    def of(cls, owner: Person | Organisation) -> Self:
        return cls(owner.licence_number, owner.postal_address, getattr(owner, "enterprise_number", ""))

    def store(self, owner: Person | Organisation) -> None:
        """Write them into the row."""
        owner.licence_number, owner.postal_address = self.licence_number, self.postal_address
        fields = ["licence_number", "postal_address"]
        if isinstance(owner, Organisation):
            owner.enterprise_number = self.enterprise_number
            fields.append("enterprise_number")
        owner.save(update_fields=fields)


def checked(details: Details) -> tuple[Details, dict[str, list[str]]]:
    """The details as they are kept, and the sentences by field where they cannot be. A licence number whose check digits do not fit is
    kept (``warning``)."""
    errors: dict[str, list[str]] = {}
    licence, enterprise = details.licence_number, details.enterprise_number
    try:
        licence = licence_number.parse(licence).digits if licence.strip() else ""
    except InvalidCode as error:
        errors["licence_number"] = error.messages
    try:
        enterprise = enterprise_number.parse(enterprise).digits if enterprise.strip() else ""
    except InvalidCode as error:
        errors["enterprise_number"] = error.messages
    try:
        address = checked_address(details.postal_address)
    except ValidationError as error:
        address = details.postal_address
        errors["postal_address"] = error.messages
    return Details(licence, address, enterprise), errors


def checked_address(text: str) -> str:
    """A postal address, line by line. Raises ``ValidationError``."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept = "\n".join(lines)
    if len(lines) > LINES or len(kept) > LONGEST:
        raise ValidationError(
            _("At most %(lines)d lines and %(count)d characters."), params={"lines": LINES, "count": LONGEST}
        )
    if any(not character.isprintable() for line in lines for character in line):
        raise ValidationError(_("An address holds letters, digits and punctuation only."))
    return kept


def warning(digits: str) -> str | Promise | None:
    """What to say beside a licence number whose check digits do not fit (DOMAIN §6: it warns, it does not block)."""
    if not digits:
        return None
    try:
        return licence_number.parse(digits).warning
    except InvalidCode as error:  # typed before there was a check
        return str(error.messages[0])


def shown(digits: str) -> str:
    """A licence number as it stands on a stamp; what cannot be read, as it is."""
    try:
        return str(licence_number.parse(digits)) if digits else ""
    except InvalidCode:
        return digits


def shown_enterprise(digits: str) -> str:
    """An enterprise number as it stands on a letterhead; what cannot be read, as it is."""
    try:
        return str(enterprise_number.parse(digits)) if digits else ""
    except InvalidCode:
        return digits


def others_with(licence: str, person: Person) -> QuerySet[Person]:
    """Who else has a licence number that identifies the same person, by its first eight digits."""
    return Person.objects.filter(licence_number__startswith=licence[:8], is_active=True).exclude(pk=person.pk)


def address_of(person: Person) -> str:
    """Where post for a person goes: the own address, or that of the practice or hospital where they work. Empty where neither is known."""
    if person.postal_address.strip():
        return person.postal_address
    held = person.organisation_roles.select_related("organisation").exclude(organisation__postal_address="")
    role = held.filter(valid_until=None).order_by("valid_from", "pk").first()
    return "\n".join((role.organisation.name, role.organisation.postal_address)) if role else ""
