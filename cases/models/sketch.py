from typing import Final

from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Sketch(models.Model):
    """What somebody has typed into the form of a new case, before there is a case: theirs alone, in the hospital for which they act.

    ``values`` is the text by field as it was typed, right or wrong. The row goes when the case is made, when its author throws it
    away, and by itself.
    """

    # What is kept of the form: the fields in which somebody writes or chooses.
    FIELDS: Final = (
        "national_number",
        "no_number",
        "other_identifier",
        "other_identifier_reason",
        "record_number",
        "family_name",
        "given_name",
        "birth_date",
        "sex",
        "conflict_checked",
        "copy_from",
        "board",
        "reason",
        "question",
        "requester",
        "requested_on",
    )
    # What makes it worth going on with; the others stand in the form before anybody types.
    TELLING: Final = ("national_number", "other_identifier", "family_name", "given_name", "question")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey("directory.Person", on_delete=models.PROTECT, related_name="+")
    values = models.JSONField(default=dict)
    begun_at = models.DateTimeField(default=now)
    changed_at = models.DateTimeField(default=now)
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["id", "hospital"], name="sketch_id_hospital")]
        indexes = [models.Index(fields=["author", "-changed_at"])]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def label(self) -> str:
        """Whom it is about, as far as that was typed: the name, else a number, else nothing."""
        said = self.values
        name = f"{said.get('family_name', '')} {said.get('given_name', '')}".strip()
        return name or said.get("national_number", "") or said.get("other_identifier", "")
