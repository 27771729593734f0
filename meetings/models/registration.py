from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class RegistryExport(models.Model):
    """A file that left the house: the registrations or the billing lines of one hospital's patients in a period. The file lies encrypted;
    ``boards``: whose meetings it covers; ``left_out``: how many cases of the period were not ready."""

    class What(models.TextChoices):
        REGISTRY = "registry", _("For the registry")
        BILLING = "billing", _("For invoicing")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    what = models.CharField(max_length=10, choices=What)
    boards = ArrayField(models.UUIDField(), default=list)
    since = models.DateField()
    until = models.DateField()
    rows = models.PositiveIntegerField()
    changed = models.PositiveIntegerField()
    left_out = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    storage_name = models.CharField(max_length=40)
    made_at = models.DateTimeField(default=now)
    made_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="registryexport_id_hospital")]
        indexes = [models.Index(fields=["hospital", "-made_at"])]

    def __str__(self) -> str:
        return str(self.pk)


class Kept(models.Model):
    """What a form and a billing line have in common. The signature proposes them; ``saved_by`` is whoever confirmed them, nobody
    until then, whatever ``state`` says.
    ``decision`` is the version of the decision that was looked at: once another one is in force it has to be looked at again. ``exported_digest``: of what stands in the last file that holds it."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Not complete")
        COMPLETE = "complete", _("Complete")
        EXPORTED = "exported", _("Exported")
        NOT_APPLICABLE = "none", _("Not applicable")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    decision = models.ForeignKey("meetings.Decision", on_delete=models.PROTECT, related_name="+", db_constraint=False)
    day = models.DateField()  # of the meeting, in the board's zone: an export goes by it
    rule_set = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    reasons = models.JSONField(default=list)
    missing = models.JSONField(default=list)
    saved_at = models.DateTimeField(default=now)
    saved_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    export = models.ForeignKey(
        RegistryExport, on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    exported_at = models.DateTimeField(null=True)
    exported_digest = models.CharField(max_length=64, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def changed_since(self) -> bool:
        """Whether what stands in the last file is not what stands here."""
        return bool(self.exported_digest) and self.state != self.State.EXPORTED


class RegistrationForm(Kept):
    """The registration of one tumour after one signed decision. ``kind``: the form, empty where none applies; ``chosen``: what somebody
    chose against the rules; ``answers``: what the dossier asks and did not hold; ``values``: each column of the file as it was saved.
    ``tumour_id`` is no relation: a tumour may be taken out of the case later, its registration stays. ``seen``: a digest of the tumour as it
    stood in the case when this was saved; ``taken``: the answers that were changed there since the discussion and are registered so."""

    item = models.ForeignKey(
        "meetings.AgendaItem", on_delete=models.PROTECT, related_name="registration_forms", db_constraint=False
    )
    tumour_id = models.UUIDField()
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=20, blank=True)
    chosen = models.CharField(max_length=20, blank=True)
    chronology = models.JSONField(default=list)
    answers = models.JSONField(default=dict)
    values = models.JSONField(default=dict)
    seen = models.CharField(max_length=64, blank=True, default="", db_default="")
    taken = models.JSONField(default=dict, db_default=models.Value({}, models.JSONField()))

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="registrationform_id_hospital"),
            models.UniqueConstraint(fields=["item", "tumour_id"], name="registrationform_once"),
        ]
        indexes = [models.Index(fields=["hospital", "day"], name="registrationform_period")]


class BillingLine(Kept):
    """What is billed for one case after one signed decision. ``lines``: for each code ``{"service", "code", "person", "name",
    "licence_number"}``; ``requested_on``: the day of the written request, empty where there is none. ``version``: of the case's whole
    registration, its forms included."""

    class Setting(models.TextChoices):
        AMBULATORY = "ambulatory", _("Ambulatory")
        HOSPITALISED = "hospitalised", _("Hospitalised")

    item = models.OneToOneField(
        "meetings.AgendaItem", on_delete=models.PROTECT, related_name="billing_line", db_constraint=False
    )
    service = models.CharField(max_length=24, blank=True)
    setting = models.CharField(max_length=12, choices=Setting, blank=True)
    requested_on = models.DateField(null=True)
    elsewhere = models.BooleanField(null=True)
    lines = models.JSONField(default=list)
    values = models.JSONField(default=dict)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="billingline_id_hospital")]
        indexes = [models.Index(fields=["hospital", "day"], name="billingline_period")]
