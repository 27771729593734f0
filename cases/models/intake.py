from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Received(models.Model):
    """A request that came out of another program, by the number that it has there: the same one makes no second case.

    ``key`` and ``digest`` are SHA-256 in hexadecimal digits: of the number with its system, and of the whole message.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    received_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="received_id_hospital"),
            models.UniqueConstraint(fields=["hospital", "key"], name="received_key"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Launch(models.Model):
    """Somebody opened a patient in the hospital's record system and is on the way to that patient's case here.

    ``identity`` is the patient as that system told; it is forgotten when the launch is opened or runs out. ``nonce`` (SHA-256) stays,
    so that the same signed form is not taken twice.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey("directory.ApiToken", on_delete=models.PROTECT, related_name="+")
    nonce = models.CharField(max_length=64)
    person = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    identity = models.JSONField(default=dict)
    made_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    opened_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="launch_id_hospital"),
            models.UniqueConstraint(fields=["client", "nonce"], name="launch_nonce"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
