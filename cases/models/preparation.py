from django.db import models
from django.db.models import Q

from mdo.directory import disciplines
from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class PreparationNote(models.Model):
    """What one person left for the table before a referral is discussed: that they looked at it (*seen*), and perhaps a note.

    A change is a new row with the next version; the one before it is kept with the moment at which it was replaced. The row in
    force has no such moment. ``case_version`` is the dossier as it was looked at, so that a later change can be told.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    referral = models.ForeignKey(
        "cases.Referral", on_delete=models.PROTECT, related_name="preparation", db_constraint=False
    )
    author = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    discipline = models.CharField(max_length=60, blank=True)  # the author's, when it was written
    text = models.TextField(blank=True, max_length=4000)  # empty: seen, and nothing to add
    case_version = models.PositiveIntegerField()
    version = models.PositiveIntegerField(default=1)
    at = models.DateTimeField(default=now)
    replaced_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["at"]
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="preparation_id_hospital"),
            models.UniqueConstraint(fields=["referral", "author", "version"], name="preparation_version"),
            models.UniqueConstraint(
                fields=["referral", "author"], condition=Q(replaced_at=None), name="preparation_one_in_force"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def discipline_words(self) -> str:
        """The author's discipline in the reader's language; empty where there is none."""
        return disciplines.words(self.discipline)
