"""Journey: a GP on a phone, from the link to the goodbye. Whatever reached the phone is searched for everybody else."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Error, Response, WebSocket, expect

from mdo.cli.process import Child
from mdo.kernel.clock import now
from meetings.models import AgendaItem, Meeting
from tests.cast import Cast
from tests.factories import make_case, make_document, make_item, make_meeting, make_patient, make_referral
from tests.journeys.pages import RoomPage, body_of
from tests.journeys.visitors import Visitor, Visitors
from tests.meetings.acts import house
from tests.parts import MailServer, until

pytestmark = pytest.mark.journey

NAME, MAIL = "dr. Jef Verlinden", "jef.verlinden@example.org"
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
OTHERS = ("Eerstemans", "Aleidis", "Laatstemans", "Walburga")
GONE_WITHIN_S = 2.0


@dataclass
class Line:
    """Everything that reached one browser: answers and frames, as text."""

    said: list[tuple[str, str]] = field(default_factory=list)

    def listen(self, visitor: Visitor) -> Line:
        visitor.context.on("response", self._answered)
        visitor.page.on("websocket", self._socket)
        return self

    def _answered(self, response: Response) -> None:
        if "/static/" in response.url:
            return
        self.said.append((response.url, repr(response.headers)))
        with contextlib.suppress(Error):  # a redirect has no body
            self.said.append((response.url, response.body().decode("utf-8", "replace")))

    def _socket(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: self.said.append((socket.url, str(frame))))

    def found(self, secrets: Any) -> dict[str, str]:
        return {secret: where for secret in secrets for where, text in self.said if secret in text}


@pytest.fixture
def items(cast: Cast) -> list[AgendaItem]:
    """A sitting that begins now: three cases with documents, of which the second is the guest's."""
    meeting = make_meeting(cast.board, starts_at=now(), ends_at=now() + timedelta(minutes=90))
    found = []
    patients = (("Eerstemans", "Aleidis"), ("Middelmans", "Begga"), ("Laatstemans", "Walburga"))
    for family, given in patients:
        hospital, requester = cast.organiser, cast.requester.person
        patient = make_patient(hospital, family_name=family, given_name=given)
        case = make_case(hospital, requester, patient=patient)
        make_document(case, name=f"Brief {family}.pdf", shared_with_guests=True)
        make_document(case, name=f"Protocol {family}.pdf")
        referral = make_referral(
            cast.board, hospital, requester, case=case, status="scheduled", question=f"Wat doen wij voor {given}?"
        )
        found.append(make_item(meeting, referral))
    return found


def link_in(smtp: MailServer) -> str:
    """The address that the guest's mail leads to, as it stands there."""
    [message] = until(lambda: smtp.to(MAIL), "the guest's mail")
    body = body_of(message)
    for secret in (*OTHERS, "Middelmans", "Begga"):
        assert secret not in body
    [url] = re.findall(r"http://\S+", body)
    return str(url)


def secrets_of(meeting: Meeting, items: list[AgendaItem]) -> list[str]:
    others = [item for item in items if item.pk != items[1].pk]
    labels = [item.referral.case.patient.label for item in others]  # type: ignore[union-attr]
    return [*OTHERS, *labels, *(str(item.pk) for item in others)]


def watch(guest: Visitor, word: str) -> None:
    """Let the page itself note the moment from which nothing of this stands in it any more, shown or not."""
    guest.page.evaluate(
        """word => {
            const look = () => {
                if (!window.goneAt && !document.documentElement.textContent.includes(word)) window.goneAt = Date.now();
            };
            new MutationObserver(look).observe(document, { childList: true, subtree: true, characterData: true });
        }""",
        word,
    )


def gone_after(guest: Visitor, item: AgendaItem) -> float:
    """Seconds from the moment at which the item was closed in the database."""
    with house():
        item.refresh_from_db()
    assert item.closed_at is not None
    return float(guest.page.evaluate("window.goneAt")) / 1000 - item.closed_at.timestamp()


