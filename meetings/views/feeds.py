"""The personal calendar: the page where its address is made and ended, and the feed itself, which is read without signing in."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from mdo.kernel.errors import NotFound
from mdo.kernel.ids import new_id
from meetings import feeds
from meetings.actions import feeding
from meetings.forms import CommandForm
from meetings.models import CalendarFeed
from meetings.views.showing import person, private


@private
@require_http_methods(["GET", "POST"])
def own(request: HttpRequest) -> HttpResponse:
    """One's own calendar address."""
    by = person(request)
    form = CommandForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        act = feeding.end_feed if request.POST.get("do") == "end" else feeding.renew_feed
        act(by=by, command_id=form.cleaned_data["command_id"])
        return HttpResponseRedirect(reverse("meetings:calendar"), status=303)
    feed = CalendarFeed.objects.filter(person=by, ended_at=None).first()
    address = f"{settings.MDO_ORIGINS[0]}{reverse('meetings:feed', args=[feeds.token(feed)])}" if feed else ""
    context = {"feed": feed, "address": address, "new_id": new_id}
    return render(request, "meetings/calendar.html", context, status=422 if request.method == "POST" else 200)


@login_not_required
@never_cache
@require_GET
def feed(request: HttpRequest, token: str) -> HttpResponse:
    """A feed, for the calendar program that knows its address."""
    found = feeds.find(token)
    if found is None:
        raise NotFound()
    with translation.override(found.person.language):
        body = feeds.feed_of(
            found.person, settings.MDO_ORIGINS[0], lambda meeting_id: reverse("meetings:agenda", args=[meeting_id])
        )
    response = HttpResponse(body, content_type="text/calendar; charset=utf-8")
    response["Content-Disposition"] = 'inline; filename="mdo.ics"'
    return response
