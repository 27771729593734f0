from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_POST
from django.views.i18n import set_language as set_language_cookie

from mdo.directory.actions.account import choose_language


@login_not_required
@require_POST
def set_language(request: HttpRequest) -> HttpResponseBase:
    """Choose a language: kept with the person who is signed in, and in a cookie for the pages before signing in."""
    wanted = request.POST.get("language", "")
    if request.user.is_authenticated and wanted in dict(settings.LANGUAGES):
        choose_language(by=request.user, language=wanted)
    return set_language_cookie(request)