def test_a_guest_from_the_link_to_the_goodbye(
    cast: Cast, visitors: Visitors, items: list[AgendaItem], worker: Child, smtp: MailServer
) -> None:
    meeting, own = items[0].meeting, items[1]
    secretary = visitors.bring("secretary", cast.secretary)
    chair = RoomPage(visitors.bring("chair", cast.chair), meeting.pk).enter()

    # The secretary invites from the agenda, and reads the code out.
    secretary.go(f"/meetings/{meeting.pk}/")
    secretary.page.get_by_role("row").filter(has_text="Middelmans").get_by_role("link", name="Guests").click()
    expect(secretary.page.get_by_role("heading", name="Invite a guest")).to_be_visible()
    secretary.look("guests, nobody yet")
    secretary.page.get_by_label("Name", exact=True).fill(NAME)
    secretary.page.get_by_label("Mail address").fill(MAIL)
    secretary.page.get_by_label("Guest's language").select_option("en")
    secretary.page.get_by_role("button", name="Send the link").click()
    code = secretary.page.locator("[data-guest-code]").inner_text()
    secretary.look("guests, with the code")
    secretary.page.reload()
    expect(secretary.page.locator("[data-guest-code]")).to_have_count(0)

    # The link, on a phone: the secret leaves the address at once; a code is asked for, and a wrong one is not it.
    guest = visitors.bring("guest", cast.guest, signed_in=False, **PHONE)
    line = Line().listen(guest)
    url = link_in(smtp)
    secret = urlsplit(url).fragment
    assert len(secret) == 64
    guest.page.goto(url)
    expect(guest.page.get_by_role("heading", name="Your code")).to_be_visible()
    assert guest.page.url == f"{guest.site}/guest/"
    assert secret not in guest.page.content()
    for word in (NAME, cast.board.name, "Middelmans"):
        assert word not in guest.page.content()
    guest.look("code")
    with guest.expecting("422"):
        guest.page.get_by_label("Code", exact=True).fill("000000" if code.replace(" ", "") != "000000" else "111111")
        guest.page.keyboard.press("Enter")
        expect(guest.page.get_by_text("Tries left: 4")).to_be_visible()
    guest.look("code, wrong")
    guest.page.get_by_label("Code", exact=True).fill(code)
    guest.page.keyboard.press("Enter")
    expect(guest.page.get_by_role("heading", name="You are in the lobby")).to_be_visible()
    expect(guest.page.get_by_text(f"Welcome, {NAME}.")).to_be_visible()
    guest.look("lobby")
    room = guest.page.url

    # Forwarded: in any other browser the link shows nothing.
    stranger = visitors.bring("stranger", cast.outsider, signed_in=False)
    forwarded = Line().listen(stranger)
    stranger.page.goto(url)
    expect(stranger.page.get_by_role("heading", name="This link was used already")).to_be_visible()
    stranger.look("used")
    assert forwarded.found([NAME, cast.board.name, "Middelmans", str(own.pk), str(meeting.pk)]) == {}

    # Another case comes first: the lobby does not stir.
    lobby = guest.page.locator(".lobby").inner_text()
    chair.start()
    chair.next()
    chair.shows_patient("Eerstemans")
    chair.postpone("Pathology missing", "")
    expect(guest.page.get_by_role("heading", name="You are in the lobby")).to_be_visible()
    assert guest.page.locator(".lobby").inner_text().splitlines()[0] == lobby.splitlines()[0]

    # The own one: in, with what is shared.
    chair.next()
    chair.shows_patient("Middelmans")
    expect(guest.page.locator("[data-identity]")).to_contain_text("Middelmans")
    expect(guest.page.get_by_text("Wat doen wij voor Begga?")).to_be_visible()
    expect(guest.page.get_by_text("Brief Middelmans.pdf")).to_be_visible()
    expect(guest.page.get_by_text("Protocol Middelmans.pdf")).to_have_count(0)
    guest.look("stage")
    document = guest.page.locator("a[data-document]").first.get_attribute("href")
    assert document is not None
    stage = f"/meetings/{meeting.pk}/items/{own.pk}/stage/"
    assert (guest.status(stage), guest.status(document)) == (200, 200)
    guest.page.locator("a[data-document]").first.click()
    expect(guest.page.locator("canvas, .paper").first).to_be_visible()
    # … inside the room alone: a tab of its own would keep it.
    with guest.expecting("404"):
        tab = guest.context.new_page()
        for path in (stage, document):
            tab.goto(guest.site + path)
            assert "Middelmans" not in tab.content()
            expect(tab.get_by_role("heading", name="Not found")).to_be_visible()

    # The next case: out, and nothing of it is left.
    watch(guest, "Middelmans")
    chair.postpone("Out of time", "")
    expect(guest.page.get_by_role("heading", name="Thank you")).to_be_visible()
    took = gone_after(guest, own)
    assert 0 <= took <= GONE_WITHIN_S
    for word in ("Middelmans", "Begga"):
        assert word not in guest.page.content()
    expect(guest.page.locator("canvas, .paper, iframe, [data-stage]")).to_have_count(0)
    print(f"gone after {took:.2f} s")
    guest.look("goodbye")

    # Copied addresses and the way back in the browser lead to nothing.
    with guest.expecting("404"):
        assert (guest.status(stage), guest.status(document)) == (404, 404)
        guest.page.goto(guest.site + stage)
        expect(guest.page.get_by_role("heading", name="Not found")).to_be_visible()
        guest.look("nothing")
        guest.page.go_back()
        expect(guest.page.get_by_role("heading", name="Thank you")).to_be_visible()
        assert "Middelmans" not in guest.page.content()
        for path in ("/", "/cases/", f"/meetings/{meeting.pk}/", "/decisions/", "/accounts/login/"):
            assert guest.status(path) == 404, path

    # The last case, and the end of the meeting: the session ends with it.
    chair.next()
    chair.shows_patient("Laatstemans")
    expect(guest.page.get_by_role("heading", name="Thank you")).to_be_visible()
    chair.postpone("Out of time", "")
    chair.press("c")
    expect(chair.dialog).to_contain_text("Close the meeting")
    chair.press("Tab", "Enter")
    with guest.expecting("404"):
        until(lambda: guest.status(urlsplit(room).path) == 404, "the room to be shut", 5)
    guest.page.goto(guest.site + "/guest/")
    expect(guest.page.get_by_text("Your part of the meeting is over.")).to_be_visible()

    # In all that reached the phone: nobody else, no label, no id of another item, and not the link's own secret.
    assert len(line.said) > 20
    assert line.found(secrets_of(meeting, items)) == {}
    assert line.found([secret]) == {}
    assert line.found(["Middelmans"]) != {}  # the search would find
    for _where, text in line.said:
        assert not re.search(r'"(position|spent_s|n)":[2-9]', text)
