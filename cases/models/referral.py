from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Referral(models.Model):
    """A case put before a board, with its question. The thing that travels: draft → submitted → … → discussed."""

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Submitted")
        RETURNED = "returned", _("Returned")
        ACCEPTED = "accepted", _("Accepted")
        SCHEDULED = "scheduled", _("Scheduled")
        DISCUSSED = "discussed", _("Discussed")
        POSTPONED = "postponed", _("Postponed")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    # What a board's people may know of: everything that was handed in and not taken back before it was on an agenda.
    KNOWN_TO_BOARD = (
        Status.SUBMITTED,
        Status.RETURNED,
        Status.ACCEPTED,
        Status.SCHEDULED,
        Status.DISCUSSED,
        Status.POSTPONED,
    )
    # What the requester's side may still change.
    EDITABLE = (Status.DRAFT, Status.RETURNED, Status.SUBMITTED, Status.ACCEPTED, Status.SCHEDULED, Status.POSTPONED)

    # What lies with the requester's side and is saved while it is typed; what a board works with changes when somebody says so.
    DRAFTED = (Status.DRAFT, Status.RETURNED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="referrals", db_constraint=False)
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="referrals")
    requester = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    requested_on = models.DateField()  # date of the written request
    question = models.TextField(max_length=4000)
    reason = models.CharField(max_length=40)  # a code of the board kind: new diagnosis, recurrence, …
    informs_patient = models.CharField(max_length=200, blank=True)
    guest = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    wanted_meeting = models.UUIDField(
        null=True, blank=True
    )  # cases knows no meetings: only the id of the wished-for sitting
    status = models.CharField(max_length=12, choices=Status, default=Status.DRAFT)
    returned_reason = models.CharField(max_length=1000, blank=True)
    late = models.BooleanField(default=False)
    imported = models.BooleanField(default=False)  # of an old decision of another system: nobody handed it in here
    submitted_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="referral_id_hospital")]
        indexes = [
            models.Index(fields=["board", "status"]),
            models.Index(fields=["case"]),
            models.Index(fields=["requester", "status"]),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def saves_itself(self) -> bool:
        """Whether its form is saved while somebody types."""
        return self.status in self.DRAFTED
