from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Grant(models.Model):
    """Somebody may see a case for a while: a guest or observer while their item is open (``slot``).

    ``until`` is a hard end: a grant that nobody closed ends by itself. ``source_id`` is what it came from (the agenda item).
    """

    class Via(models.TextChoices):
        SLOT = "slot"
        BREAK_GLASS = "break_glass"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    case = models.ForeignKey("cases.Case", on_delete=models.CASCADE, related_name="grants", db_constraint=False)
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    via = models.CharField(max_length=12, choices=Via)
    source_id = models.UUIDField()
    given_at = models.DateTimeField(default=now)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="grant_id_hospital")]
        indexes = [models.Index(fields=["case", "person"]), models.Index(fields=["source_id"])]

    def __str__(self) -> str:
        return str(self.pk)
