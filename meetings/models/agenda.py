from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mdo.kernel.ids import new_id


class Topic(models.Model):
    """Something on the agenda that is about no patient."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="topics")
    title = models.CharField(max_length=300)
    text = models.TextField(blank=True, max_length=4000)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="topic_id_hospital")]

    def __str__(self) -> str:
        return str(self.pk)


class AgendaItem(models.Model):
    """A referral or a topic on one meeting's agenda. ``hospital`` is the referral's, or the organiser's for a topic."""

    class State(models.TextChoices):
        SCHEDULED = "scheduled", _("Scheduled")
        OPEN = "open", _("Open")
        DISCUSSED = "discussed", _("Discussed")
        POSTPONED = "postponed", _("Postponed")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="items")
    referral = models.ForeignKey(
        "cases.Referral", on_delete=models.PROTECT, null=True, related_name="items", db_constraint=False
    )
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, null=True, related_name="items", db_constraint=False)
    position = models.PositiveIntegerField()
    minutes = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.SCHEDULED)
    late = models.BooleanField(default=False)
    # Whether the case missed nothing of what its board asks for when the sitting began; None: it was not on the agenda then.
    complete = models.BooleanField(null=True, default=None)
    opened_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    # Every time that the item was open: [[from, to], …] (ISO, UTC). The last one has no end while the item is open.
    open_intervals = models.JSONField(default=list)
    postponed_reason = models.CharField(max_length=40, blank=True)
    postponed_note = models.CharField(max_length=500, blank=True)
    postponed_to = models.ForeignKey("meetings.Meeting", on_delete=models.SET_NULL, null=True, related_name="+")
    parked = models.BooleanField(default=False)  # waits beside the order: comes after everything that is in it
    break_after = models.PositiveSmallIntegerField(default=0)  # minutes of the break that is planned after it; 0: none
    protocol = models.CharField(
        max_length=120, blank=True
    )  # the protocol that covers the case: recorded without discussion
    protocol_reference = models.CharField(max_length=200, blank=True)  # where it is written: the guideline, its section
    # What a proposed order does justice to. `needs`: codes of disciplines; None is what the dossier says.
    needs = models.JSONField(null=True, default=None)
    heavy = models.BooleanField(default=False)
    locked = models.BooleanField(default=False)  # keeps its place
    guest_from = models.DateTimeField(null=True)
    guest_until = models.DateTimeField(null=True)
    # The read-back that stands: since when, by whom, and the how-manieth of this item.
    read_back_at = models.DateTimeField(null=True)
    read_back_by = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    read_back_round = models.PositiveSmallIntegerField(default=0)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="item_id_hospital"),
            models.UniqueConstraint(
                fields=["meeting", "position"], name="item_position", deferrable=models.Deferrable.DEFERRED
            ),
            models.UniqueConstraint(fields=["meeting", "referral"], name="item_referral_once"),
            models.UniqueConstraint(fields=["meeting"], condition=Q(state="open"), name="item_one_open"),
            models.CheckConstraint(
                condition=Q(referral__isnull=False, topic__isnull=True) | Q(referral__isnull=True, topic__isnull=False),
                name="item_referral_or_topic",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
