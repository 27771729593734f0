from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id
from mdo.kernel.work import ClaimableWork


class Decision(models.Model):
    """What a board decided about one agenda item: draft → recorded → signed → replaced by a new version.

    ``hospital`` is the item's. ``steps`` is a list of ``{"kind": code, "text": str}``. Recording freezes the attendance and the
    quorum; signing sets number and hash in the board's chain, after which a database trigger refuses any change but ``replaced``.

    ``imported`` stands beside that road: an old decision from another system, which nobody recorded or signed here. It has no place in
    the chain, never changes, and ``imported`` holds what the old record said of participants, signature and requester, as text.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        RECORDED = "recorded", _("Recorded")
        SIGNED = "signed", _("Signed")
        REPLACED = "replaced", _("Replaced")
        IMPORTED = "imported", _("Imported, not signed here")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="decisions")
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.PROTECT, related_name="decisions")
    item = models.ForeignKey(
        "meetings.AgendaItem", on_delete=models.PROTECT, related_name="decisions", db_constraint=False
    )
    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, null=True, related_name="decisions", db_constraint=False
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    intent = models.CharField(max_length=40, blank=True)
    steps = models.JSONField(default=list)
    text = models.TextField(blank=True, max_length=20_000)
    deviation = models.CharField(max_length=1000, blank=True)  # why the guideline is not followed
    agreed = models.JSONField(
        default=dict
    )  # guideline, trial, who informs, actions: ``meetings/agreed.py`` has its shape
    discussion = models.TextField(blank=True, max_length=20_000)
    protocol = models.CharField(max_length=120, blank=True)  # recorded by this protocol, without discussion
    # Who confirmed the wording when it was read back, and who dissents and why; frozen when it is recorded.
    voices = models.JSONField(default=list)
    text_digest = models.CharField(max_length=64, blank=True)  # SHA-256 of the typed texts as they were frozen
    draft_version = models.PositiveIntegerField(default=1)
    edited_by = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    attendance = models.JSONField(default=list)
    quorum = models.JSONField(default=dict)
    recorded_at = models.DateTimeField(null=True)
    recorded_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    version = models.PositiveSmallIntegerField(default=1)
    content_version = models.PositiveSmallIntegerField(default=3)  # which list of fields the chain's digest covers
    replaces = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="replaced_by")
    correction_reason = models.CharField(max_length=1000, blank=True)  # why this version replaces the one before it
    signed_at = models.DateTimeField(null=True)
    signed_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    number = models.PositiveBigIntegerField(null=True)  # place in the board's chain
    previous_digest = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True)
    imported_at = models.DateTimeField(null=True)
    imported_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    imported = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="decision_id_hospital"),
            models.CheckConstraint(
                condition=Q(state="imported", imported_at__isnull=False, number=None, signed_at=None, digest="")
                | (~Q(state="imported") & Q(imported_at=None)),
                name="decision_imported_unsigned",
            ),
            models.UniqueConstraint(fields=["board", "number"], name="decision_board_number"),
            # Of each item there is at most one version being made and at most one in force: a correction stands beside the
            # signed version that it will replace.
            models.UniqueConstraint(
                fields=["item"], condition=Q(state__in=["draft", "recorded"]), name="decision_one_open"
            ),
            models.UniqueConstraint(fields=["item"], condition=Q(state="signed"), name="decision_one_signed"),
        ]
        indexes = [models.Index(fields=["board", "state", "-signed_at"]), models.Index(fields=["case"])]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def without_discussion(self) -> bool:
        """Whether a protocol decided: nobody took part, and it gives no billing line (DOMAIN §6). It is registered all the same."""
        return bool(self.protocol)


class Report(ClaimableWork):
    """A document to make, and then the document: the report of one decision, the letter to the patient's GP, the summary for the
    patient, or the minutes of one meeting.

    A row is work until its file is there. A report of a decision that was not signed yet says so on every page and is made
    again when it is signed: ``edition`` is the state of the decision that it shows. Letter and summary are made of signed decisions, and
    anew with each statement whether the patient was informed (``statement``). ``recipient`` is the person for whom it was made, where
    that is one, in ``language``, theirs: a GP of whom only the name is known and the patient are none.
    """

    class Kind(models.TextChoices):
        CASE = "case", _("Report")
        MINUTES = "minutes", pgettext_lazy("document", "Minutes")
        LETTER = "letter", _("Letter to the GP")
        SUMMARY = "summary", _("Summary for the patient")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind)
    meeting = models.ForeignKey("meetings.Meeting", on_delete=models.PROTECT, related_name="reports")
    decision = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, related_name="reports", db_constraint=False
    )
    statement = models.ForeignKey(
        "meetings.InformedStatement", on_delete=models.PROTECT, null=True, related_name="+", db_constraint=False
    )
    recipient = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    edition = models.CharField(max_length=10)  # "recorded" or "signed"
    language = models.CharField(max_length=2, default="nl")
    storage_name = models.CharField(max_length=40, blank=True)
    word_name = models.CharField(max_length=40, blank=True)  # the same content as DOCX: ``making.WORD_KEPT``
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="report_id_hospital"),
            models.UniqueConstraint(
                fields=["decision", "kind", "edition", "language", "statement"],
                name="report_of_decision",
                nulls_distinct=False,
                condition=Q(decision__isnull=False),
            ),
            models.UniqueConstraint(
                fields=["meeting", "edition", "language"], condition=Q(kind="minutes"), name="report_minutes"
            ),
        ]
        indexes = [models.Index(fields=["state", "due_at"])]

    def __str__(self) -> str:
        return str(self.pk)
