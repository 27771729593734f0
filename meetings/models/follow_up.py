from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.ids import new_id


class FollowUp(models.Model):
    """Whether what a board recommended for one case was done: asked once for each signed decision, answered by whoever knows.

    A correction takes the row over, with its answer. ``due_on``: from that day on it is asked (of the board's calendar).
    ``reason``: a code of the board's kind, for what was not done as recommended. ``answered_at``: of *other treatment*, since when that is
    the answer; of the others, when it was given last.
    """

    class Outcome(models.TextChoices):
        CARRIED_OUT = "carried_out", _("Carried out")
        PARTLY = "partly", _("Partly carried out")
        NOT = "not", _("Not carried out")
        OTHER = "other", _("Other treatment")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="follow_ups", db_constraint=False)
    item = models.OneToOneField(
        "meetings.AgendaItem", on_delete=models.PROTECT, related_name="follow_up", db_constraint=False
    )
    decision = models.ForeignKey(
        "meetings.Decision", on_delete=models.PROTECT, related_name="follow_ups", db_constraint=False
    )
    due_on = models.DateField()
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True)
    reason = models.CharField(max_length=40, blank=True)
    note = models.CharField(max_length=1000, blank=True)
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="followup_id_hospital"),
            models.CheckConstraint(
                condition=models.Q(outcome="", answered_at=None)
                | (~models.Q(outcome="") & models.Q(answered_at__isnull=False)),
                name="followup_answered",
            ),
        ]
        indexes = [models.Index(fields=["hospital", "due_on"], condition=models.Q(outcome=""), name="followup_open")]

    def __str__(self) -> str:
        return str(self.pk)


class DecisionAction(models.Model):
    """What becomes of one action of a signed decision. What, who and by when were signed (``Decision.agreed``) and are repeated here
    to be found; ``key`` is the action's id there. ``dropped``: the correction that is in force does not hold it any more."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, null=True, related_name="decision_actions", db_constraint=False
    )
    item = models.ForeignKey(
        "meetings.AgendaItem", on_delete=models.PROTECT, related_name="decision_actions", db_constraint=False
    )
    decision = models.ForeignKey(
        "meetings.Decision", on_delete=models.PROTECT, related_name="actions", db_constraint=False
    )
    key = models.UUIDField()
    text = models.CharField(max_length=500)
    owner = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    due_on = models.DateField()
    dropped = models.BooleanField(default=False)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="decisionaction_id_hospital"),
            models.UniqueConstraint(fields=["item", "key"], name="decisionaction_once"),
        ]
        indexes = [
            models.Index(
                fields=["owner", "due_on"], condition=models.Q(done_at=None, dropped=False), name="decisionaction_open"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
