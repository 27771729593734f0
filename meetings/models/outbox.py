from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.work import ClaimableWork, State


class Reminder(ClaimableWork):
    """Something to remind people of, once for a sitting: ``kind`` is a rule of ``board_kinds.yaml`` (`reminder_rules`)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="reminders")
    kind = models.CharField(max_length=12)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["meeting", "kind"], name="reminder_once")]
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.meeting_id}"


class ReminderSettings(models.Model):
    """What a board changed of its kind's reminders. ``rules``: {code: {"on": bool, "days": n, "to": [role, …]}}; what is not in it
    is as the kind says. ``hospital`` is the organiser."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.OneToOneField("directory.Board", on_delete=models.CASCADE, related_name="+")
    rules = models.JSONField(default=dict)
    send_at = models.TimeField()
    quiet_from = models.TimeField()
    quiet_until = models.TimeField()
    version = models.PositiveIntegerField(default=1)

    def __str__(self) -> str:
        return str(self.pk)


class Delivery(ClaimableWork):
    """One mail to one person. It carries a link and no care content; a repetition has the same ``message_id``."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", _("Invitation")
        CANCELLATION = "cancellation", _("Cancellation")
        REPORTS = "reports", _("Reports ready")
        DIGEST = "digest", _("Digest of reminders")
        RETURNED = "returned", _("Submission returned")
        CALL_IN = "call_in", _("Your item comes soon")
        GUEST_LINK = "guest_link", _("Link for a guest")
        GUEST_CODE = "guest_code", _("Code for a guest")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, null=True, related_name="deliveries")
    recipient = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    # What makes it one: "publish:3", "closed". One mail per person, meeting, kind and occasion.
    occasion = models.CharField(max_length=40)
    detail = models.JSONField(default=dict)  # ids and numbers only
    message_id = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting", "recipient", "kind", "occasion"], name="delivery_once"),
            # One digest for a person, whatever falls due: another one begins when this one is out.
            models.UniqueConstraint(
                fields=["recipient"],
                condition=models.Q(kind="digest", state=State.WAITING),
                name="delivery_one_digest",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return str(self.pk)


class DigestLine(models.Model):
    """That somebody is to be reminded of one thing at one sitting, in their digest. What it says is read when the digest goes out:
    the row holds no content. ``why`` is the code of a reason (``meetings/reminders.py``) where it was dropped."""

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        DROPPED = "dropped"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    meeting = models.ForeignKey(
        "meetings.Meeting", on_delete=models.CASCADE, related_name="digest_lines", db_constraint=False
    )
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=12)
    occasion = models.CharField(max_length=40)  # what makes it one: "rule", "again:2026-11-24"
    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, null=True, related_name="lines")
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    why = models.CharField(max_length=20, blank=True)
    added_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting", "person", "kind", "occasion"], name="digest_line_once"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
