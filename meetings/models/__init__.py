"""The sitting and what it decided."""

from meetings.models.agenda import AgendaItem, Topic
from meetings.models.call import CallRoom, CallStay
from meetings.models.decision import Decision, Report
from meetings.models.discussion import Remark, Voice
from meetings.models.dispatch import Dispatch, Route
from meetings.models.feed import CalendarFeed
from meetings.models.follow_up import DecisionAction, FollowUp
from meetings.models.guests import GuestInvitation
from meetings.models.informing import Handover, InformedStatement
from meetings.models.meeting import Meeting, Series, SeriesException
from meetings.models.outbox import Delivery, DigestLine, Reminder, ReminderSettings
from meetings.models.presence import Beside, CallIn, Delegation, Lease
from meetings.models.protocol_rule import ProtocolRule
from meetings.models.registration import BillingLine, RegistrationForm, RegistryExport
from meetings.models.reply import Reply
from meetings.models.saved_search import SavedSearch
from meetings.models.seal import DecisionSeal
from meetings.models.text import TextDocument, TextUpdate
from meetings.models.walls import WallDisplay

__all__ = [
    "AgendaItem",
    "Beside",
    "BillingLine",
    "CalendarFeed",
    "CallIn",
    "CallRoom",
    "CallStay",
    "Decision",
    "DecisionAction",
    "DecisionSeal",
    "Delegation",
    "Delivery",
    "DigestLine",
    "Dispatch",
    "FollowUp",
    "GuestInvitation",
    "Handover",
    "InformedStatement",
    "Lease",
    "Meeting",
    "ProtocolRule",
    "RegistrationForm",
    "RegistryExport",
    "Remark",
    "Reminder",
    "ReminderSettings",
    "Reply",
    "Report",
    "Route",
    "SavedSearch",
    "Series",
    "SeriesException",
    "TextDocument",
    "TextUpdate",
    "Topic",
    "Voice",
    "WallDisplay",
]
