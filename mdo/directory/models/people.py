from uuid import UUID

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.ids import new_id


class Person(AbstractUser):
    """A professional (or a guest) with one identity, whatever the number of organisations. Never a patient.

    Also the user model: a person without an account has no usable password.
    """

    class Profession(models.TextChoices):
        PHYSICIAN = "physician", _("Physician")
        NURSE = "nurse", _("Nurse")
        PSYCHOLOGIST = "psychologist", _("Psychologist")
        SOCIAL_WORKER = "social_worker", _("Social worker")
        DATA_MANAGER = "data_manager", _("Data manager")
        SECRETARY = "secretary", _("Secretary")
        OTHER = "other", _("Other")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    first_name = models.CharField(_("given name"), max_length=150)
    last_name = models.CharField(_("family name"), max_length=150)
    title = models.CharField(_("title"), max_length=20, blank=True)
    profession = models.CharField(max_length=20, choices=Profession, default=Profession.PHYSICIAN)
    discipline = models.CharField(max_length=60, blank=True, help_text=_("A code of the list of disciplines"))
    licence_number = models.CharField(max_length=11, blank=True)
    postal_address = models.TextField(
        _("postal address"),
        max_length=200,
        blank=True,
        help_text=_("Street and number, postal code and town, each on a line of its own: for letters on paper"),
    )
    language = models.CharField(
        max_length=2,
        default="nl",
        choices=[("nl", "Nederlands"), ("fr", "Français"), ("de", "Deutsch"), ("en", "English")],
    )
    # Made for one invitation as a guest: comes in by that link alone, sees nothing but that item, is offered nowhere.
    visitor = models.BooleanField(default=False, editable=False)

    class Meta:
        ordering = ["last_name", "first_name"]
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return self.display_name

    @property
    def display_name(self) -> str:
        return " ".join(part for part in (self.title, self.first_name, self.last_name) if part)

    # The kernel's Actor.
    @property
    def actor_kind(self) -> str:
        return "person"

    @property
    def actor_id(self) -> UUID:
        return self.pk


class OrganisationRole(models.Model):
    """What a person is in an organisation, from when until when."""

    class Role(models.TextChoices):
        CLINICIAN = "clinician", _("Clinician")
        SECRETARY = "secretary", _("Secretary")
        ADMIN = "admin", _("Administrator of the organisation")
        PRIVACY_OFFICER = "privacy_officer", _("Privacy officer")
        DATA_MANAGER = "data_manager", _("Data manager")
        GUEST = "guest", _("Guest")
        MEMBER = "member", _("Member of the organisation, without a right")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="organisation_roles")
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="roles")
    role = models.CharField(max_length=20, choices=Role)
    valid_from = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "organisation", "role", "valid_from"], name="organisation_role")
        ]
        verbose_name = _("role in an organisation")
        verbose_name_plural = _("roles in organisations")

    def __str__(self) -> str:
        return f"{self.person}: {self.get_role_display()}, {self.organisation}"
