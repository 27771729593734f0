from django.db import models
from django.utils.translation import gettext_lazy as _

from mdo.kernel.ids import new_id


class Series(models.Model):
    """When a board sits: a rule (RFC 5545), a local time and a duration. Its sittings become meetings as they come near."""

    class OnHoliday(models.TextChoices):
        SKIP = "skip", _("No sitting")
        KEEP = "keep", _("Sitting all the same")
        LATER = "later", _("The next working day")
        EARLIER = "earlier", _("The working day before")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    board = models.ForeignKey("directory.Board", on_delete=models.CASCADE, related_name="series")
    rule = models.CharField(max_length=200)  # "FREQ=WEEKLY;BYDAY=WE"
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    local_time = models.TimeField()
    minutes = models.PositiveSmallIntegerField(default=90)
    holiday_country = models.CharField(max_length=2, default="BE", blank=True)
    holiday_policy = models.CharField(max_length=10, default=OnHoliday.SKIP, choices=OnHoliday)

    def __str__(self) -> str:
        return f"{self.board}: {self.rule}"


class SeriesException(models.Model):
    """One sitting of a series that does not follow the rule: cancelled, or moved to another moment."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    series = models.ForeignKey(Series, on_delete=models.CASCADE, related_name="exceptions")
    on = models.DateField()  # the day by the rule
    moved_to = models.DateTimeField(null=True, blank=True)  # None: cancelled

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "on"], name="series_exception")]

    def __str__(self) -> str:
        return f"{self.series} {self.on}"


class Meeting(models.Model):
    """One sitting of a board. ``hospital`` is the organising one.

    planned → published → running → closed, or cancelled. ``version`` rises with every change of the meeting itself.
    """

    class State(models.TextChoices):
        PLANNED = "planned", _("Planned")
        PUBLISHED = "published", _("Published")
        RUNNING = "running", _("Running")
        CLOSED = "closed", _("Closed")
        CANCELLED = "cancelled", _("Cancelled")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    hospital = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="+")
    board = models.ForeignKey("directory.Board", on_delete=models.PROTECT, related_name="meetings")
    series = models.ForeignKey(Series, on_delete=models.SET_NULL, null=True, blank=True, related_name="meetings")
    series_day = models.DateField(null=True, blank=True)  # the day by the rule, so that a sitting is made once
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    place = models.CharField(max_length=200, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PLANNED)
    published_at = models.DateTimeField(null=True)
    calendar_sequence = models.PositiveIntegerField(default=0)  # SEQUENCE of the invitation (RFC 5546)
    started_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    current_item = models.ForeignKey("meetings.AgendaItem", on_delete=models.SET_NULL, null=True, related_name="+")
    presenter = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    break_until = models.DateTimeField(null=True)  # there is a break now, meant to end then
    breaks = models.JSONField(default=list)  # [[from, to], …] (ISO, UTC); the last one has no end while it lasts
    last_step = models.JSONField(
        default=dict
    )  # what the last step at the table changed, for taking it back within 30 s
    earlier_order = models.JSONField(
        default=dict
    )  # the order before a proposed one was taken: {"items", "breaks", "after"}
    call_epoch = models.PositiveIntegerField(
        default=0
    )  # of picture and sound: whoever may not hear on is left behind in the old one
    call_way = models.CharField(max_length=8, blank=True)  # "mesh" where the media server was lost; else the board's
    muted_at = models.DateTimeField(null=True)  # when all microphones were switched off last, and by whom
    muted_by = models.ForeignKey("directory.Person", on_delete=models.SET_NULL, null=True, related_name="+")
    imported = models.BooleanField(default=False)  # stands for a day of an imported list: nobody sat here
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["id", "hospital"], name="meeting_id_hospital"),
            models.UniqueConstraint(fields=["series", "series_day"], name="meeting_series_day"),
        ]
        indexes = [models.Index(fields=["board", "starts_at"]), models.Index(fields=["state", "starts_at"])]

    def __str__(self) -> str:
        return str(self.pk)
