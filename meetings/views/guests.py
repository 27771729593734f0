"""The two sides of a guest's link: the page that it opens, and the secretary's page that makes it."""

import secrets
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from allauth.core import ratelimit
from allauth.socialaccount.adapter import get_adapter as social_adapter
from allauth.socialaccount.providers.base.provider import ProviderException
from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from requests import RequestException

from mdo.directory.disciplines import all_words
from mdo.kernel import sms
from mdo.kernel.acting import acting
from mdo.kernel.clock import now
from mdo.kernel.errors import Refused, RuleBroken
from mdo.kernel.ids import new_id
from meetings import access, guests
from meetings.actions import inviting
from meetings.forms import CommandForm
from meetings.guest_door import WAS_IN
from meetings.guests import Holder
from meetings.models import AgendaItem, GuestInvitation
from meetings.room.snapshot import label
from meetings.views.showing import SHOWN, acting_for, did, form_sentences, person, private, put_on, sentences, status_of

LINK = "guest"  # the session's key for the invitation whose link was opened in this browser
DEVICE = "guest_device"  # …and for the secret by which this browser is known again
SHOW = "guest_code"  # the invitation whose code the secretary is shown once
BACKEND = "django.contrib.auth.backends.ModelBackend"


# --- the guest's side ----------------------------------------------------------------------------------------------------


@login_not_required
@never_cache
@require_GET
def guest(request: HttpRequest) -> HttpResponse:
    """Where a link leads: the code, the wait until the lobby opens, the room, or the goodbye. Shows nothing of anybody else."""
    if request.user.is_authenticated:
        return _inside(request)
    holder = _holder(request)
    if holder is None:
        return _page(request, "link")
    with acting(holder, None, "guest"):
        invitation = access.visible_invitation(holder)
    state = _state(invitation, request)
    if state == "in" and invitation is not None:  # this browser was let in, and only its session was lost
        return _let_in(request, invitation)
    return _page(request, state)


def _inside(request: HttpRequest) -> HttpResponse:
    """Somebody is signed in: the guest of this browser, or a person with an account, whose session is not to be lost."""
    by = person(request)
    if not by.visitor:
        return _page(request, "account")
    invitation = access.visible_invitation(by)
    if invitation is None or guests.is_over(invitation):
        return _page(request, "over")
    if not guests.is_open(invitation):
        return _page(request, "early", opens_at=guests.opens_at(invitation.meeting), meeting=invitation.meeting)
    return HttpResponseRedirect(reverse("meetings:room", args=[invitation.meeting_id]))


def _holder(request: HttpRequest) -> Holder | None:
    known = request.session.get(LINK)
    return Holder(UUID(known)) if known else None


def _state(invitation: GuestInvitation | None, request: HttpRequest) -> str:
    if invitation is None or guests.is_over(invitation):
        return "over"
    if invitation.confirmed_at is not None:
        return "in" if guests.is_device(invitation, request.session.get(DEVICE)) else "used"
    return "locked" if invitation.code_tries >= guests.TRIES else "code"


