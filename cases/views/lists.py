"""The list of the own hospital's cases."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from cases import queries
from cases.access import may_bring_in
from cases.forms import SearchForm
from cases.models import Referral
from cases.views.dossier import heads, missing_for
from cases.views.pages import language
from mdo.directory.models import Person
from mdo.paging import part

PER_PAGE = 30
FOUND_AT_MOST = 50


def _labels() -> dict[str, str]:
    return {
        "open": _("All open"),
        "complete": _("To complete"),
        "submitted": _("Handed in"),
        "scheduled": _("On an agenda"),
        "discussed": _("Discussed"),
        "withdrawn": _("Withdrawn"),
    }


@require_http_methods(["GET", "HEAD", "POST"])
def case_list(request: HttpRequest) -> HttpResponse:
    """``/cases/``: the cases by where they are; a search is posted, since a name has no place in an address.

    Query string: ``show`` (a shelf of ``queries.SHELVES``), ``mine=1``, ``page``. The number of queries does not depend on rows.
    """
    by: Person = request.user  # type: ignore[assignment]
    mine = request.GET.get("mine") == "1"
    shelf = request.GET.get("show", "open")
    if shelf not in queries.SHELVES:
        shelf = "open"
    form = SearchForm(request.POST if request.method == "POST" else None)
    referrals = queries.own_referrals(by, mine=mine)
    searched = form.cleaned_data["q"] if form.is_bound and form.is_valid() else ""
    page = None
    if searched:
        found = queries.on_shelf(queries.matching(queries.own_referrals(by), searched), None)[: FOUND_AT_MOST + 1]
        rows = list(found)
    else:
        page = part(request, queries.on_shelf(referrals, shelf), PER_PAGE)
        rows = list(page.object_list)
    counts = queries.shelf_counts(referrals)
    tabs = [
        {
            "label": label,
            "url": f"{reverse('cases:list')}?{urlencode({'show': code} | ({'mine': 1} if mine else {}))}",
            "current": code == shelf and not searched,
            "count": counts[code],
        }
        for code, label in _labels().items()
    ]
    context = {
        "form": form,
        "searched": searched,
        "more": len(rows) > FOUND_AT_MOST,
        "rows": [_row(referral) for referral in rows[:FOUND_AT_MOST]],
        "page": page,
        "tabs": tabs,
        "shelf": shelf,
        "mine": mine,
        "may_bring_in": may_bring_in(by),
    }
    return render(request, "cases/list.html", context, status=422 if form.is_bound and not form.is_valid() else 200)


def _row(referral: Referral) -> dict[str, object]:
    case = referral.case
    tumours = sorted(case.tumours.all(), key=lambda tumour: tumour.position)
    waits = referral.status in queries.SHELVES["complete"]
    return {
        "referral": referral,
        "patient": case.patient,
        "tumours": [
            head.title for head in heads(case, tumours, language()) if tumours[head.number - 1].data.get("laterality")
        ],
        "missing": len(missing_for(case, tumours, referral.board, language())) if waits else 0,
    }
