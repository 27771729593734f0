"""What the pages of this app share: who asks, how a refusal is shown with everything still there, and the trace of a list."""

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, cast
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache

from mdo.directory.middleware import FOR, is_id
from mdo.directory.models import Person
from mdo.kernel import audit
from mdo.kernel.errors import IdReused, Invalid, NotFound, Refused, RuleBroken, Stale
from mdo.kernel.ids import new_id
from mdo.kernel.storage import read_whole
from meetings.models import Report
from meetings.reports.making import WORD_KEPT, made_anew

SHOWN = (RuleBroken, Invalid, Stale, IdReused)  # refusals that belong beside the form; the others are the middleware's


def person(request: HttpRequest) -> Person:
    """Who asks. The middleware lets nobody in who is not signed in."""
    return cast(Person, request.user)


def acting_for(request: HttpRequest, sign: str = "?") -> str:
    """The end of an address that keeps the organisation for which this page is looked at, or nothing; ``sign`` is "&" behind another
    parameter."""
    organisation = is_id(request.GET.get(FOR, ""))
    return f"{sign}{FOR}={organisation}" if organisation else ""


def private(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A page with care content: no browser or proxy keeps it."""
    return wraps(view)(never_cache(view))


def printed(report: Report) -> bytes:
    """A printed report, read whole: it is small. Raises ``Unavailable`` where the file cannot be read."""
    return read_whole(report.storage_name)


DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def pdf(row: Report, name: str) -> HttpResponse:
    """A printed report as an answer. The name of the file tells nothing of whom it is about (DOMAIN §8)."""
    return _file(printed(row), "application/pdf", f'inline; filename="{name}"')


def docx(row: Report, name: str) -> HttpResponse:
    """The same as DOCX. Raises ``NotFound`` for a report that has none: it was made before there were any."""
    if row.kind in WORD_KEPT and not row.word_name:
        raise NotFound()
    content = read_whole(row.word_name) if row.word_name else made_anew(row, row.language, as_word=True)
    return _file(content, DOCX, f'attachment; filename="{name}"')


def _file(content: bytes, kind: str, disposition: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response["Content-Disposition"] = disposition
    response["Content-Length"] = str(len(content))
    response["X-Content-Type-Options"] = "nosniff"
    return response


def in_language(request: HttpRequest, row: Report, name: str, *, as_word: bool = False) -> HttpResponse:
    """A document for whoever reads it, in the language of ``?language=``, else in that of their pages. In its own language it is the file
    that was kept; in another one it is made now. ``name`` is the file's, without its end. Raises ``NotFound`` for a language that there
    is not."""
    language = request.GET.get("language") or get_language() or row.language
    if language not in dict(settings.LANGUAGES):
        raise NotFound()
    if language == row.language:
        return docx(row, f"{name}.docx") if as_word else pdf(row, f"{name}.pdf")
    content = made_anew(row, language, as_word=as_word)
    if as_word:
        return _file(content, DOCX, f'attachment; filename="{name}-{language}.docx"')
    return _file(content, "application/pdf", f'inline; filename="{name}-{language}.pdf"')


def status_of(request: HttpRequest, refusal: Refused) -> int:
    """The status of a page that shows a refusal. htmx swaps a 422 and leaves a 409 out, so it gets the former."""
    return 422 if getattr(request, "htmx", False) else refusal.status


def sentences(refusal: Refused) -> list[dict[str, str]]:
    """A refusal as the errors summary wants it, without a field to lead to."""
    if isinstance(refusal, Invalid):
        return [{"message": each} for found in refusal.errors.values() for each in found]
    return [{"message": refusal.message}]


def put_on(form: forms.Form, refusal: Refused) -> None:
    """Show a refusal on the form that caused it: at the field where there is one, else above."""
    found = refusal.errors if isinstance(refusal, Invalid) else {refusal.field or "": [refusal.message]}
    for field, words in found.items():
        known = field if field in form.fields and not form.fields[field].widget.is_hidden else None
        for each in words:
            form.add_error(known, each)


def form_sentences(form: forms.Form) -> list[dict[str, str]]:
    """The errors of a small form, in words: for a page that shows it without its own summary."""
    found = []
    for field, errors in form.errors.items():
        label = "" if field == "__all__" or form[field].is_hidden else f"{form[field].label}: "
        found += [{"message": f"{label}{error}"} for error in errors]
    return found


def did(request: HttpRequest, url: str, words: str = "") -> HttpResponse:
    """After something was done: say so and show the page anew (303, so that a reload does nothing twice)."""
    if words:
        messages.success(request, words)
    response = HttpResponseRedirect(url)
    response.status_code = 303
    return response


def carry_out(
    request: HttpRequest,
    form: forms.Form,
    act: Callable[[dict[str, Any]], object],
    page: Callable[[list[dict[str, str]], int], HttpResponse],
    url: str,
    words: str | Callable[[], str] = "",
) -> HttpResponse:
    """What a button of a page does: ``act`` with the checked values of its form, then ``url`` and ``words`` (or what says them, asked
    afterwards). A form that is wrong and a refusal come back on the ``page``, which draws itself anew with sentences and a status."""
    if not form.is_valid():
        return page(form_sentences(form), 422)
    try:
        act(form.cleaned_data)
    except SHOWN as refusal:
        return page(sentences(refusal), status_of(request, refusal))
    return did(request, url, words if isinstance(words, str) else words())


ANY_ID = UUID(int=0)
"""Stands in an address where a row's own id comes: sixty rows have three hundred addresses, and looking each up takes longer than
all queries together."""


def with_id(address: str, row_id: UUID) -> str:
    """An address that was looked up for ``ANY_ID``, of a row."""
    return address.replace(str(ANY_ID), str(row_id))


def trace(action: str, rows: Iterable[tuple[UUID, UUID]], **detail: Any) -> None:
    """One audit row for each hospital of whose patients a list shows names: ``rows`` are (hospital, case). A list of sixty cases
    is one reading, not sixty, and each hospital's privacy officer sees what was shown of theirs."""
    by_hospital: dict[UUID, list[str]] = {}
    for hospital_id, case_id in rows:
        by_hospital.setdefault(hospital_id, []).append(str(case_id))
    for hospital_id in sorted(by_hospital):
        audit.act(action, hospital_id=hospital_id, detail={**detail, "cases": by_hospital[hospital_id]})


def renew(form: forms.Form, version: int, *ids: str) -> None:
    """After a refusal: what was typed stays, on top of the version as it is now, as a new command and for a new row (``ids``: the fields
    that name one): a row of the old id may be there already, made by the same page before."""
    data = QueryDict(mutable=True)
    data.update(form.data)
    data["version"] = str(version)
    for name in ("command_id", *ids):
        data[name] = str(new_id())
    form.data = data
