from django.db import models

from cases.models.referral import Referral
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Discussion(models.Model):
    """The dossier as it lay on the table when a referral was discussed or postponed. Made then, never changed.

    ``data`` is the case level; ``tumours`` a list of ``{"id": text, "data": {…}, "profile": [code]}`` in their order. What changed since, and what
    a later case begins with, is read from here.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="discussions", db_constraint=False)
    referral = models.ForeignKey(
        "cases.Referral", on_delete=models.CASCADE, related_name="discussions", db_constraint=False
    )
    outcome = models.CharField(max_length=12, choices=Referral.Status)  # discussed or postponed
    at = models.DateTimeField(default=now)
    dossier = models.CharField(max_length=40)
    dossier_version = models.PositiveSmallIntegerField()
    data = models.JSONField(default=dict)
    tumours = models.JSONField(default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="discussion_id_hospital")]
        indexes = [models.Index(fields=["case", "-at"])]

    def __str__(self) -> str:
        return str(self.pk)
