"""All addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from django.views.i18n import JSONCatalog

from mdo.directory.views.acting import act_for
from mdo.directory.views.audit import log
from mdo.directory.views.image_archive import image_archive
from mdo.directory.views.language import set_language
from mdo.directory.views.tokens import token_list, token_revoke
from meetings.views.today import today


def nothing(request: HttpRequest, provider_id: str) -> HttpResponse:
    """An address of a library that this site does not use."""
    raise Http404


urlpatterns = [
    path("", today, name="today"),
    path("language/", set_language, name="set_language"),
    path("jsi18n/", JSONCatalog.as_view(), name="jsi18n"),
    # Identities confirm guests, who begin at their own page; nobody signs in by them.
    path("accounts/oidc/<slug:provider_id>/login/", nothing),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("act-for/", act_for, name="act_for"),
    path("audit/", log, name="audit"),
    path("image-archive/", image_archive, name="image_archive"),
    path("tokens/", token_list, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", token_revoke, name="token_revoke"),
    path("api/", include("mdo.api")),
    path("fhir/", include("meetings.fhir_urls")),
    path("", include("cases.urls")),
    path("", include("meetings.urls")),
]
if settings.DEMO:
    urlpatterns.append(path("mailbox/", include("mdo.mailbox")))
