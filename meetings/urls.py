"""Addresses of boards, meetings, the room and decisions."""

from django.urls import URLPattern, URLResolver, path

from meetings.views import agendas, boards, decisions, guests, room, signing
from meetings.views.search import search

app_name = "meetings"
urlpatterns: list[URLPattern | URLResolver] = [
    path("boards/", boards.boards, name="boards"),
    path("boards/<uuid:board_id>/", boards.board, name="board"),
    path("boards/<uuid:board_id>/plan/", boards.plan, name="plan"),
    path("boards/<uuid:board_id>/series/", boards.series, name="series"),
    path("boards/<uuid:board_id>/sittings/new/", boards.plan_sitting, name="sitting"),
    path("boards/<uuid:board_id>/submissions/", boards.bulk, name="bulk"),
    path("boards/<uuid:board_id>/submissions/<uuid:referral_id>/accept/", boards.accept, name="accept"),
    path("boards/<uuid:board_id>/submissions/<uuid:referral_id>/return/", boards.give_back, name="return"),
    path("boards/<uuid:board_id>/submissions/<uuid:referral_id>/schedule/", boards.schedule, name="schedule"),
    path("meetings/<uuid:meeting_id>/", agendas.agenda, name="agenda"),
    path("meetings/<uuid:meeting_id>/agenda.pdf", agendas.agenda_sheet, name="agenda_sheet"),
    path("meetings/<uuid:meeting_id>/minutes.pdf", decisions.minutes, name="minutes"),
    path("meetings/<uuid:meeting_id>/publish/", agendas.publish, name="publish"),
    path("meetings/<uuid:meeting_id>/move/", boards.move_sitting, name="move"),
    path("meetings/<uuid:meeting_id>/cancel/", boards.cancel_sitting, name="cancel"),
    path("meetings/<uuid:meeting_id>/items/", agendas.add, name="add"),
    path("meetings/<uuid:meeting_id>/topics/", agendas.add_topic, name="add_topic"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/minutes/", agendas.set_minutes, name="item_minutes"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/move/", agendas.move_item, name="item_move"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/remove/", agendas.remove_item, name="item_remove"),
    path("meetings/<uuid:meeting_id>/room/", room.room, name="room"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/stage/", room.stage, name="stage"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/draft/", room.draft, name="draft"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/remarks/", room.remarks, name="remarks"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/guests/", guests.invite, name="guests"),
    path("meetings/<uuid:meeting_id>/guests/<uuid:guest_id>/code/", guests.renew_code, name="guest_renew_code"),
    path("meetings/<uuid:meeting_id>/guests/<uuid:guest_id>/link/", guests.renew_link, name="guest_renew_link"),
    path("meetings/<uuid:meeting_id>/guests/<uuid:guest_id>/eject/", guests.eject, name="guest_eject"),
    path("guest/", guests.guest, name="guest"),
    path("guest/open/", guests.open_link, name="guest_open"),
    path("guest/code/", guests.confirm, name="guest_code"),
    path("signing/", signing.signing, name="signing"),
    path("signing/<uuid:meeting_id>/", signing.sign, name="sign"),
    path("decisions/", search, name="search"),
    path("decisions/<uuid:decision_id>/", decisions.decision, name="decision"),
    path("decisions/<uuid:decision_id>/report.pdf", decisions.report, name="report"),
    path("decisions/<uuid:decision_id>/correct/", decisions.correct, name="correct"),
]
