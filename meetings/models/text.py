from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class TextDocument(models.Model):
    """A text that several people type at once: one field of one item, as a Yjs document. ``n`` numbers its last update.

    Frozen while it is read back and once it is recorded: no update is taken any more. The rows of ``TextUpdate`` are the truth,
    any process may hold the document in memory.
    """

    class Field(models.TextChoices):
        DISCUSSION = "discussion"
        RECOMMENDATION = "recommendation"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="+")
    item = models.ForeignKey("meetings.AgendaItem", on_delete=models.PROTECT, related_name="texts", db_constraint=False)
    case = models.ForeignKey(
        "cases.Case", on_delete=models.PROTECT, null=True, related_name="texts", db_constraint=False
    )
    field = models.CharField(max_length=16, choices=Field)
    n = models.PositiveIntegerField(default=0)
    frozen = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="text_id_hospital"),
            models.UniqueConstraint(fields=["item", "field"], name="text_of_item"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class TextUpdate(models.Model):
    """One Yjs update (v1 encoding) of a document, the ``n``-th. Rows are added, never changed."""

    document = models.ForeignKey(TextDocument, on_delete=models.PROTECT, related_name="updates", db_constraint=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    n = models.PositiveIntegerField()
    data = models.BinaryField()
    by = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="text_update_id_hospital"),
            models.UniqueConstraint(fields=["document", "n"], name="text_update_n"),
        ]

    def __str__(self) -> str:
        return f"{self.document_id} {self.n}"
