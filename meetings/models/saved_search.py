from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class SavedSearch(models.Model):
    """A search of decisions that somebody keeps under a name: what was asked, never what was found. Seen by that person alone.

    ``asked`` holds the fields of the form as they were sent (words, days, the value of each facet). ``hospital`` is the one for which
    the person acted; what is found follows from where they act when they ask again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=80)
    asked = models.JSONField(default=dict)
    made_at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="savedsearch_id_hospital"),
            models.UniqueConstraint(fields=["person", "name"], name="savedsearch_name"),
        ]

    def __str__(self) -> str:
        return str(self.pk)
