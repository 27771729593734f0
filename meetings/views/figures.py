"""A board's figures of a period: on the page, as files for a spreadsheet, and as the yearly report."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from cases.coding.words import in_language
from cases.dossiers.board_kinds import board_kind
from cases.exchange.templates import CONTENT_TYPE
from mdo.directory import access as directory
from mdo.directory import disciplines
from mdo.directory.access import Standing
from mdo.directory.models import Organisation
from mdo.kernel import replica
from mdo.kernel.clock import now
from mdo.kernel.errors import NotFound
from meetings.figures import facts
from meetings.figures.counting import Names, figures
from meetings.figures.files import as_csv, as_xlsx
from meetings.figures.tables import Figures
from meetings.reports.content import FiguresSheet
from meetings.reports.printing import figures_pdf
from meetings.views.showing import acting_for, person, private

YEARS_SHOWN = 4
_LAST = {"quarter": timedelta(days=91), "year": timedelta(days=365)}


@dataclass(frozen=True)
class Period:
    """What is counted: ``code`` in the address, with its words. ``since`` ≤ a sitting < ``until``."""

    code: str
    words: str
    since: datetime
    until: datetime


def _periods(zone: str) -> list[Period]:
    """The last quarter and year until now, and calendar years."""
    at = now()
    place = ZoneInfo(zone)
    words = {"quarter": _("Last 3 months"), "year": _("Last 12 months")}
    found = [Period(code, words[code], at - length, at) for code, length in _LAST.items()]
    this = at.astimezone(place).year
    for year in range(this, this - YEARS_SHOWN, -1):
        since, until = datetime(year, 1, 1, tzinfo=place), datetime(year + 1, 1, 1, tzinfo=place)
        found.append(Period(str(year), str(year), since, min(until, at)))
    return found


def _asked(request: HttpRequest, board_id: UUID) -> tuple[Standing, Period, list[Period], Figures]:
    """The board, the period of ``?period=`` (else the last twelve months), and its figures."""
    standing = directory.access_board_for(person(request), board_id, "build_agenda")
    board = standing.board
    periods = _periods(board.time_zone)
    code = request.GET.get("period", "year")
    period = next((each for each in periods if each.code == code), None)
    if period is None:
        raise NotFound()
    # The primary has said who may look; counts that are some seconds old do no harm.
    found = replica.read(lambda: facts.read(board, standing.reach, period.since, period.until))
    names = Names(
        kind=board_kind(board.kind),
        zone=board.time_zone,
        language=get_language(),
        hospitals=dict(Organisation.objects.filter(pk__in=standing.reach).values_list("pk", "name")),
        disciplines=disciplines.all_words(),
        own=standing.organisation_id,
    )
    return standing, period, periods, figures(found, names)


@private
@require_GET
def board_figures(request: HttpRequest, board_id: UUID) -> HttpResponse:
    """``/boards/<id>/figures/``: for those who build the board's agenda. Counts, never names: nothing of it is a read of a case."""
    standing, period, periods, found = _asked(request, board_id)
    here = reverse("meetings:figures", args=[board_id])
    return render(
        request,
        "meetings/figures.html",
        {
            "board": standing.board,
            "figures": found,
            "period": period,
            "tabs": [
                {"label": each.words, "url": f"{here}?period={each.code}", "current": each is period}
                for each in periods
            ],
            "demo": _demo(),
            "acting_for": acting_for(request),
        },
    )


@private
@require_GET
def figures_file(request: HttpRequest, board_id: UUID, form: str) -> HttpResponse:
    """``/boards/<id>/figures.csv``, ``.xlsx`` and ``.pdf`` (the yearly report), of the same ``?period=``."""
    standing, period, _periods, found = _asked(request, board_id)
    board = standing.board
    if form == "pdf":
        language = get_language() or "en"
        hospitals = Organisation.objects.filter(pk__in=standing.reach).order_by("name").values_list("name", flat=True)
        sheet = FiguresSheet(
            board=board.name,
            label=in_language(board_kind(board.kind).label, language),
            hospitals=tuple(hospitals),
            figures=found,
            made_at=now(),
            zone=board.time_zone,
            demo=_demo(),
        )
        body, content_type = figures_pdf(sheet, language), "application/pdf"
    else:
        above = [board.name, period.words, *filter(None, (_demo(), found.note))]
        if form == "csv":
            body, content_type = as_csv(found, above), "text/csv; charset=utf-8"
        else:
            body, content_type = as_xlsx(found, above), CONTENT_TYPE
    response = HttpResponse(body, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="figures-{period.code}.{form}"'
    return response


def _demo() -> str:
    return _("Demonstration: made-up figures, no clinical evidence.") if settings.DEMO else ""
