"""Whom two hospitals referred to one board under one national number: seen, linked for that board, and taken apart again."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases.actions.linking import link_patients, unlink_patients
from cases.links import pairs
from mdo.directory import access as directory
from mdo.kernel import audit
from mdo.kernel.ids import new_id
from meetings.forms import LinkForm
from meetings.views.showing import SHOWN, did, form_sentences, person, private, sentences, status_of


@private
@require_http_methods(["GET", "POST"])
def same_people(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """``/boards/<id>/patients/``: for who builds the board's agenda."""
    by = person(request)
    standing = directory.access_board_for(by, board_id, "build_agenda")
    errors: list[dict[str, str]] = []
    status = 200
    if request.method == "POST":
        form = LinkForm(request.POST)
        status, errors = 422, form_sentences(form)
        if form.is_valid():
            cleaned = form.cleaned_data
            command_id = cleaned["command_id"]
            try:
                if cleaned["link"]:
                    unlink_patients(by=by, board_id=board_id, link_id=cleaned["link"], command_id=command_id)
                    words = _("They are two patients again for this board.")
                else:
                    ids = {"one_id": cleaned["one"], "other_id": cleaned["other"]}
                    link_patients(by=by, board_id=board_id, **ids, command_id=command_id)
                    words = _("They are one person for this board. You can undo that here.")
            except SHOWN as refusal:
                errors, status = sentences(refusal), status_of(request, refusal)
            else:
                return did(request, reverse("meetings:same_people", args=[board_id]), words)
    found = pairs(standing)
    for hospital_id in sorted({each.hospital_id for pair in found for each in (pair.one, pair.other)}):
        shown = [str(each.pk) for pair in found for each in (pair.one, pair.other) if each.hospital_id == hospital_id]
        audit.act("patients.compared", hospital_id=hospital_id, detail={"board": str(board_id), "patients": shown})
    context = {"board": standing.board, "pairs": found, "errors": errors, "new_id": new_id}
    return render(request, "meetings/same_people.html", context, status=status)
