from django.db import models

from mdo.kernel.ids import new_id


class ProtocolRule(models.Model):
    """When a board's protocol covers a case, so that it can be recorded without discussion. A setting of the board.

    ``conditions`` is a list of ``{"level", "field", "test", "values"}`` (``cases/dossiers/protocols.py``), all of which must hold.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    board = models.ForeignKey("directory.Board", on_delete=models.CASCADE, related_name="protocol_rules")
    name = models.CharField(max_length=120)
    reference = models.CharField(max_length=200, blank=True)
    conditions = models.JSONField(default=list)
    active = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.UniqueConstraint(fields=["board", "name"], name="protocol_rule_name")]

    def __str__(self) -> str:
        return str(self.pk)
