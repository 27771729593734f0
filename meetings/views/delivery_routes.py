"""The pages on which an organisation's administrator says by which ways signed reports go out, and tries each."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.conf import settings
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from mdo.directory import access as directory
from mdo.kernel.errors import NotFound, Stale
from mdo.kernel.ids import derived_id, new_id
from meetings.actions.routing import save_route, try_route
from meetings.delivering import access, routes, showing
from meetings.delivering.faults import words
from meetings.forms import CommandForm
from meetings.models import Dispatch, Route
from meetings.models.dispatch import Channel, Role
from meetings.views.showing import SHOWN, did, person, put_on, sentences, status_of


class RouteForm(CommandForm):
    """What every route has; a subclass adds what its channel asks for (``OWN``)."""

    OWN: tuple[str, ...] = ()
    version = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    name = forms.CharField(
        label=gettext_lazy("Name"),
        help_text=gettext_lazy("As your people know it, for example the name of the record system."),
        max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("What goes out"),
        choices=[(each.value, each.label) for each in routes.KINDS],
        widget=forms.CheckboxSelectMultiple,
    )
    active = forms.BooleanField(
        label=gettext_lazy("Send what is signed from now on"), required=False, widget=forms.CheckboxInput
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields([name for name in self.fields if name != "active"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors:
            try:
                routes.checked(self.channel, self.told(cleaned))
            except SHOWN as refusal:
                put_on(self, refusal)
        return cleaned

    @property
    def channel(self) -> str:
        return next(channel for channel, form in FORMS.items() if isinstance(self, form))

    def told(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """The settings of the channel."""
        return {name: cleaned.get(name, "") for name in self.OWN}


def _word(label: Any, help_text: Any = "") -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=60, widget=_plain())


def _plain(**more: str) -> forms.TextInput:
    return forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", **more})


class Hl7Form(RouteForm):
    OWN = (
        "address", "form", "sending_facility", "receiving_application", "receiving_facility", "authority", "charset", "processing",
    )  # fmt: skip
    address = forms.CharField(
        label=gettext_lazy("Host and port"),
        max_length=200,
        help_text=gettext_lazy("With TLS: mllps:// before it, such as mllps://ehr.example.org:2575."),
        widget=_plain(placeholder="ehr.example.org:2575"),
    )
    form = forms.ChoiceField(
        label=gettext_lazy("Message"),
        choices=[("MDM^T02", gettext_lazy("MDM^T02: a document")), ("ORU^R01", gettext_lazy("ORU^R01: a result"))],
    )
    sending_facility = _word(gettext_lazy("Sending facility (MSH-4)"))
    receiving_application = _word(gettext_lazy("Receiving application (MSH-5)"))
    receiving_facility = _word(gettext_lazy("Receiving facility (MSH-6)"))
    authority = _word(gettext_lazy("Whose patient numbers (PID-3.4)"))
    charset = forms.ChoiceField(
        label=gettext_lazy("Character set (MSH-18)"), choices=[("UNICODE UTF-8", "UTF-8"), ("8859/1", "8859/1")]
    )
    processing = forms.ChoiceField(
        label=gettext_lazy("Processing (MSH-11)"),
        choices=[
            ("P", gettext_lazy("P: production")),
            ("T", gettext_lazy("T: training")),
            ("D", gettext_lazy("D: debugging")),
        ],
    )


class FhirForm(RouteForm):
    OWN = ("address", "form")
    address = forms.CharField(
        label=gettext_lazy("Base address"), max_length=200, widget=_plain(placeholder="https://fhir.example.org/r4")
    )
    form = forms.ChoiceField(
        label=gettext_lazy("As"),
        choices=[
            ("DocumentReference", gettext_lazy("DocumentReference with the PDF")),
            ("Bundle", gettext_lazy("Bundle, the document of the decision")),
        ],
    )
    secret = forms.CharField(
        label=gettext_lazy("Bearer token"),
        required=False,
        max_length=2000,
        strip=True,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )
    forget = forms.BooleanField(label=gettext_lazy("Take the token away"), required=False, widget=forms.CheckboxInput)


def _recipients() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        label=gettext_lazy("To whom"),
        help_text=gettext_lazy("A letter to the GP goes to the GP alone."),
        choices=[(Role.GP.value, Role.GP.label), (Role.REQUESTER.value, Role.REQUESTER.label)],
        widget=forms.CheckboxSelectMultiple,
    )


class EHealthBoxForm(RouteForm):
    OWN = ("folder",)
    folder = forms.CharField(
        label=gettext_lazy("Folder"),
        help_text=gettext_lazy(
            "Its name below the folder that the site's administrator set aside. Your messaging program takes both files of each report "
            "from there: the PDF, and a description with the patient's and the recipient's numbers."
        ),
        max_length=40,
        widget=_plain(),
    )
    recipients = _recipients()


class PaperForm(RouteForm):
    recipients = _recipients()


FORMS: Final[dict[str, type[RouteForm]]] = {
    Channel.HL7: Hl7Form,
    Channel.FHIR: FhirForm,
    Channel.EHEALTHBOX: EHealthBoxForm,
    Channel.PAPER: PaperForm,
}


def _administers(request: HttpRequest) -> None:
    organisation = request.organisation  # type: ignore[attr-defined]
    directory.access_organisation_for_administering(person(request), organisation.pk if organisation else None)


@never_cache
@require_safe
def route_list(request: HttpRequest) -> HttpResponse:
    """``/delivery-routes/``: the routes of the own organisation, with what the last trial of each came to. A constant number of queries."""
    _administers(request)
    return _list(request)


def _list(request: HttpRequest, errors: list[dict[str, str]] | None = None, status: int = 200) -> HttpResponse:
    last = Dispatch.objects.filter(route=OuterRef("pk"), trial=True).order_by("-created_at").values("pk")[:1]
    found = list(access.visible_routes(person(request)).annotate(tried=Subquery(last)))
    trials = Dispatch.objects.in_bulk([each.tried for each in found if each.tried])
    kinds = {each.value: each.label for each in routes.KINDS}
    rows: list[dict[str, Any]] = [
        {
            "route": each,
            "kinds": [kinds.get(kind, kind) for kind in each.kinds],
            "to": [Role(role).label for role in each.recipients],
            "where": each.settings.get("address") or each.settings.get("folder") or "",
            "trial": _trial(trials.get(each.tried)),
            "tries": each.channel != Channel.PAPER,
        }
        for each in found
    ]
    context = {
        "rows": rows,
        "channels": [(each.value, each.label, _why_not(each)) for each in Channel],
        "waits": any(row["trial"] and row["trial"]["look"] == "queued" for row in rows),
        "errors": errors or [],
        "errors_title": _("This was not done"),
        "new_id": new_id,
    }
    return render(request, "meetings/routes.html", context, status=status)


def _trial(row: Dispatch | None) -> dict[str, Any] | None:
    if row is None:
        return None
    state = showing.state_of(row)
    said = {"sent": _("It was taken"), "given_up": _("It was not taken")}.get(state, _("Under way"))
    return {
        "look": showing.LOOKS[state],
        "words": said,
        "why": words(row.last_error),
        "at": row.done_at or row.created_at,
    }


def _why_not(channel: str) -> str:
    """Why no such route can be made on this site now; empty when one can."""
    if channel == Channel.EHEALTHBOX and settings.MDO_HANDOVER is None:
        return _("The site's administrator has set no folder aside (MDO_HANDOVER).")
    if channel in (Channel.HL7, Channel.FHIR) and not settings.MDO_DELIVERY_HOSTS and not settings.DEMO:
        return _("The site's administrator has allowed no address yet (MDO_DELIVERY_HOSTS).")
    return ""


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new_route(request: HttpRequest, channel: str) -> HttpResponse:
    """``/delivery-routes/new/<channel>/``."""
    _administers(request)
    if channel not in FORMS:
        raise NotFound()
    return _edit(request, channel, None)


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def one_route(request: HttpRequest, route_id: UUID) -> HttpResponse:
    """``/delivery-routes/<id>/``."""
    _administers(request)
    route = access.visible_routes(person(request)).filter(pk=route_id).first()
    if route is None:
        raise NotFound()
    return _edit(request, route.channel, route)


def _edit(request: HttpRequest, channel: str, route: Route | None) -> HttpResponse:
    shape = FORMS[channel]
    if request.method != "POST":
        return _form_page(request, channel, route, shape(initial=_initial(route)))
    form = shape(request.POST)
    status = 422
    if form.is_valid():
        data = form.cleaned_data
        by = person(request)
        try:
            save_route(
                by=by,
                route_id=route.pk if route else derived_id(data["command_id"], by.pk, "route"),
                channel=channel,
                name=data["name"],
                kinds=data["kinds"],
                recipients=data.get("recipients", []),
                settings=form.told(data),
                secret="" if data.get("forget") else data.get("secret") or None,
                active=data["active"],
                version=data["version"] if route else 0,
                command_id=data["command_id"],
            )
        except SHOWN as refusal:
            put_on(form, refusal)
            status = status_of(request, refusal)
            form.data = form.data.copy()  # type: ignore[attr-defined]
            form.data["command_id"] = str(new_id())  # type: ignore[index]
            if isinstance(refusal, Stale):
                form.data["version"] = str(refusal.current)  # type: ignore[index]
        else:
            return did(request, reverse("meetings:routes"), _("Saved."))
    return _form_page(request, channel, route, form, status)


def _initial(route: Route | None) -> dict[str, Any]:
    if route is None:
        return {"command_id": new_id(), "version": 0, "active": True, "kinds": ["case"], "recipients": [Role.GP.value]}
    known = {"name": route.name, "kinds": route.kinds, "recipients": route.recipients, "active": route.active}
    return {"command_id": new_id(), "version": route.version, **known, **route.settings}


def _form_page(
    request: HttpRequest, channel: str, route: Route | None, form: RouteForm, status: int = 200
) -> HttpResponse:
    if route is not None and route.secret_name and "secret" in form.fields:
        form.fields["secret"].help_text = _("A token is kept. Empty: it stays as it is.")
    elif "forget" in form.fields:
        del form.fields["forget"]
    context = {"form": form, "route": route, "channel": Channel(channel).label, "why_not": _why_not(channel)}
    return render(request, "meetings/route.html", context, status=status)


@never_cache
@require_POST
def try_one(request: HttpRequest, route_id: UUID) -> HttpResponse:
    """``POST /delivery-routes/<id>/try/``: a made-up document of nobody goes out by it."""
    form = CommandForm(request.POST)
    if not form.is_valid():
        raise NotFound()
    try:
        try_route(by=person(request), route_id=route_id, command_id=form.cleaned_data["command_id"])
    except SHOWN as refusal:
        return _list(request, sentences(refusal), status_of(request, refusal))
    return did(request, reverse("meetings:routes"), _("The test document is under way."))
