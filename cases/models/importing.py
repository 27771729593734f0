from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.work import ClaimableWork


class ImportJob(ClaimableWork):
    """A list that somebody uploaded for one hospital: read, checked row by row, and then brought in row by row.

    The inherited ``state`` says whether there is work for the house to do (``waiting``); ``stage`` says where the list stands. The file
    lies encrypted until the import has ended; then it and the content of the rows are taken away, and what stays are numbers,
    digests and ids.
    """

    class Kind(models.TextChoices):
        SUBMISSIONS = "submissions", _("Submissions")
        DECISIONS = "decisions", _("Old decisions")

    class Stage(models.TextChoices):
        MAPPING = "mapping", _("Columns to choose")
        CHECKING = "checking", _("Being checked")
        PREVIEW = "preview", _("To look at")
        APPLYING = "applying", _("Being brought in")
        FINISHED = "finished", _("Brought in")
        STOPPED = "stopped", _("Stopped")
        DISCARDED = "discarded", _("Discarded")

    OPEN = (Stage.MAPPING, Stage.CHECKING, Stage.PREVIEW)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=12, choices=Kind)
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, null=True, related_name="+")
    stage = models.CharField(max_length=10, choices=Stage)
    by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    language = models.CharField(max_length=2, default="nl")  # in which errors are written
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    storage_name = models.CharField(max_length=40, blank=True)
    facts = models.JSONField(default=dict)  # how the file was read: kind, encoding, separator, sheets
    header = models.JSONField(default=list)
    samples = models.JSONField(default=list)  # of each column, the first few contents
    columns = models.JSONField(default=dict)  # {column from 0: field}
    row_count = models.PositiveIntegerField()
    checked = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=now)
    confirmed_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="import_id_hospital")]
        indexes = [models.Index(fields=["hospital", "-created_at"]), models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return str(self.pk)


class ImportRow(models.Model):
    """One row of an import. ``values`` are what its form is sent, by field; ``errors`` are sentences by field. ``key`` is a digest of what
    makes it this row and no other: a key is brought in once per hospital."""

    class State(models.TextChoices):
        READY = "ready", _("Ready")
        WRONG = "wrong", _("Not in order")
        KNOWN = "known", _("Here already")
        APPLIED = "applied", _("Brought in")
        FAILED = "failed", _("Not brought in")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="rows", db_constraint=False)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State)
    values = models.JSONField(default=dict)
    errors = models.JSONField(default=dict)
    key = models.CharField(max_length=64, blank=True)
    twin = models.PositiveIntegerField(null=True)  # the earlier row of the same file that says the same
    case_id = models.UUIDField(null=True)  # what it became, or what it had become before

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="import_row_id_hospital"),
            models.UniqueConstraint(fields=["job", "number"], name="import_row_number"),
            models.UniqueConstraint(fields=["hospital", "key"], condition=Q(state="applied"), name="import_row_once"),
        ]
        indexes = [models.Index(fields=["job", "state", "number"])]

    def __str__(self) -> str:
        return str(self.pk)
