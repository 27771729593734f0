"""What carries a guest's link and code: the mail and the text message, and nothing that is stored."""

from __future__ import annotations

from typing import Any

from django.core import mail

from mdo.kernel import sms
from mdo.kernel.models import AuditEntry, JournalEntry
from meetings import guests
from meetings.actions import inviting
from meetings.actions.mailing import deliver
from meetings.models import AgendaItem, Delivery, GuestInvitation
from tests.cast import Cast
from tests.meetings.acts import by_house, house
from tests.meetings.guesting import MAIL, call, deliveries, invite


def test_the_mail_holds_the_link_and_nothing_of_the_case(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own)
    [row] = deliveries("guest_link")
    by_house(deliver, delivery_id=row.pk)
    [message] = mail.outbox
    assert message.to == [MAIL]
    assert f"/guest/#{guests.token(invitation)}" in message.body
    assert cast.board.name in message.subject
    text = message.subject + message.body
    for secret in ("Eerstemans", "Middelmans", "Laatstemans", guests.code(invitation), str(own.pk), "general"):
        assert secret not in text
    assert isinstance(message, mail.EmailMultiAlternatives)
    assert message.alternatives == []


def test_neither_link_nor_code_is_stored(cast: Cast, own: AgendaItem) -> None:
    invitation = invite(cast, own, phone="+32470123456")
    token, code = guests.token(invitation), guests.code(invitation)
    assert len(token) == 64
    with house():
        row = GuestInvitation.objects.filter(pk=invitation.pk).values().get()
        rows = list(Delivery.objects.values()) + list(AuditEntry.objects.values()) + list(JournalEntry.objects.values())
    stored = repr(row) + repr(rows)
    assert token not in stored
    assert token[22:] not in stored  # the part behind the id
    assert f"'{code}'" not in stored
    assert guests.digest(token) == row["token_digest"]


def test_links_and_codes_of_invitations_differ(cast: Cast, own: AgendaItem, settings: Any) -> None:
    one, two = invite(cast, own), invite(cast, own)
    assert guests.token(one) != guests.token(two)
    assert not guests.recognises(one, guests.token(two))
    before = guests.token(one), guests.code(one)
    settings.SECRET_KEY = "another key, which makes other secrets of the same rows: " + "x" * 20
    assert (guests.token(one), guests.code(one)) != before


class Recorded:
    """A gateway of a test: keeps what it was given."""

    sent: list[tuple[str, str]] = []

    def send(self, number: str, text: str) -> None:
        Recorded.sent.append((number, text))


def test_the_code_goes_by_text_message_where_there_is_a_gateway(cast: Cast, own: AgendaItem, settings: Any) -> None:
    settings.MDO_SMS = f"{Recorded.__module__}.{Recorded.__name__}"
    Recorded.sent = []
    invitation = invite(cast, own, phone="+32470123456")
    invite(cast, own)  # without a number
    [row] = deliveries("guest_code")
    by_house(deliver, delivery_id=row.pk)
    assert Recorded.sent == [
        (
            "+32470123456",
            f"Your code for the meeting: {guests.code(invitation)}. Type it on the page of the link that you got by mail.",
        )
    ]
    assert mail.outbox == []
    by_house(deliver, delivery_id=row.pk)
    assert len(Recorded.sent) == 1


def test_without_a_gateway_no_text_message_is_ordered(cast: Cast, own: AgendaItem) -> None:
    invite(cast, own, phone="+32470123456")
    assert deliveries("guest_code") == []


def test_a_text_message_that_nobody_needs_is_dropped(cast: Cast, own: AgendaItem, settings: Any) -> None:
    settings.MDO_SMS = f"{Recorded.__module__}.{Recorded.__name__}"
    Recorded.sent = []
    invitation = invite(cast, own, phone="+32470123456")
    call(cast, inviting.eject_guest, meeting_id=own.meeting_id, guest_id=invitation.pk)
    for kind in ("guest_code", "guest_link"):
        [row] = deliveries(kind)
        by_house(deliver, delivery_id=row.pk)
        assert deliveries(kind)[0].state == "dropped"
    assert (Recorded.sent, mail.outbox) == ([], [])


def test_a_gateway_writes_files_for_trying_out(settings: Any, tmp_path: Any) -> None:
    settings.MDO_SMS, settings.MDO_VAR = "mdo.kernel.sms.Files", tmp_path
    gateway = sms.gateway()
    assert gateway is not None
    gateway.send("+32470123456", "Code 123456")
    [file] = (tmp_path / "sms").iterdir()
    assert file.read_text() == "+32470123456\nCode 123456\n"
    assert file.stat().st_mode & 0o777 == 0o600
