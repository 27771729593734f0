from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class IdentityProvider(models.Model):
    """Where the people of an organisation sign in (OpenID Connect), and what its directory may do here (SCIM).

    ``sealed`` is the client's secret, encrypted with the site's file key and bound to this row (``mdo/directory/signing_in/providers.py``).
    """

    class SecondFactor(models.TextChoices):
        OURS = "ours", _("This site asks for its own, from whoever has one")
        THEIRS = "theirs", _("The provider asks, and says so")

    class Joiner(models.TextChoices):
        MEMBER = "member", _("Belongs to the organisation, without a right")
        CLINICIAN = "clinician", _("Clinician: may bring in own patients")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.OneToOneField(
        "directory.Organisation", on_delete=models.PROTECT, related_name="identity_provider"
    )
    active = models.BooleanField(default=False)
    issuer = models.CharField(max_length=300, blank=True)
    client_id = models.CharField(max_length=190, blank=True)
    sealed = models.BinaryField(default=bytes)
    domains = ArrayField(models.CharField(max_length=253), default=list, blank=True)
    external_claim = models.CharField(max_length=40, default="sub")  # the claim that SCIM calls externalId
    passwords = models.BooleanField(default=True)
    second_factor = models.CharField(max_length=8, choices=SecondFactor, default=SecondFactor.OURS)
    strong = ArrayField(models.CharField(max_length=100), default=list, blank=True)  # values of amr or acr
    joiner = models.CharField(max_length=12, choices=Joiner, default=Joiner.MEMBER)
    version = models.PositiveIntegerField(default=1, validators=[MinValueValidator(1)])

    class Meta:
        verbose_name = _("sign-in of an organisation")
        verbose_name_plural = _("sign-ins of organisations")

    def __str__(self) -> str:
        return f"{self.organisation}: {self.issuer}"


class DirectoryEntry(models.Model):
    """One person as one organisation's directory knows them: by the subject of its provider, and by what SCIM said.

    Its id is SCIM's ``id``. A row that only a sign-in made holds no ``user_name``: SCIM does not show it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="directory_entries")
    issuer = models.CharField(max_length=300, blank=True)  # whose subject it is
    subject = models.CharField(max_length=255, blank=True)
    user_name = models.CharField(max_length=200, blank=True)
    external_id = models.CharField(max_length=200, blank=True)
    given_name = models.CharField(max_length=150, blank=True)
    family_name = models.CharField(max_length=150, blank=True)
    mails = models.JSONField(default=list)  # as SCIM sent them: value, type, primary
    language = models.CharField(max_length=100, blank=True)
    active = models.BooleanField(default=True)
    closed = models.BooleanField(default=False)  # the person's account, by this entry: so it opens it again
    made_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)

    class Meta:
        ordering = ["made_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "person"], name="directory_entry_person"),
            models.UniqueConstraint(
                fields=["organisation", "issuer", "subject"],
                condition=~models.Q(subject=""),
                name="directory_entry_subject",
            ),
            models.UniqueConstraint(
                Lower("user_name"), "organisation", condition=~models.Q(user_name=""), name="directory_entry_user_name"
            ),
            models.UniqueConstraint(
                fields=["organisation", "external_id"],
                condition=~models.Q(external_id=""),
                name="directory_entry_external_id",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.person}"
