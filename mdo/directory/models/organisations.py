from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.directory.image_archive import validate_template
from mdo.kernel.ids import new_id


class Organisation(models.Model):
    """A hospital, a practice, a home-care organisation, … (DOMAIN §1). What it shows is its name, initials and colour."""

    class Kind(models.TextChoices):
        HOSPITAL = "hospital", _("Hospital")
        NURSING_HOME = "nursing_home", _("Nursing home")
        HOME_CARE = "home_care", _("Home-care organisation")
        GP_PRACTICE = "gp_practice", _("GP practice")
        PRIMARY_CARE_ZONE = "primary_care_zone", _("Primary-care zone")
        WELFARE = "welfare", _("Welfare organisation")
        PATIENTS = "patients", _("Patient organisation")
        SICKNESS_FUND = "sickness_fund", _("Sickness fund")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    short_name = models.CharField(max_length=12, help_text=_("Initials, shown as a badge"))
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.HOSPITAL)
    colour = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(8)],
        help_text=_("1 to 8, from the house's palette"),
    )
    city = models.CharField(max_length=100, blank=True)
    enterprise_number = models.CharField(max_length=10, blank=True)
    licence_number = models.CharField(max_length=11, blank=True)
    postal_address = models.TextField(
        _("postal address"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("Street and number, postal code and town, each on a line of its own: for letters on paper"),
    )
    pacs_address = models.CharField(
        max_length=500,
        blank=True,
        validators=[validate_template],
        help_text=_(
            "Where the hospital's own image archive opens a study: an https address with {accession}, and with {patient} where it "
            "asks for the hospital's own patient number. Never a national number. Only people who act for this hospital get the link."
        ),
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("organisation")
        verbose_name_plural = _("organisations")

    def __str__(self) -> str:
        return self.name

    @property
    def short(self) -> str:
        """The letters of the badge."""
        return self.short_name


class RecordSystem(models.Model):
    """A hospital's record system that tells of its patients by HL7 version 2, found by what its messages say: MSH-4 and MSH-6
    (``docs/administrators/hl7.md``)."""

    class Charset(models.TextChoices):
        STANDARD = "", _("ASCII, as the standard says")
        LATIN_1 = "8859/1", "8859/1"
        LATIN_9 = "8859/15", "8859/15"
        UTF_8 = "UNICODE UTF-8", "UNICODE UTF-8"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="record_systems")
    sending_facility = models.CharField(max_length=60, help_text=_("MSH-4 of its messages"))
    receiving_facility = models.CharField(max_length=60, help_text=_("MSH-6 of its messages"))
    authority = models.CharField(
        max_length=60, blank=True, help_text=_("Whose patient numbers count (PID-3.4); empty: all of them")
    )
    charset = models.CharField(max_length=20, choices=Charset, blank=True, help_text=_("What an empty MSH-18 means"))
    processing = models.CharField(
        max_length=1,
        choices=[("P", "P"), ("T", "T"), ("D", "D")],
        default="P",
        help_text=_("MSH-11: production, training or debugging"),
    )
    registers = models.BooleanField(
        default=False,
        help_text=_("Register patients who are not known yet. Only for a feed of nothing but patients for a board"),
    )
    active = models.BooleanField(default=True)

    class Meta:
        verbose_name = _("record system")
        verbose_name_plural = _("record systems")
        constraints = [
            models.UniqueConstraint(fields=["sending_facility", "receiving_facility"], name="record_system_facilities")
        ]

    def __str__(self) -> str:
        return f"{self.sending_facility} → {self.receiving_facility}"


class Network(models.Model):
    """A group of organisations that work together. An organisation can be in several, joins and leaves on a date."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200)
    organisations: models.ManyToManyField[Organisation, NetworkMembership] = models.ManyToManyField(
        Organisation, through="NetworkMembership", related_name="networks"
    )

    class Meta:
        ordering = ["name"]
        verbose_name = _("network")
        verbose_name_plural = _("networks")

    def __str__(self) -> str:
        return self.name


class NetworkMembership(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    network = models.ForeignKey(Network, on_delete=models.CASCADE)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT)
    joined_on = models.DateField()
    left_on = models.DateField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["network", "organisation", "joined_on"], name="network_membership")
        ]

    def __str__(self) -> str:
        return f"{self.organisation} – {self.network}"
