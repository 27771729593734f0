"""Addresses of boards, meetings, the room and decisions."""

from django.urls import URLPattern, URLResolver, path

from meetings.views import room

app_name = "meetings"
urlpatterns: list[URLPattern | URLResolver] = [
    path("meetings/<uuid:meeting_id>/room/", room.room, name="room"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/stage/", room.stage, name="stage"),
    path("meetings/<uuid:meeting_id>/items/<uuid:item_id>/draft/", room.draft, name="draft"),
]
