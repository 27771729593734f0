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
    # In the call while this holds something: {"mic", "camera", "screen", "hand", "low", "guest", "speak", "since", "hand_at"}.
    call = models.JSONField(null=True)
    call_peer = models.UUIDField(null=True)  # what the connection is called in the call; kept when somebody comes back
    call_epoch = models.PositiveIntegerField(null=True)  # of the last ticket that it was given…
    call_ticket_at = models.DateTimeField(
        null=True
    )  # …and when: a ticket works for ten minutes, whatever becomes of the socket

    class Meta:
        indexes = [models.Index(fields=["meeting", "person"]), models.Index(fields=["process", "ended_at"])]

    def __str__(self) -> str:
        return str(self.pk)


class Beside(models.Model):
    """Somebody who sits before another person's screen: there while that one is, by name and discipline.

    ``person`` where it is somebody whom the directory knows; then profession and discipline are theirs.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="beside")
    host = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=200)
    discipline = models.CharField(max_length=40)
    since = models.DateTimeField(default=now)
    until = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["meeting", "host"])]

    def __str__(self) -> str:
        return str(self.pk)


class Delegation(models.Model):
    """What the chair's side handed to somebody for this one meeting: to chair it as a deputy, or to record."""

    class Kind(models.TextChoices):
        CHAIR = "chair"
        SCRIBE = "scribe"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="delegations")
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=6, choices=Kind)
    given_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    given_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["meeting", "person", "kind"], condition=models.Q(ended_at=None), name="delegation_once"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)


class CallIn(models.Model):
    """Somebody was told that their item comes soon: in the page when they were in the room, else by mail. Once for an item."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="call_ins")
    item = models.ForeignKey("meetings.AgendaItem", on_delete=models.CASCADE, related_name="call_ins")
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    by_mail = models.BooleanField()
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "person"], name="call_in_once")]

    def __str__(self) -> str:
        return str(self.pk)
