"""Addresses of cases, referrals and documents."""

from django.urls import path

from cases.views import documents

app_name = "cases"
urlpatterns = [
    path("documents/<uuid:document_id>/", documents.document, name="document"),
]
