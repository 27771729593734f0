"""Two coordinators, two tabs, two clicks: one wins, the other is told, and nothing that was typed is lost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from mdo.directory.models import BoardRole
from mdo.kernel.ids import new_id
from mdo.kernel.models import AuditEntry
from meetings import chain
from meetings.actions.signing import sign_decisions
from meetings.models import AgendaItem, Decision, Meeting
from tests.cast import Cast, Member
from tests.factories import make_decision, make_item, make_meeting, make_referral
from tests.meetings.acts import call, client_of, house, together


@pytest.fixture
def two(committed: None, cast: Cast) -> tuple[Member, Member]:
    """The chair coordinates as well."""
    BoardRole.objects.filter(person=cast.chair.person).update(role=BoardRole.Role.COORDINATOR)
    return cast.coordinator, cast.chair


@pytest.fixture
def meeting(committed: None, cast: Cast) -> Meeting:
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    for _ in range(3):
        referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
        make_decision(
            make_item(meeting, referral, state=AgendaItem.State.DISCUSSED), recorded_by=cast.radiologist.person
        )
    return meeting


def by_status(*acts: Callable[[], Any]) -> list[Any]:
    return sorted(together(*acts), key=lambda answer: int(answer.status_code))


def read(client: Client) -> list[str]:
    ((_meeting, waiting),) = client.get(reverse("meetings:signing")).context["groups"]
    return [each.value for each in waiting]


def signed(cast: Cast) -> tuple[int, int]:
    """How many are signed, and how often the access log says that somebody signed; the chain is whole."""
    with house():
        assert chain.verify(cast.board.pk) == []
        rows = AuditEntry.objects.filter(action="decision.sign", outcome="ok").count()
        return Decision.objects.filter(state="signed").count(), rows


def test_two_clicks_of_one_button(cast: Cast, meeting: Meeting) -> None:
    clients = [client_of(cast.coordinator) for _ in range(2)]
    sent = {"command_id": new_id(), "decision": read(clients[0])}
    path = reverse("meetings:sign", args=[meeting.pk])
    answers = by_status(*[lambda client=client: client.post(path, sent) for client in clients])
    assert [each.status_code for each in answers] == [303, 303]
    assert signed(cast) == (3, 1)


def test_two_coordinators_sign_at_once(cast: Cast, meeting: Meeting, two: tuple[Member, Member]) -> None:
    """Also two tabs of one: commands of their own. One signs, the other is told that it is signed."""
    clients = [client_of(member) for member in two]
    values = read(clients[0])
    path = reverse("meetings:sign", args=[meeting.pk])
    answers = by_status(
        *[lambda client=client: client.post(path, {"command_id": new_id(), "decision": values}) for client in clients]
    )
    assert [each.status_code for each in answers] == [303, 409]
    assert answers[1].context["errors"] == [{"message": "Dit is allemaal al ondertekend."}]
    assert signed(cast) == (3, 1)


def test_what_another_signed_already_is_said_beside(cast: Cast, meeting: Meeting, two: tuple[Member, Member]) -> None:
    clients = [client_of(member) for member in two]
    values, path = read(clients[0]), reverse("meetings:sign", args=[meeting.pk])
    assert clients[0].post(path, {"command_id": new_id(), "one": values[0]}).status_code == 303
    late = clients[1].post(path, {"command_id": new_id(), "decision": values})
    assert late.status_code == 303
    page = clients[1].get(late["Location"]).content.decode()
    assert "2 besluiten ondertekend. 1 was al ondertekend." in page
    assert signed(cast) == (3, 2)


def correction(**changes: Any) -> dict[str, Any]:
    return {
        "command_id": new_id(), "correction_id": new_id(), "version": 0, "reason": "Fout genoteerd", "intent": "curative",
        "actions-TOTAL_FORMS": "0", "actions-INITIAL_FORMS": "0", "steps-TOTAL_FORMS": "0", "steps-INITIAL_FORMS": "0",
        **changes,
    }  # fmt: skip


def sent_again(page: Any, **changes: Any) -> dict[str, Any]:
    """The form of a page as it is, sent again."""
    form = page.context["form"]
    hidden = {name: form[name].value() for name in ("command_id", "correction_id", "version", "reason", "text")}
    return correction(**{**hidden, **changes})


def test_two_coordinators_correct_at_once(cast: Cast, meeting: Meeting, two: tuple[Member, Member]) -> None:
    """The other sees both versions, with the own text still in the form, and may write over it knowingly."""
    with house():
        what = [(each.pk, chain.seen(each)) for each in Decision.objects.filter(meeting=meeting)]
    call(sign_decisions, cast.coordinator, meeting_id=meeting.pk, decisions=what)
    path = reverse("meetings:correct", args=[what[0][0]])
    clients = {"De ene tekst.": client_of(two[0]), "De andere tekst.": client_of(two[1])}
    answers = by_status(
        *[lambda c=client, t=text: c.post(path, correction(text=t)) for text, client in clients.items()]
    )
    assert [each.status_code for each in answers] == [303, 409]
    page = answers[1]
    mine = page.context["form"]["text"].value()
    (theirs,) = set(clients) - {mine}
    assert (page.context["theirs"].text, page.context["form"]["version"].value()) == (theirs, "1")
    shown = page.content.decode()
    assert all(words in shown for words in (mine, theirs, "Intussen geschreven door"))
    again = clients[mine].post(path, sent_again(page))
    assert again.status_code == 303
    with house():
        (waiting,) = Decision.objects.filter(replaces=what[0][0])
    assert (waiting.text, waiting.draft_version) == (mine, 2)


def test_a_correction_of_what_was_replaced_meanwhile(cast: Cast, meeting: Meeting, two: tuple[Member, Member]) -> None:
    """Somebody corrected and signed while one typed: the text is kept, and becomes a correction of the version in force."""
    with house():
        what = [(each.pk, chain.seen(each)) for each in Decision.objects.filter(meeting=meeting)]
    call(sign_decisions, cast.coordinator, meeting_id=meeting.pk, decisions=what)
    old = what[0][0]
    first, second = (client_of(member) for member in two)
    first.post(reverse("meetings:correct", args=[old]), correction(text="De ene tekst."))
    first.post(reverse("meetings:sign", args=[meeting.pk]), {"command_id": new_id(), "decision": read(first)})
    page = second.post(reverse("meetings:correct", args=[old]), correction(text="De andere tekst."))
    newer = page.context["decision"]
    assert (page.status_code, newer.version, page.context["theirs"].text) == (409, 2, "De ene tekst.")
    assert page.context["form"]["text"].value() == "De andere tekst."
    address = reverse("meetings:correct", args=[newer.pk])
    assert f'action="{address}"' in page.content.decode()
    assert second.post(address, sent_again(page)).status_code == 303
    with house():
        assert Decision.objects.get(replaces=newer).text == "De andere tekst."
    assert second.get(reverse("meetings:correct", args=[old])).status_code == 404
