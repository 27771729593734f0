from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models

from cases.dossiers.profile import profile
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Case(models.Model):
    """One problem of one patient that is discussed, once or several times. Owned by the patient's hospital.

    ``data`` holds the case level of the dossier (``cases/dossiers``), with the dossier's code and version beside it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    patient = models.ForeignKey("cases.Patient", on_delete=models.PROTECT, related_name="cases", db_constraint=False)
    requester = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    dossier = models.CharField(max_length=40)
    dossier_version = models.PositiveSmallIntegerField()
    data = models.JSONField(default=dict)
    # The discussion whose answers were carried forward, and the answers of this level that are still to be confirmed.
    carried_from = models.ForeignKey(
        "cases.Discussion", on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    to_confirm = models.JSONField(default=list)
    # Nobody, where a program of the hospital did it: the access log says which.
    created_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    created_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="case_id_hospital")]
        indexes = [models.Index(fields=["hospital", "-changed_at"]), models.Index(fields=["requester", "-changed_at"])]

    def __str__(self) -> str:
        return str(self.pk)


class Tumour(models.Model):
    """One tumour of a case; bilateral disease is two. ``data`` holds the tumour level of the dossier, ``profile`` the codes that follow
    from it (``cases/dossiers/profile.py``), by which looking back finds it: ``save`` keeps both together, in bulk the caller does."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="tumours", db_constraint=False)
    position = models.PositiveSmallIntegerField()
    data = models.JSONField(default=dict)
    profile = ArrayField(models.CharField(max_length=60), default=list, editable=False)
    to_confirm = models.JSONField(default=list)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="tumour_id_hospital"),
            models.UniqueConstraint(
                fields=["case", "position"], name="tumour_position", deferrable=models.Deferrable.DEFERRED
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.profile = profile(self.data)
        super().save(*args, **kwargs)
