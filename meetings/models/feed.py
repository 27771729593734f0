from django.db import models

from mdo.kernel.clock import now
from mdo.kernel.ids import new_id


class CalendarFeed(models.Model):
    """The address at which a calendar program reads somebody's sittings. Its secret is not stored (``meetings/feeds.py``); a new round
    makes a new one, and the old one is worth nothing any more."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.OneToOneField("directory.Person", on_delete=models.CASCADE, related_name="+")
    round = models.PositiveSmallIntegerField(default=1)
    made_at = models.DateTimeField(default=now)
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return str(self.pk)
