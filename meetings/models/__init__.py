"""The sitting and what it decided."""

from meetings.models.agenda import AgendaItem, Topic
from meetings.models.decision import Decision, Report
from meetings.models.meeting import Meeting, Series, SeriesException
from meetings.models.outbox import Delivery, Reminder
from meetings.models.presence import Lease

__all__ = [
    "AgendaItem",
    "Decision",
    "Delivery",
    "Lease",
    "Meeting",
    "Reminder",
    "Report",
    "Series",
    "SeriesException",
    "Topic",
]
