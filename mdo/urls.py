"""All addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from django.views.i18n import JSONCatalog

from mdo.directory.views import sign_in
from mdo.directory.views.acting import act_for
from mdo.directory.views.audit import log
from mdo.directory.views.details import colleague, organisation_details, own_profile
from mdo.directory.views.identity_provider import identity_provider
from mdo.directory.views.image_archive import image_archive
from mdo.directory.views.language import set_language
from mdo.directory.views.proving import sign_in_again
from mdo.directory.views.tokens import token_list, token_revoke
from mdo.watch.status import status
from meetings.views.today import today


def nothing(request: HttpRequest, provider_id: object = None) -> HttpResponse:
    """An address of a library that this site does not use."""
    raise Http404


handler400 = "mdo.errors.misunderstood"
handler403 = "mdo.errors.forbidden"
handler404 = "mdo.errors.missing"
handler500 = "mdo.errors.fault"
urlpatterns = [
    path("", today, name="today"),
    path("language/", set_language, name="set_language"),
    path("jsi18n/", JSONCatalog.as_view(), name="jsi18n"),
    # The settings' provider confirms guests, who begin at their own page; an organisation's has addresses of ours below.
    path("accounts/oidc/<slug:provider_id>/login/", nothing),
    path("accounts/oidc/<uuid:provider_id>/login/callback/", nothing),
    path("sign-in/", sign_in.start, name="sign_in"),
    path("sign-in/<uuid:provider>/back/", sign_in.back, name="sign_in_back"),
    path("sign-in-again/", sign_in_again, name="sign_in_again"),
    path("identity-provider/", identity_provider, name="identity_provider"),
    # Whoever has no password gets none by asking: in a session that was left open, anybody could then sign with it.
    path("accounts/password/set/", nothing),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("act-for/", act_for, name="act_for"),
    path("audit/", log, name="audit"),
    path("image-archive/", image_archive, name="image_archive"),
    path("organisation/", organisation_details, name="organisation"),
    path("organisation/people/<uuid:person_id>/", colleague, name="organisation_person"),
    path("profile/", own_profile, name="profile"),
    path("status/", status, name="status"),
    path("tokens/", token_list, name="tokens"),
    path("tokens/<uuid:token_id>/revoke/", token_revoke, name="token_revoke"),
    path("api/", include("mdo.api")),
    path("fhir/", include("meetings.fhir_urls")),
    path("scim/v2/", include("mdo.directory.scim.views")),
    path("", include("cases.urls")),
    path("", include("meetings.urls")),
]
if settings.DEMO:
    urlpatterns.append(path("mailbox/", include("mdo.mailbox")))
