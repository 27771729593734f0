from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Voice(models.Model):
    """What one person said when the wording of a recommendation was read back: confirmed it, or dissents and why.

    ``round`` counts the read-backs of the item: a wording that was changed is read back anew, and what was said of the one
    before counts no more. Recording copies the voices of the last round into the decision.
    """

    class Kind(models.TextChoices):
        CONFIRM = "confirm", _("Confirms")
        DISSENT = "dissent", _("Dissents")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey(
        "meetings.AgendaItem", on_delete=models.PROTECT, related_name="voices", db_constraint=False
    )
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False)
    person = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    discipline = models.CharField(max_length=40, blank=True)
    round = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=8, choices=Kind)
    reason = models.TextField(blank=True, max_length=2000)
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="voice_id_hospital"),
            models.UniqueConstraint(fields=["item", "person", "round"], name="voice_once"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Remark(models.Model):
    """Something that somebody wrote beside an item: chat at the table, or a late remark on what was recorded already.

    Both are kept and part of the case's dossier; the page says so beside the box.
    """

    class Kind(models.TextChoices):
        CHAT = "chat", _("Chat")
        LATE = "late", _("Late remark")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey(
        "meetings.AgendaItem", on_delete=models.PROTECT, related_name="remarks", db_constraint=False
    )
    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, null=True, related_name="remarks", db_constraint=False
    )
    by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind)
    text = models.TextField(max_length=4000)
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="remark_id_hospital")]
        indexes = [models.Index(fields=["item", "at"])]

    def __str__(self) -> str:
        return str(self.pk)
