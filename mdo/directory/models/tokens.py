from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class ApiToken(models.Model):
    """A program of an organisation: what it may do there, and until when. It is also the actor of what it does.

    The secret is not stored: of a token its SHA-256, and the key of a record system that opens cases here follows from the site's own
    secret (``mdo/directory/tokens.py``). What it may do is decided by ``scopes`` as they stand in this row now.
    """

    class Scope(models.TextChoices):
        SUBMIT_CASES = "cases.submit", _("Bring in cases")
        READ_CASES = "cases.read", _("Read the state of cases")
        READ_FHIR = "fhir.read", _("Read patients, cases and signed decisions as FHIR")
        READ_LOG = "fhir.audit", _("Read the hospital's access log as FHIR")
        DIRECTORY = "scim", _("Enter who joins and shut out who leaves (SCIM)")
        LAUNCH = "launch", _("Open cases from the record system")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=80)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    digest = models.CharField(max_length=64, unique=True)  # SHA-256 of the token, in hexadecimal digits
    made_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)  # within a minute

    class Meta:
        ordering = ["-made_at"]
        indexes = [models.Index(fields=["organisation", "-made_at"])]

    def __str__(self) -> str:
        return self.name

    @property
    def in_force(self) -> bool:
        return self.revoked_at is None and self.expires_at > now()

    # The kernel's Actor.
    @property
    def actor_kind(self) -> str:
        return "machine"

    @property
    def actor_id(self) -> UUID:
        return self.pk
