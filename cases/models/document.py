from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Document(models.Model):
    """A file of a case. Its bytes lie encrypted under a random name and are served only through access control."""

    class Kind(models.TextChoices):
        PATHOLOGY = "pathology", _("Pathology")
        IMAGING = "imaging", _("Imaging")
        LETTER = "letter", _("Letter")
        LABORATORY = "laboratory", _("Laboratory")
        OTHER = "other", _("Other")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey("cases.Case", on_delete=models.PROTECT, related_name="documents", db_constraint=False)
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.OTHER)
    name = models.CharField(max_length=200)
    content_type = models.CharField(max_length=40)
    size = models.PositiveBigIntegerField()
    pages = models.PositiveIntegerField(null=True)
    sha256 = models.CharField(max_length=64)
    storage_name = models.CharField(max_length=40, unique=True)
    shared_with_guests = models.BooleanField(default=False)
    uploaded_by = models.ForeignKey("directory.Person", on_delete=models.PROTECT, null=True, related_name="+")
    uploaded_at = models.DateTimeField(default=now)
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["uploaded_at"]
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="document_id_hospital")]

    def __str__(self) -> str:
        return str(self.pk)
