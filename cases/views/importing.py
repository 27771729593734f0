"""A case out of a file: the FHIR Bundle that a record system exports, looked at before anything is made."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from cases import access, intake
from cases.actions.taking_in import take_in_case
from cases.dossiers import dossier
from cases.exchange.fhir import Finding, Reading, Submission, read_bundle
from cases.exchange.json_input import InvalidJson, read_json
from cases.forms import CommandForm
from cases.models import Case, Document, Patient, Tumour
from cases.queries import cases_of
from cases.views.dossier import sections, tumour_table
from cases.views.identity import identity
from cases.views.pages import language
from mdo.directory.models import Board, Person
from mdo.kernel.errors import IdReused, Invalid, RuleBroken
from mdo.kernel.ids import derived_id

LARGEST = 4 * 1024 * 1024  # bytes: the text travels once more with the confirmation, within what a form may hold
MOST_SHOWN = 50  # errors


class BundleForm(CommandForm):
    """The file; after the look at it, its text again."""

    file = forms.FileField(
        label=gettext_lazy("FHIR Bundle"),
        help_text=gettext_lazy(
            "A JSON file that your record system exports, at most 4 MB. Nothing is stored before you confirm."
        ),
        required=False,
        widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json,application/fhir+json"}),
    )
    text = forms.CharField(required=False, strip=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["file"].required = not self.is_bound  # what is sent is a file or, when it is confirmed, its text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        file = cleaned.get("file")
        if file is None and not cleaned.get("text"):
            self.add_error("file", _("Choose a file."))
        elif file is not None and file.size > LARGEST:
            self.add_error("file", _("This file is larger than 4 MB: send it through the interface for programs."))
        self.fields["file"].required = True  # as it is shown again
        return cleaned

    @property
    def raw(self) -> bytes:
        file = self.cleaned_data["file"]
        return bytes(file.read()) if file is not None else str(self.cleaned_data["text"]).encode("utf-8", "replace")


@require_http_methods(["GET", "HEAD", "POST"])
def fhir_import(request: HttpRequest) -> HttpResponse:
    """``/cases/import/fhir/``: a file is read and shown; the same again with ``confirm`` makes the case."""
    by: Person = request.user  # type: ignore[assignment]
    hospital_id = access.access_hospital_for_submitting(by)
    if request.method != "POST":
        return _page(request, BundleForm())
    form = BundleForm(request.POST, request.FILES)
    if not form.is_valid():
        return _page(request, form, status=422)
    raw = form.raw
    try:
        value = read_json(raw)
    except InvalidJson as error:
        form.add_error("file", str(error))
        return _page(request, form, status=422)
    reading = read_bundle(value, intake.around(by))
    submission = reading.submission
    if submission is None:
        return _page(request, BundleForm(), findings=reading.errors, status=422)
    digest = intake.digest_of(value)
    known = intake.find(hospital_id, submission, digest)
    if known is not None:
        return _known(request, by, known.case_id, same=known.same)
    if "confirm" not in request.POST:
        form = BundleForm(initial={"text": raw.decode("utf-8-sig")})
        return _page(request, form, reading=reading)
    case_id = derived_id(form.cleaned_data["command_id"], by.pk, "case")
    try:
        take_in_case(
            by=by, case_id=case_id, submission=submission, digest=digest, command_id=form.cleaned_data["command_id"]
        )
    except (Invalid, RuleBroken, IdReused) as refusal:
        found = refusal.errors if isinstance(refusal, Invalid) else {"": [refusal.message]}
        findings = [Finding("error", place, each) for place, sentences in found.items() for each in sentences]
        return _page(request, BundleForm(), findings=findings, status=refusal.status)
    messages.success(request, _("The case is made, as a draft. Complete it whenever you can; then hand it in."))
    return HttpResponseRedirect(reverse("cases:detail", args=[case_id]))


def _known(request: HttpRequest, by: Person, case_id: UUID, *, same: bool) -> HttpResponse:
    """The request came before: nothing is made, and who may see its case goes there."""
    sentence = (
        _("This was brought in before: nothing was made twice.")
        if same
        else _("A request with this number was brought in before, with other content. Change its case instead.")
    )
    if access.visible_cases(by).filter(pk=case_id).exists():
        messages.info(request, sentence)
        return HttpResponseRedirect(reverse("cases:detail", args=[case_id]))
    return _page(request, BundleForm(), findings=[Finding("error", "", sentence)], status=422)


def _page(
    request: HttpRequest,
    form: BundleForm,
    *,
    reading: Reading | None = None,
    findings: list[Finding] | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {"form": form, "findings": (findings or [])[:MOST_SHOWN]}
    if reading is not None and reading.submission is not None:
        context |= _preview(request, reading.submission) | {"remarks": reading.findings}
    return render(request, "cases/import_fhir.html", context, status=status)


def _preview(request: HttpRequest, submission: Submission) -> dict[str, Any]:
    """What would be made, in words."""
    by: Person = request.user  # type: ignore[assignment]
    told, asked = submission.identity, submission.asked
    board = Board.objects.select_related("organiser").get(pk=asked.board_id)
    known = access.find_patient(by, national_number=told.national_number, other_identifier=told.other_identifier)
    patient = known or Patient(
        family_name=told.family_name,
        given_name=told.given_name,
        birth_date=told.birth_date,
        sex=told.sex,
        national_number=told.national_number,
        other_identifier=told.other_identifier,
        record_number=told.record_number,
    )
    form = dossier(board.dossier)
    head = {"dossier": form.dossier, "version": form.version}
    case = Case(dossier=form.dossier, dossier_version=form.version, data=head | submission.case.values)
    tumours = [
        Tumour(position=number, data=head | each.values) for number, each in enumerate(submission.tumours, start=1)
    ]
    return {
        "preview": submission,
        "identity": identity(patient, request.organisation),  # type: ignore[attr-defined]
        "known": known,
        "cases": cases_of(by, known) if known else [],
        "board": board,
        "requester": Person.objects.get(pk=asked.requester_id),
        "sections": sections(case, language()),
        "tumours": tumour_table(case, tumours, language()),
        "documents": [
            {"name": each.name, "kind": Document.Kind(each.kind).label, "size": len(each.content)}
            for each in submission.attachments
        ],
    }
