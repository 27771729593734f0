from django.db import models


class DecisionSeal(models.Model):
    """What anybody may learn of a signed decision from its printed report: that it was signed, by which board and when, and whether
    a newer version replaced it. ``code`` is made by chance and tells nothing; ``digest`` is the beginning of the decision's."""

    code = models.CharField(primary_key=True, max_length=16)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="+")
    decision = models.OneToOneField(
        "meetings.Decision", on_delete=models.PROTECT, related_name="seal", db_constraint=False
    )
    number = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=12)
    signed_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.code
