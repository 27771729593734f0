"""The bytes of a document, through access control."""

import re
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from cases.access import access_document_for_reading
from cases.coding.documents import EXTENSIONS
from cases.models import Document
from mdo.kernel.errors import Unavailable
from mdo.kernel.storage import Damaged, storage

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
    found = access_document_for_reading(request.user, document_id)  # type: ignore[arg-type]
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
        raise Unavailable(_("This file cannot be read now. Tell the site's operator.")) from error
    if part is None:
        return HttpResponse(body)
    return HttpResponse(body, status=206, headers={"Content-Range": f"bytes {start}-{end}/{found.size}"})
