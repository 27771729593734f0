"""Addresses of boards, meetings, the room and decisions."""

from django.urls import URLPattern, URLResolver, path

from meetings.views.search import search

app_name = "meetings"
urlpatterns: list[URLPattern | URLResolver] = [
    path("decisions/", search, name="search"),
]
