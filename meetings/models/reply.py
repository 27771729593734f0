from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class Reply(models.Model):
    """What somebody said to an invitation: comes, does not come, or sends a deputy. ``hospital`` is the meeting's.

    One row for a person and sitting: the last word counts. No reason is asked for: it could be one of health.
    """

    class Answer(models.TextChoices):
        YES = "yes", _("Comes")
        NO = "no", _("Does not come")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    meeting = models.ForeignKey(
        "meetings.Meeting", on_delete=models.CASCADE, related_name="replies", db_constraint=False
    )
    person = models.ForeignKey("directory.Person", on_delete=models.CASCADE, related_name="+")
    answer = models.CharField(max_length=3, choices=Answer)
    # Whoever comes for a while: from when and until when; None is from the start, or to the end.
    can_from = models.DateTimeField(null=True)
    can_until = models.DateTimeField(null=True)
    deputy = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    at = models.DateTimeField(default=now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["meeting", "person"], name="reply_once"),
            models.CheckConstraint(
                condition=models.Q(answer="no") | models.Q(deputy=None), name="reply_deputy_for_somebody_absent"
            ),
            models.CheckConstraint(
                condition=models.Q(answer="yes") | models.Q(can_from=None, can_until=None),
                name="reply_window_of_who_comes",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)
