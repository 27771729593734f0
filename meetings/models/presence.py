from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Lease(models.Model):
    """One connection to a room: who, for which organisation, by which means, through which process.

    Refreshed every 5 s by its process, dead after 15 s, then ended at ``seen_at``. Attendance is derived from leases.
    """

    class Means(models.TextChoices):
        VIDEO = "video"
        ROOM = "room"
        PHONE = "phone"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="leases")
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    means = models.CharField(max_length=6, choices=Means, default=Means.VIDEO)
    process = models.CharField(max_length=60)
    opened_at = models.DateTimeField(default=now)
    seen_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["meeting", "person"]), models.Index(fields=["process", "ended_at"])]

    def __str__(self) -> str:
        return str(self.pk)
