"""All addresses of the site."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JSONCatalog

from mdo.directory.views.acting import act_for

urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("jsi18n/", JSONCatalog.as_view(), name="jsi18n"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("act-for/", act_for, name="act_for"),
    path("", include("cases.urls")),
    path("", include("meetings.urls")),
]
if settings.DEMO:
    urlpatterns.append(path("mailbox/", include("mdo.mailbox")))
