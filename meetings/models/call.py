from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class CallRoom(models.Model):
    """A room of the media server: one for each epoch of a meeting's call. Work: from ``ends_at`` on it is to be ended there."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="call_rooms")
    epoch = models.PositiveIntegerField()
    made_at = models.DateTimeField(default=now)
    ends_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["meeting", "epoch"], name="call_room_once")]
        indexes = [models.Index(fields=["ends_at"], condition=models.Q(ended_at=None), name="call_room_due")]

    def __str__(self) -> str:
        return str(self.pk)


class CallStay(models.Model):
    """From when until when somebody was in the call, as the media server itself tells it. Counts for attendance beside the leases.

    ``person`` is nobody for a telephone; then ``name`` is the number or name that it came with, as the server shows it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="call_stays")
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, null=True, related_name="+")
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, null=True, related_name="+")
    peer = models.CharField(max_length=80)
    session = models.CharField(max_length=80)  # the server's own id of this stay: told twice, it is one
    name = models.CharField(max_length=200, blank=True)
    means = models.CharField(max_length=6, default="video")
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["meeting", "session"], name="call_stay_once")]

    def __str__(self) -> str:
        return str(self.pk)
