from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.work import ClaimableWork


class Channel(models.TextChoices):
    """By which way a report goes out, beside the mail with a link."""

    HL7 = "hl7", _("HL7 v2 to the record system")
    FHIR = "fhir", _("FHIR to the record system")
    EHEALTHBOX = "ehealthbox", _("eHealthBox, through the hospital's messaging")
    PAPER = "paper", _("Letter on paper")


class Role(models.TextChoices):
    """To whom: the record system, or somebody whom the case names."""

    RECORD = "record", _("Record system")
    GP = "gp", _("GP")
    REQUESTER = "requester", _("Requester")


class Route(models.Model):
    """A way by which a hospital's signed reports go out. ``settings`` is what the channel asks for (``meetings/delivering/routes.py`` has its
    shape); a secret is kept as an encrypted file, of which ``secret_name`` is the name. A route is switched off, never deleted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=60)
    channel = models.CharField(max_length=10, choices=Channel)
    kinds = ArrayField(models.CharField(max_length=10), default=list)  # of reports
    recipients = ArrayField(models.CharField(max_length=10, choices=Role), default=list)
    settings = models.JSONField(default=dict)
    secret_name = models.CharField(max_length=40, blank=True)
    active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="route_id_hospital"),
            models.UniqueConstraint(fields=["hospital", "name"], name="route_name"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Dispatch(ClaimableWork):
    """One report by one route to one recipient. A repetition leaves with the same ids (``meetings/delivering/documents.py``). It holds ids and
    states only. ``trial``: a made-up document, to see whether the route works. A letter on paper waits for somebody, not for the worker.

    ``last_error`` is a code of ``meetings/delivering/faults.py``, never what the other side said.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    route = models.ForeignKey(Route, on_delete=models.PROTECT, related_name="dispatches", db_constraint=False)
    channel = models.CharField(max_length=10, choices=Channel)
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.PROTECT, null=True, related_name="dispatches")
    report = models.ForeignKey(
        "meetings.Report", on_delete=models.PROTECT, null=True, related_name="dispatches", db_constraint=False
    )
    role = models.CharField(max_length=10, choices=Role)
    recipient = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    trial = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["report", "route", "role", "recipient"],
                condition=Q(trial=False),
                nulls_distinct=False,
                name="dispatch_once",
            ),
            models.CheckConstraint(
                condition=Q(trial=True, report=None, meeting=None)
                | Q(trial=False, report__isnull=False, meeting__isnull=False),
                name="dispatch_of_a_report",
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return str(self.pk)
