"""When a board takes a break, and how long: a setting of whoever builds its agendas."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from mdo.directory import access as directory
from meetings.actions import planning
from meetings.forms import BreaksForm
from meetings.views.showing import SHOWN, acting_for, did, person, private, put_on


@private
@require_http_methods(["GET", "POST"])
def breaks(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """``/boards/<id>/breaks/``: after how many minutes, and for how long. Row ``build_agenda``."""
    board = directory.access_board_for(person(request), board_id, "build_agenda").board
    form, status = BreaksForm(initial={"break_after": board.break_after, "break_minutes": board.break_minutes}), 200
    if request.method == "POST":
        form, status = BreaksForm(request.POST), 422
        if form.is_valid():
            try:
                planning.set_breaks(by=person(request), board_id=board_id, **form.cleaned_data)
            except SHOWN as refusal:
                put_on(form, refusal)
                status = refusal.status
            else:
                back = reverse("meetings:board", args=[board_id]) + acting_for(request)
                return did(request, back, _("Saved. Breaks that stand on an agenda stay."))
    return render(request, "meetings/breaks.html", {"form": form, "board": board}, status=status)
