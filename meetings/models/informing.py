from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class InformedStatement(models.Model):
    """Somebody said that the patient was told what one version of a decision says: by whom, on which day, how; or that this was said by
    mistake (``informed`` false). A row never changes: the newest of a version counts, the others are its history.

    ``words`` are for the patient: whoever states may add them, and they stand on the summary under their name. They are no part of what
    the board decided and signed.
    """

    class How(models.TextChoices):
        VISIT = "visit", _("At a consultation")
        PHONE = "phone", _("By telephone")
        VIDEO = "video", pgettext_lazy("how a patient was told", "By video")
        HOME = "home", _("At home")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, related_name="informed_statements", db_constraint=False
    )
    decision = models.ForeignKey(
        "meetings.Decision", on_delete=models.PROTECT, related_name="informed_statements", db_constraint=False
    )
    number = models.PositiveSmallIntegerField()
    informed = models.BooleanField()
    informer = models.CharField(max_length=200, blank=True)
    informed_on = models.DateField(null=True)
    how = models.CharField(max_length=10, choices=How, blank=True)
    words = models.TextField(max_length=4000, blank=True)
    stated_at = models.DateTimeField(default=now)
    stated_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="informedstatement_id_hospital"),
            models.UniqueConstraint(fields=["decision", "number"], name="informedstatement_number"),
            models.CheckConstraint(
                condition=models.Q(informed=False, informer="", informed_on=None, how="", words="")
                | (models.Q(informed=True, informed_on__isnull=False) & ~models.Q(informer="")),
                name="informedstatement_said",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Handover(models.Model):
    """The summary for the patient was given to them: which print of it, by whom, when, and by which way. A row never changes."""

    class Way(models.TextChoices):
        HAND = "hand", _("Handed over on paper")
        POST = "post", _("Sent by post")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    decision = models.ForeignKey(
        "meetings.Decision", on_delete=models.PROTECT, related_name="handovers", db_constraint=False
    )
    report = models.ForeignKey(
        "meetings.Report", on_delete=models.PROTECT, related_name="handovers", db_constraint=False
    )
    way = models.CharField(max_length=4, choices=Way)
    handed_at = models.DateTimeField(default=now)
    handed_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="handover_id_hospital")]
        ordering = ["-handed_at"]

    def __str__(self) -> str:
        return str(self.pk)
