from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.work import ClaimableWork


class Reminder(ClaimableWork):
    """Something to remind people of, once: the deadline of a meeting is near, signatures are waiting."""

    class Kind(models.TextChoices):
        DEADLINE = "deadline", _("Deadline near")
        SIGNATURE = "signature", _("Signature waiting")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.CASCADE, related_name="reminders")
    kind = models.CharField(max_length=12, choices=Kind)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["meeting", "kind"], name="reminder_once")]
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.meeting_id}"


class Delivery(ClaimableWork):
    """One mail to one person. It carries a link and no care content; a repetition has the same ``message_id``."""

    class Kind(models.TextChoices):
        INVITATION = "invitation", _("Invitation")
        CANCELLATION = "cancellation", _("Cancellation")
        REPORTS = "reports", _("Reports ready")
        DEADLINE = "deadline", _("Deadline near")
        SIGNATURE = "signature", _("Signature waiting")
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
        ]
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return str(self.pk)
