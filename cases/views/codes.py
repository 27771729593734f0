"""Finding a code by words, while a dossier is filled in."""

from typing import Final
from uuid import UUID

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from cases import access
from cases.coding.code_search import find_codes
from cases.forms import CodeSearchForm
from cases.views.pages import language
from mdo.kernel.errors import Invalid

AT_MOST: Final = 30


@require_POST
def find(request: HttpRequest, case_id: UUID) -> JsonResponse:
    """``POST /cases/<id>/codes/``: ``system`` (topography, morphology) and ``q``; ``{"hits": [{"code", "words"}]}``, the best first.

    Posted, since what somebody types beside a patient has no place in an address. Which of the codes the form offers, the page
    knows.
    """
    access.access_case_for(request.user, case_id, "submit", lock=False)  # type: ignore[arg-type]
    form = CodeSearchForm(request.POST)
    if not form.is_valid():
        raise Invalid({name: [str(each) for each in found] for name, found in form.errors.items()})
    hits = find_codes(form.cleaned_data["q"], form.cleaned_data["system"], language=language(), limit=AT_MOST)
    return JsonResponse({"hits": [{"code": hit.code, "words": hit.words} for hit in hits]})
