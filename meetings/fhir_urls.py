"""The addresses below ``/fhir/``."""

from django.urls import path, re_path

from meetings.views import fhir

app_name = "fhir"
urlpatterns = [
    path("metadata", fhir.metadata, name="metadata"),
    path("Binary/<str:resource_id>", fhir.binary, name="binary"),
    path("Composition/<str:resource_id>/$document", fhir.document, name="document"),
    path("<str:kind>/_search", fhir.search_posted, name="search_posted"),
    path("<str:kind>/<str:resource_id>", fhir.read, name="read"),
    path("<str:kind>", fhir.search, name="search"),
    re_path(r"^(?P<rest>.*)$", fhir.nothing, name="nothing"),
]
