from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from mdo.directory.middleware import ORGANISATION
from mdo.kernel.errors import NotFound


@require_POST
def act_for(request: HttpRequest) -> HttpResponse:
    """Act for another of one's own organisations from now on."""
    wanted = request.POST.get("organisation", "")
    if wanted not in {str(each.pk) for each in request.organisations}:  # type: ignore[attr-defined]
        raise NotFound()
    request.session[ORGANISATION] = wanted
    return HttpResponseRedirect(reverse("today"))
