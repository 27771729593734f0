"""Documents: adding, taking out, sharing; and their bytes, through access control."""

import logging
import re
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from cases.access import access_case_for_submitting, access_document_for_reading, access_document_for_submitting
from cases.actions.documents import add_document, remove_document, share_document
from cases.coding.documents import EXTENSIONS
from cases.forms import CommandForm, ShareForm, UploadForm
from cases.models import Document
from cases.views.detail import show_case
from cases.views.pages import SHOWN, as_errors
from mdo.directory.models import Person
from mdo.kernel.encryption import Damaged
from mdo.kernel.errors import Invalid, Unavailable
from mdo.kernel.ids import derived_id
from mdo.kernel.storage import storage

log = logging.getLogger(__name__)
_RANGE = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{0,15})|-([0-9]{1,15}))")


class Unsatisfiable(Exception):
    """The range that was asked for lies behind the end of the file (RFC 9110 §15.5.17)."""


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a ``Range`` header with one range, ``None`` where the whole file is to be sent.

    Several ranges, other units and what cannot be read are answered with the whole file, as RFC 9110 §14.2 allows.
    Raises ``Unsatisfiable``.
    """
    found = _RANGE.fullmatch(header.replace(" ", ""))
    if found is None:
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        if int(suffix) == 0 or size == 0:
            raise Unsatisfiable
        return max(0, size - int(suffix)), size - 1
    start, end = int(first), int(last) if last else size - 1
    if start >= size:
        raise Unsatisfiable
    return None if end < start else (start, min(end, size - 1))


@require_safe
def document(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """``GET /documents/<id>/``: the file, shown in the browser, never kept; writes the read row."""
    return send_document(request, access_document_for_reading(request.user, document_id))  # type: ignore[arg-type]


def send_document(request: HttpRequest, found: Document) -> HttpResponse:
    """The bytes of a document that somebody was just given, as a browser may show them and nobody keeps them."""
    response = _bytes_of(found, request.headers.get("Range", "") if "If-Range" not in request.headers else "")
    response["Content-Type"] = found.content_type
    # A name tells nothing of the patient or of what is in the file.
    response["Content-Disposition"] = f'inline; filename="document-{found.pk.hex[-8:]}{EXTENSIONS[found.content_type]}"'  # type: ignore[index]
    response["Content-Security-Policy"] = (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"
    )
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store, private"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Accept-Ranges"] = "bytes"
    return response


def _bytes_of(found: Document, header: str) -> HttpResponse:
    try:
        part = byte_range(header, found.size)
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{found.size}"})
    start, end = part or (0, found.size - 1)
    try:
        with storage.open(found.storage_name) as file:
            file.seek(start)
            body = file.read(end - start + 1)
    except (Damaged, OSError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        log.error("document %s cannot be read below MDO_VAR (%s)", found.pk, why)
        raise Unavailable(_("This file cannot be read now. Tell the site's operator.")) from error
    if part is None:
        return HttpResponse(body)
    return HttpResponse(body, status=206, headers={"Content-Range": f"bytes {start}-{end}/{found.size}"})


@require_POST
def upload(request: HttpRequest, case_id: UUID) -> HttpResponse:
    """``POST /cases/<id>/documents/``: one or several files. Sound ones are kept, each refused one is named with the reason (422)."""
    by: Person = request.user  # type: ignore[assignment]
    access_case_for_submitting(by, case_id)  # before any byte is looked at
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        errors = [
            {"field_id": f"id_{name}" if name in ("kind", "documents") else "", "message": message}
            for name, found in form.errors.items()
            for message in found
        ]
        return show_case(request, case_id, status=422, errors=errors, upload_form=form)
    command_id, kept, errors = form.cleaned_data["command_id"], 0, []
    for number, each in enumerate(form.uploads):
        try:
            add_document(
                by=by,
                case_id=case_id,
                document_id=derived_id(command_id, by.pk, f"document {number}"),
                kind=form.cleaned_data["kind"],
                upload=each,
                command_id=derived_id(command_id, by.pk, f"upload {number}"),
            )
        except SHOWN as error:
            errors += [
                {"field_id": "id_documents", "message": f"{each.name[:120]}: {found['message']}"}
                for found in as_errors(error)
            ]
        else:
            kept += 1
    if kept:
        text = ngettext("%(count)d document added.", "%(count)d documents added.", kept)
        messages.success(request, text % {"count": kept})
    if errors:
        form.renew()
        return show_case(request, case_id, status=422, errors=errors, upload_form=form)
    return HttpResponseRedirect(reverse("cases:detail", args=[case_id]) + "#documents")


@require_POST
def remove(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """``POST /documents/<id>/remove/``: take a document out of its case."""
    by: Person = request.user  # type: ignore[assignment]
    found = access_document_for_submitting(by, document_id)
    try:
        remove_document(by=by, document_id=document_id, command_id=_command_id(CommandForm(request.POST)))
    except SHOWN as error:
        return show_case(request, found.case_id, status=error.status, errors=as_errors(error))
    messages.success(request, _("The document was taken out."))
    return HttpResponseRedirect(reverse("cases:detail", args=[found.case_id]) + "#documents")


@require_POST
def share(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """``POST /documents/<id>/share/``: whether a guest of the item may open it (``shared``)."""
    by: Person = request.user  # type: ignore[assignment]
    found = access_document_for_submitting(by, document_id)
    form = ShareForm(request.POST)
    command_id = _command_id(form)
    try:
        share_document(by=by, document_id=document_id, shared=form.cleaned_data["shared"], command_id=command_id)
    except SHOWN as error:
        return show_case(request, found.case_id, status=error.status, errors=as_errors(error))
    return HttpResponseRedirect(reverse("cases:detail", args=[found.case_id]) + "#documents")


def _command_id(form: CommandForm) -> UUID:
    if not form.is_valid():
        raise Invalid({name: [str(each) for each in found] for name, found in form.errors.items()})
    found: UUID = form.cleaned_data["command_id"]
    return found
