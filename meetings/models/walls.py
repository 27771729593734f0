from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class WallDisplay(models.Model):
    """A screen on a wall that was paired with a meeting: it shows what ``paired_by`` may see there, acting for ``organisation``.

    A screen that waits with its code has no row (``meetings/walls.py``). Of the secret in the screen's cookie there is the digest
    alone. ``hospital`` is the meeting's.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="walls", db_constraint=False)
    key_digest = models.CharField(max_length=64)
    paired_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    paired_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key_digest"], condition=models.Q(ended_at=None), name="wall_paired_once")
        ]
        indexes = [models.Index(fields=["meeting", "ended_at"])]

    def __str__(self) -> str:
        return str(self.pk)
