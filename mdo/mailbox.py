"""`/mailbox/`: the mail that the demonstration sent, read out of the Maildir that the SMTP sink fills. Demo mode only."""

from __future__ import annotations

import mailbox
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from pathlib import PurePath
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_safe

SHOWN = 200


@dataclass(frozen=True)
class Attachment:
    """One attached part; `number` is its place among the attachments."""

    number: int
    name: str
    kind: str
    size: int


@dataclass(frozen=True)
class Mail:
    """One mail as the page shows it."""

    key: str
    to: str
    sender: str
    subject: str
    sent_at: datetime
    text: str
    attachments: tuple[Attachment, ...]


def _open() -> mailbox.Maildir:
    return mailbox.Maildir(settings.MDO_MAILBOX, factory=None, create=True)


def _parse(key: str, box: mailbox.Maildir) -> EmailMessage:
    message = BytesParser(policy=policy.default).parsebytes(box.get_bytes(key))
    assert isinstance(message, EmailMessage)
    return message


def _sent_at(message: EmailMessage) -> datetime:
    try:
        sent = parsedate_to_datetime(str(message["Date"]))
    except ValueError:
        return timezone.now()
    return sent if sent.tzinfo else timezone.make_aware(sent)


def _mail(key: str, message: EmailMessage) -> Mail:
    body = message.get_body(("plain", "html"))
    return Mail(
        key=key,
        to=str(message["To"] or ""),
        sender=str(message["From"] or ""),
        subject=str(message["Subject"] or ""),
        sent_at=_sent_at(message),
        text=body.get_content() if body is not None else "",
        attachments=tuple(
            Attachment(
                number,
                PurePath(part.get_filename() or f"part-{number}").name,
                part.get_content_type(),
                len(part.get_payload(decode=True) or b""),
            )
            for number, part in enumerate(message.iter_attachments())
        ),
    )


@login_not_required  # a guest's invitation and a forgotten password arrive here
@require_safe
def index(request: HttpRequest, key: str | None = None) -> HttpResponse:
    """The newest mails, and the chosen one whole; `?to=` keeps those to one address."""
    box = _open()
    newest = sorted(box.keys(), reverse=True)
    wanted = request.GET.get("to", "").strip().lower()
    mails = []
    for each in newest:
        mail = _mail(each, _parse(each, box))
        if not wanted or wanted in mail.to.lower():
            mails.append(mail)
        if len(mails) == SHOWN:
            break
    mails.sort(key=lambda mail: mail.sent_at, reverse=True)
    chosen = None
    if key is not None:
        if key not in box:
            raise Http404
        chosen = _mail(key, _parse(key, box))
    return render(request, "mailbox.html", {"mails": mails, "chosen": chosen, "to": wanted})


@login_not_required  # a guest's invitation and a forgotten password arrive here
@require_safe
def attachment(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """One attached file, to be saved."""
    box = _open()
    if key not in box:
        raise Http404
    parts = list(_parse(key, box).iter_attachments())
    if number >= len(parts):
        raise Http404
    part = parts[number]
    payload = part.get_payload(decode=True)
    response = HttpResponse(payload if isinstance(payload, bytes) else b"", content_type=part.get_content_type())
    name = PurePath(part.get_filename() or f"part-{number}").name
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return response


urlpatterns = [
    path("", index, name="mailbox"),
    path("<str:key>/", index, name="mailbox-mail"),
    path("<str:key>/<int:number>/", attachment, name="mailbox-attachment"),
]
