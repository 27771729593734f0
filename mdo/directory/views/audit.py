"""The access log, for privacy officers, and for everybody their own acts. It names people, ids and moments; no care content."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.core.paginator import Page
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from mdo.directory import access
from mdo.directory.forms import DayField
from mdo.directory.models import ApiToken, Organisation, Person
from mdo.kernel import audit
from mdo.kernel.clock import now
from mdo.kernel.models import AuditEntry
from mdo.paging import part

PAGE_SIZE = 50
DAYS = 7  # the period when none was asked for
LONGEST = timedelta(days=366)
PEOPLE_LISTED = 300
_ZONE = ZoneInfo("Europe/Brussels")

# What an action was about, the nearest first, by the names that its audit row gives ids.
OBJECTS = (
    "document",
    "decision",
    "item",
    "referral",
    "case",
    "patient",
    "meeting",
    "series",
    "board",
    "report",
    "object",
)

OUTCOMES = {
    "ok": gettext_lazy("Done"),
    "denied": gettext_lazy("Refused: no right"),
    "forbidden": gettext_lazy("Refused: no right"),
    "not_found": gettext_lazy("Refused: not found"),
}


@dataclass(frozen=True)
class Line:
    """One row of the log with its names."""

    entry: AuditEntry
    who: str
    acting_for: Organisation | None
    owner: Organisation | None

    @property
    def object(self) -> tuple[str, str] | None:
        """Kind and id of what it was about: the thing that was read, or the first that the action names."""
        if self.entry.object_id is not None:
            return self.entry.object_kind, str(self.entry.object_id)
        for kind in OBJECTS:
            found = self.entry.detail.get(f"{kind}_id")
            if isinstance(found, str):
                return kind, found
        return None

    @property
    def outcome(self) -> str:
        return str(OUTCOMES.get(self.entry.outcome, self.entry.outcome))


class LogForm(forms.Form):
    since = DayField(label=gettext_lazy("From"))
    until = DayField(label=gettext_lazy("Until"))
    person = forms.UUIDField(label=gettext_lazy("Person"), required=False)
    outcome = forms.ChoiceField(
        label=gettext_lazy("Outcome"),
        required=False,
        choices=[("", gettext_lazy("All")), ("ok", gettext_lazy("Done")), ("refused", gettext_lazy("Refused"))],
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This day lies before the first one."))
        elif since and until and until - since > LONGEST:
            self.add_error("since", _("At most one year at a time."))
        return cleaned


@never_cache
@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """Who did or read what, newest first: of the own hospital for its privacy officer, the own acts for others."""
    entries = access.visible_audit(request.user)  # type: ignore[arg-type]
    today = now().astimezone(_ZONE).date()
    asked = {"since": str(today - timedelta(days=DAYS - 1)), "until": str(today)} | request.GET.dict()
    form = LogForm(asked)
    if not form.is_valid():
        context = {"form": form, "lines": [], "people": [], "page": None}
        return render(request, "directory/audit.html", context, status=422)
    found = _period(entries, form.cleaned_data["since"], form.cleaned_data["until"])
    people = _people(found)
    page = part(request, _narrowed(found, form.cleaned_data), PAGE_SIZE)
    lines = _lines(page)
    organisation = request.organisation  # type: ignore[attr-defined]
    audit.act(
        "audit.listed",
        hospital_id=organisation.pk if organisation else None,
        detail={"since": asked["since"], "until": asked["until"], "page": page.number},
    )
    context = {"form": form, "lines": lines, "people": people, "page": page}
    return render(request, "directory/audit.html", context)


def _period(entries: QuerySet[AuditEntry], since: date, until: date) -> QuerySet[AuditEntry]:
    first = datetime.combine(since, time.min, _ZONE)
    after = datetime.combine(until + timedelta(days=1), time.min, _ZONE)
    return entries.filter(at__gte=first, at__lt=after)


def _narrowed(entries: QuerySet[AuditEntry], asked: dict[str, Any]) -> QuerySet[AuditEntry]:
    if asked["person"]:
        entries = entries.filter(actor_id=asked["person"])
    if asked["outcome"] == "ok":
        entries = entries.filter(outcome="ok")
    elif asked["outcome"] == "refused":
        entries = entries.exclude(outcome="ok")
    return entries.order_by("-id")


def _people(entries: QuerySet[AuditEntry]) -> list[Person]:
    """Who stands in this part of the log: the choices of the filter."""
    actors = entries.filter(actor_kind="person").order_by().values("actor_id").distinct()[:PEOPLE_LISTED]
    return list(Person.objects.filter(pk__in=actors).order_by("last_name", "first_name"))


def _lines(page: Page[AuditEntry]) -> list[Line]:
    entries = list(page.object_list)
    people = Person.objects.in_bulk({entry.actor_id for entry in entries if entry.actor_kind == "person"})
    wanted: set[UUID] = {
        each for entry in entries for each in (entry.organisation_id, entry.hospital_id) if each is not None
    }
    places = Organisation.objects.in_bulk(wanted)
    programs = ApiToken.objects.in_bulk({entry.actor_id for entry in entries if entry.actor_kind == "machine"})
    names = {pk: person.display_name for pk, person in people.items()} | {
        pk: each.name for pk, each in programs.items()
    }
    return [
        Line(
            entry,
            names.get(entry.actor_id) or _("The system"),
            places.get(entry.organisation_id) if entry.organisation_id else None,
            places.get(entry.hospital_id) if entry.hospital_id else None,
        )
        for entry in entries
    ]
