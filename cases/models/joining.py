from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Merge(models.Model):
    """Two records of one hospital were found to be one patient's: which went up in which, and which cases went along.

    ``made_by`` is the actor, who may be the house on behalf of the hospital's record system. The row stays when it is undone.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    survivor = models.ForeignKey("cases.Patient", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    merged = models.ForeignKey("cases.Patient", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    case_ids = ArrayField(models.UUIDField(), default=list)
    link_ids = ArrayField(models.UUIDField(), default=list)
    made_by = models.UUIDField()
    made_at = models.DateTimeField(default=now)
    undone_by = models.UUIDField(null=True)
    undone_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="merge_id_hospital"),
            models.UniqueConstraint(fields=["merged"], condition=Q(undone_at=None), name="merge_once"),
            models.CheckConstraint(condition=~Q(survivor=F("merged")), name="merge_of_two"),
        ]
        indexes = [models.Index(fields=["survivor"])]

    def __str__(self) -> str:
        return str(self.pk)


class Link(models.Model):
    """Two hospitals' patients are one person, as the secretary of one board says, for that board alone. ``hospital`` organises it.

    ``one`` has the smaller id. A link ends by hand; it counts only while the board knows a referral of both.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="+")
    one = models.ForeignKey("cases.Patient", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    one_hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    other = models.ForeignKey("cases.Patient", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    other_hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    made_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=now)
    ended_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="link_id_hospital"),
            models.UniqueConstraint(fields=["board", "one", "other"], condition=Q(ended_at=None), name="link_once"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="link_in_order"),
            models.CheckConstraint(condition=~Q(one_hospital=F("other_hospital")), name="link_of_two_hospitals"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