def _page(request: HttpRequest, state: str, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {"state": state, "was_in": WAS_IN in request.session, "identities": settings.MDO_IDENTITIES}
    return render(request, "meetings/guest.html", context, status=status)


@login_not_required
@never_cache
@require_POST
def open_link(request: HttpRequest) -> HttpResponse:
    """The page says which link brought it here (the part behind ``#``, which browsers send to nobody by themselves). Answers
    ``{"again": true}`` where another guest's session had to be ended first."""
    if not ratelimit.consume(request, action="guest"):
        return JsonResponse({"message": _("Too many attempts. Wait a minute and open the link again.")}, status=429)
    token = request.POST.get("token", "")
    holder = guests.holder_of(token)
    if request.user.is_authenticated:
        by = person(request)
        mine = access.visible_invitation(by) if by.visitor else None
        if by.visitor and (mine is None or holder is None or mine.pk != holder.actor_id):
            logout(request)
            return JsonResponse({"again": True})
        return JsonResponse({})
    invitation = None
    if holder is not None:
        with acting(holder, None, "guest"):
            invitation = access.visible_invitation(holder)
    if invitation is None or not guests.recognises(invitation, token):
        return JsonResponse(
            {"message": _("This link is not valid (any more). Open the newest mail, or call the secretariat.")},
            status=404,
        )
    if request.session.get(LINK) != str(invitation.pk):
        request.session.flush()
        request.session[LINK], request.session[DEVICE] = str(invitation.pk), secrets.token_urlsafe(32)
        request.session.set_expiry(invitation.expires_at if invitation.expires_at > now() else 3600)
    return JsonResponse({})


@login_not_required
@never_cache
@require_POST
def confirm(request: HttpRequest) -> HttpResponse:
    """The code was typed. Answers 422 with the form again for a wrong one, until no try is left."""
    holder, device = _holder(request), request.session.get(DEVICE)
    if request.user.is_authenticated or holder is None or not device:
        return HttpResponseRedirect(reverse("meetings:guest"))
    if not ratelimit.consume(request, action="guest"):
        return _page(request, "code", status=429, error=_("Too many attempts. Wait a minute and try again."))
    with acting(holder, None, "guest"):
        invitation = access.visible_invitation(holder)
    if _state(invitation, request) != "code":  # an invitation without tries left costs its meeting no lock
        return HttpResponseRedirect(reverse("meetings:guest"))
    return let_in_by(
        request,
        holder,
        lambda: inviting.confirm_guest(
            by=holder,
            guest_id=holder.invitation_id,
            code=request.POST.get("code", "")[:40],
            device=guests.digest(device),
        ),
    )


def let_in_by(request: HttpRequest, holder: Holder, act: Callable[[], Any], *, again: bool = True) -> HttpResponse:
    """Try one way of confirming, and show where that led; ``again``: with the form for another try."""
    refused: Refused | None = None
    try:
        with acting(holder, None, "guest"):
            act()
    except RuleBroken as refusal:
        refused = refusal
    with acting(holder, None, "guest"):
        invitation = access.visible_invitation(holder)
    state = _state(invitation, request)
    if state == "in" and invitation is not None:
        return _let_in(request, invitation)
    if refused is not None and not again:
        messages.error(request, refused.message)
    left = guests.TRIES - invitation.code_tries if invitation is not None else 0
    if state != "code" or not again:
        return HttpResponseRedirect(reverse("meetings:guest"))
    wrong = refused.message if refused else _("This code is not right. Tries left: %(left)d") % {"left": left}
    return _page(request, "code", status=422, error=wrong)


def _let_in(request: HttpRequest, invitation: GuestInvitation) -> HttpResponse:
    """Sign this browser in as the guest, until the invitation ends at the latest."""
    invitation.person.refresh_from_db()
    login(request, invitation.person, backend=BACKEND)
    request.session[WAS_IN] = str(invitation.pk)
    request.session.set_expiry(invitation.expires_at)
    response = HttpResponseRedirect(reverse("meetings:guest"))
    response.status_code = 303
    return response


@login_not_required
@never_cache
@require_GET
def go_to_identity(request: HttpRequest) -> HttpResponse:
    """To the site's provider of identities, for whoever opened a link in this browser; it sends them back to ``identify``."""
    back = HttpResponseRedirect(reverse("meetings:guest"))
    if not settings.MDO_IDENTITIES or request.user.is_authenticated or _holder(request) is None:
        return back
    try:
        provider = social_adapter(request).get_provider(request, "identity")
        return provider.redirect(request, process="login")
    except (RequestException, ProviderException):
        messages.error(request, _("That service cannot be reached now. Use the code, or try again later."))
        return back


def identify(request: HttpRequest, addresses: list[str]) -> HttpResponse:
    """Somebody came back with these verified mail addresses: the guest of this browser, if one of them is the invited one."""
    holder, device = _holder(request), request.session.get(DEVICE)
    if request.user.is_authenticated or holder is None or not device:
        return HttpResponseRedirect(reverse("meetings:guest"))
    with acting(holder, None, "guest"):
        invitation = access.visible_invitation(holder)
    wanted = invitation.mail.casefold() if invitation is not None else ""
    mail = next((each for each in addresses if each.casefold() == wanted), "")
    return let_in_by(
        request,
        holder,
        lambda: inviting.identify_guest(
            by=holder, guest_id=holder.invitation_id, mail=mail, device=guests.digest(device)
        ),
        again=False,
    )


# --- the secretary's side ------------------------------------------------------------------------------------------------


class GuestForm(CommandForm):
    """A guest as the secretary enters them."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    discipline = forms.ChoiceField(label=gettext_lazy("Discipline"), required=False)
    mail = forms.EmailField(
        label=gettext_lazy("Mail address"),
        help_text=gettext_lazy("The mail holds the link, the time and the name of the board. Nothing of the patient."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    phone = forms.CharField(
        label=gettext_lazy("Mobile number"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Guest's language"),
        choices=[("nl", "Nederlands"), ("fr", "Français"), ("de", "Deutsch"), ("en", "English")],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        words = sorted(all_words().items(), key=lambda each: each[1])
        self.fields["discipline"].choices = [("", _("Other")), *words]  # type: ignore[attr-defined]
        if sms.gateway() is not None:
            self.fields["phone"].help_text = _("The code goes there by text message. Without a number you read it out.")


@private
@require_http_methods(["GET", "POST"])
def invite(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> HttpResponse:
    """Who was invited to a case by link, and the form that invites one more."""
    by = person(request)
    item = access.access_item_for(by, meeting_id, item_id, "run", lock=False)
    form = GuestForm(
        request.POST or None, initial={"language": get_language() or "nl", "discipline": "general_practice"}
    )
    if request.method == "POST":
        if not form.is_valid():
            return _guests(request, item, form, status=422)
        data = form.cleaned_data
        try:
            inviting.invite_guest(by=by, meeting_id=meeting_id, item_id=item_id, **data)
        except SHOWN as refusal:
            put_on(form, refusal)
            return _guests(request, item, form, status=status_of(request, refusal))
        request.session[SHOW] = str(inviting.guest_id_for(data["command_id"], by))
        return did(request, _back(request, meeting_id, item_id), _("Invited. The mail with the link is on its way."))
    return _guests(request, item, form)


def _back(request: HttpRequest, meeting_id: UUID, item_id: UUID) -> str:
    return reverse("meetings:guests", args=[meeting_id, item_id]) + acting_for(request)


def _guests(
    request: HttpRequest,
    item: AgendaItem,
    form: GuestForm,
    *,
    status: int = 200,
    errors: list[dict[str, str]] | None = None,
) -> HttpResponse:
    by, at = person(request), now()
    invitations = list(access.visible_invitations(by, item))
    for each in invitations:
        each.meeting = item.meeting
    show = request.session.pop(SHOW, None) if request.method == "GET" else None
    context = {
        "meeting": item.meeting,
        "item": item,
        "label": label(item),
        "form": form,
        "errors": errors,
        "rows": [_row(each, item, show, at) for each in invitations],
        "closed": guests.expires_at(item.meeting) <= at or item.state not in ("scheduled", "open"),
        "acting_for": acting_for(request),
        "new_id": new_id,
    }
    return render(request, "meetings/guests.html", context, status=status)


def _row(invitation: GuestInvitation, item: AgendaItem, show: str | None, at: datetime) -> dict[str, Any]:
    over = guests.is_over(invitation, at)
    state = (
        "expired"
        if over and invitation.revoked_at is None
        else guests.state(
            item, confirmed=invitation.confirmed_at is not None, revoked=invitation.revoked_at is not None, here=False
        )
    )
    waits = not over and invitation.confirmed_at is None
    texted = bool(invitation.phone) and sms.gateway() is not None
    code = guests.code(invitation) if waits and show == str(invitation.pk) else ""
    return {
        "invitation": invitation,
        "discipline": all_words().get(invitation.discipline, ""),
        "state": state,
        "words": _STATES[state],
        "live": not over,
        "waits": waits,
        "locked": waits and invitation.code_tries >= guests.TRIES,
        "texted": bool(code) and texted,
        "code": f"{code[:3]} {code[3:]}" if code and not texted else "",
    }


_STATES = {
    "invited": gettext_lazy("Invited"),
    "confirmed": gettext_lazy("Confirmed"),
    "waiting": gettext_lazy("In the lobby"),
    "in": gettext_lazy("In the meeting"),
    "out": gettext_lazy("Let out"),
    "revoked": gettext_lazy("Withdrawn"),
    "expired": gettext_lazy("Expired"),
}


@private
@require_POST
def renew_code(request: HttpRequest, meeting_id: UUID, guest_id: UUID) -> HttpResponse:
    return _change(request, meeting_id, guest_id, inviting.renew_code, _("There is a new code."), shows=True)


@private
@require_POST
def renew_link(request: HttpRequest, meeting_id: UUID, guest_id: UUID) -> HttpResponse:
    words = _("A new link is on its way. The old one is worth nothing any more.")
    return _change(request, meeting_id, guest_id, inviting.renew_link, words, shows=True)


@private
@require_POST
def eject(request: HttpRequest, meeting_id: UUID, guest_id: UUID) -> HttpResponse:
    return _change(request, meeting_id, guest_id, inviting.eject_guest, _("The invitation was withdrawn."))


def _change(
    request: HttpRequest, meeting_id: UUID, guest_id: UUID, act: Callable[..., Any], words: str, *, shows: bool = False
) -> HttpResponse:
    by, form = person(request), CommandForm(request.POST)
    invitation = access.access_invitation_for_running(by, meeting_id, guest_id)
    errors, status = form_sentences(form), 422
    if form.is_valid():
        try:
            act(by=by, meeting_id=meeting_id, guest_id=guest_id, command_id=form.cleaned_data["command_id"])
        except SHOWN as refusal:
            errors, status = sentences(refusal), status_of(request, refusal)
        else:
            if shows:
                request.session[SHOW] = str(guest_id)
            return did(request, _back(request, meeting_id, invitation.item_id), words)
    item = access.access_item_for(by, meeting_id, invitation.item_id, "run", lock=False)
    return _guests(request, item, GuestForm(initial={"language": get_language()}), status=status, errors=errors)
