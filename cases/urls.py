"""Addresses of cases, referrals and documents."""

from django.urls import path

from cases.views import (
    answer,
    codes,
    detail,
    documents,
    drafts,
    edit,
    gps,
    lists,
    merging,
    new,
    patients,
    proposals,
    referrals,
)
from cases.views.importing import fhir_import
from cases.views.launch import accept as launch_accept
from cases.views.launch import launch as launch_page

app_name = "cases"
urlpatterns = [
    path("cases/", lists.case_list, name="list"),
    path("cases/new/", new.case_new, name="new"),
    path("cases/new/<uuid:sketch_id>/", new.case_resume, name="resume"),
    path("cases/new/<uuid:sketch_id>/draft/", drafts.new_case_draft, name="new_draft"),
    path("cases/new/<uuid:sketch_id>/throw-away/", new.case_throw_away, name="throw_away"),
    path("cases/import/fhir/", fhir_import, name="import_fhir"),
    path("cases/<uuid:case_id>/", detail.case_detail, name="detail"),
    path("cases/<uuid:case_id>/gp/", gps.gp_edit, name="gp"),
    path("cases/<uuid:case_id>/edit/", edit.case_edit, name="edit"),
    path("cases/<uuid:case_id>/draft/", drafts.case_draft, name="draft"),
    path("cases/<uuid:case_id>/codes/", codes.find, name="codes"),
    path("cases/<uuid:case_id>/answer/<uuid:answer_id>/", answer.answer, name="answer"),
    path("cases/<uuid:case_id>/paste/", proposals.case_paste, name="paste"),
    path("cases/<uuid:case_id>/patient/", patients.patient_edit, name="patient"),
    path("cases/<uuid:case_id>/patient/merge/", merging.patient_merge, name="merge"),
    path("cases/<uuid:case_id>/documents/", documents.upload, name="upload"),
    path("cases/<uuid:case_id>/referrals/new/", referrals.referral_new, name="refer"),
    path("referrals/<uuid:referral_id>/", referrals.referral_edit, name="referral"),
    path("referrals/<uuid:referral_id>/draft/", drafts.referral_draft, name="referral_draft"),
    path("referrals/<uuid:referral_id>/submit/", referrals.submit, name="submit"),
    path("referrals/<uuid:referral_id>/withdraw/", referrals.withdraw, name="withdraw"),
    path("documents/<uuid:document_id>/", documents.document, name="document"),
    path("documents/<uuid:document_id>/remove/", documents.remove, name="document_remove"),
    path("documents/<uuid:document_id>/share/", documents.share, name="document_share"),
    path("hooks/launch/", launch_accept, name="launch_accept"),
    path("launch/<uuid:launch_id>/", launch_page, name="launch"),
]
