"""The call in the room, in real browsers with cameras and microphones of their own: what flows, what is shown, what comes back."""

from __future__ import annotations

from time import monotonic

import pytest
from playwright.sync_api import expect

from mdo.directory.models import Board
from meetings.models import AgendaItem, Meeting
from tests.cast import Cast
from tests.factories import make_item, make_meeting, make_referral
from tests.journeys import calling
from tests.journeys.pages import RoomPage
from tests.journeys.visitors import Visitor, Visitors
from tests.parts import NEVER_ASKS, until

pytestmark = [pytest.mark.journey, pytest.mark.crowd]

BROWSER_FLAGS = [NEVER_ASKS]
MAY = {"permissions": ["camera", "microphone"]}
# Of many browsers on one machine each paints the same page with a sixteenth of the points: nobody looks, all listen.
COARSE = {"device_scale_factor": 0.25}


@pytest.fixture
def table(cast: Cast) -> tuple[Meeting, list[AgendaItem]]:
    """A running meeting of two cases; the second one has a guest."""
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    requester = cast.requester.person
    first = make_referral(cast.board, cast.organiser, requester, status="scheduled")
    second = make_referral(cast.board, cast.organiser, requester, status="scheduled", guest=cast.guest.person)
    return meeting, [make_item(meeting, each) for each in (first, second)]


def come(
    visitors: Visitors, cast: Cast, meeting: Meeting, *names: str, crowd: bool = False
) -> list[tuple[Visitor, RoomPage]]:
    found = []
    for name in names:
        visitor = visitors.bring(name, cast.members[name], **MAY, **(COARSE if crowd else {}))
        calling.watch(visitor, plain=crowd)
        found.append((visitor, RoomPage(visitor, meeting.pk).enter()))
    return found


def join(visitor: Visitor, *, camera: bool = True, preview: bool = False) -> None:
    """Into the call, by the keyboard alone."""
    page = visitor.page
    page.keyboard.press("0")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Join with picture and sound")).to_be_visible()
    expect(dialog.get_by_role("meter")).to_be_visible()
    if preview:
        visitor.look("call preview")
    switch = dialog.locator("[data-preview=camera]")
    expect(dialog.locator("[data-preview=mic]")).to_have_attribute("aria-pressed", "true")
    if (switch.get_attribute("aria-pressed") == "true") != camera:
        switch.press("Enter")
        expect(switch).to_have_attribute("aria-pressed", str(camera).lower())
    dialog.locator("[data-call=join]").press("Enter")
    expect(page.locator("[data-call-phase=in]")).to_have_count(1)


def test_two_hear_and_see_each_other_from_the_keyboard(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    meeting, _ = table
    (chair, _), (radiologist, _) = come(visitors, cast, meeting, "chair", "radiologist")
    join(chair, preview=True)
    join(radiologist)
    for visitor in (chair, radiologist):
        calling.lines_stand(visitor, 1)
        calling.hears(visitor)
        calling.sees(visitor)
        expect(visitor.page.locator(".tile[data-link=connected]")).to_have_count(2)
    chair.look("room with a call")
    # Microphone, camera, hand: by key, and seen by the other.
    radiologist.page.keyboard.press("i")
    tile = chair.page.locator(".tile", has_text=cast.radiologist.person.display_name)
    expect(tile).to_contain_text("microphone off")
    radiologist.page.keyboard.press("q")
    expect(chair.page.get_by_text(f"Hands up: {cast.radiologist.person.display_name}")).to_be_visible()
    # Held to talk, and let go.
    radiologist.page.keyboard.down(" ")
    expect(tile).not_to_contain_text("microphone off")
    radiologist.page.keyboard.up(" ")
    expect(tile).to_contain_text("microphone off")
    radiologist.page.keyboard.press("x")
    expect(tile.locator("video")).to_have_count(0)
    radiologist.page.keyboard.press("x")
    expect(tile.locator("video")).to_have_count(1)
    # Sound only, by one key: no picture goes out or comes in any more.
    radiologist.page.keyboard.press("z")
    expect(tile).to_contain_text("Sound only")
    radiologist.page.keyboard.press("z")
    calling.sees(radiologist)
    radiologist.page.keyboard.press("0")
    expect(chair.page.locator(".tile")).to_have_count(1)
    calling.lines_stand(chair, 0)


def test_four_with_pictures_and_the_chair_mutes_all(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    people = come(visitors, cast, table[0], "chair", "radiologist", "partner", "coordinator")
    for visitor, _ in people:
        join(visitor)
    for visitor, _ in people:
        calling.lines_stand(visitor, 3, 60)
        calling.hears(visitor)
        calling.sees(visitor)
    chair = people[0][0]
    chair.page.locator("[data-call=mute-all]").press("Enter")
    for visitor, _ in people[1:]:
        expect(visitor.page.locator("[data-call=mic]")).to_have_attribute("aria-pressed", "false")
        expect(
            visitor.page.get_by_text(f"{cast.chair.person.display_name} switched all microphones off.")
        ).to_be_visible()
    expect(chair.page.locator("[data-call=mic]")).to_have_attribute("aria-pressed", "true")


def test_eight_with_sound(cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]) -> None:
    names = ("chair", "radiologist", "partner", "coordinator", "secretary", "partnersecretary", "requester", "observer")
    people = come(visitors, cast, table[0], *names, crowd=True)
    for lines, ((visitor, _), name) in enumerate(zip(people, names, strict=True)):
        if name == "observer":  # who watches has nothing to switch on
            visitor.page.keyboard.press("0")
            visitor.page.get_by_role("dialog").locator("[data-call=join]").press("Enter")
        else:
            join(visitor, camera=False)
        # One after the other, as people come in: each has met all who are there before the next one knocks.
        calling.lines_stand(visitor, lines, 60)
    for visitor, _ in people:
        calling.lines_stand(visitor, 7, 60)
        calling.hears(visitor, 60)
    # More than six without a server: sound first, and it says what would be better.
    expect(people[0][0].page.get_by_text("With more than six, cameras stay off")).to_be_visible()


def test_a_shared_screen_is_seen_whole_on_the_stage(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    (chair, _), (radiologist, _) = come(visitors, cast, table[0], "chair", "radiologist")
    join(chair, camera=False)
    join(radiologist, camera=False)
    for visitor in (chair, radiologist):
        calling.lines_stand(visitor, 1)
    radiologist.page.locator("[data-call=screen]").press("Enter")
    shown = chair.page.locator("[data-shared-screen]")
    expect(shown).to_contain_text(f"Screen of {cast.radiologist.person.display_name}")
    calling.sees(chair)
    chair.look("a shared screen")
    shown.get_by_role("button", name="Back to the case").press("Enter")
    expect(shown).to_have_count(0)
    chair.page.get_by_role("button", name="Show the shared screen").press("Enter")
    expect(shown).to_have_count(1)
    radiologist.page.locator("[data-call=screen]").press("Enter")
    expect(shown).to_have_count(0)


def test_a_device_that_is_refused_is_said_and_one_listens(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    ((chair, _),) = come(visitors, cast, table[0], "chair")
    join(chair, camera=False)
    listener = visitors.bring("radiologist", cast.radiologist, permissions=[])
    calling.watch(listener)
    listener.context.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    )
    RoomPage(listener, table[0].pk).enter()
    listener.page.keyboard.press("0")
    dialog = listener.page.get_by_role("dialog")
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.locator("[data-call=join]").press("Enter")
    calling.lines_stand(listener, 1)
    calling.hears(listener)


def test_a_device_that_is_unplugged_is_said(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    ((chair, _),) = come(visitors, cast, table[0], "chair")
    chair.context.add_init_script("")
    chair.page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.given = [];
            navigator.mediaDevices.getUserMedia = async (wish) => {
                const stream = await ask(wish);
                window.given.push(...stream.getTracks());
                return stream;
            };
        }"""
    )
    join(chair)
    # The browser says so: the device is gone, and there is none left of its kind.
    chair.page.evaluate(
        """() => {
            navigator.mediaDevices.enumerateDevices = async () => [];
            navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('none', 'NotFoundError'));
            for (const track of window.given) if (track.kind === 'video' && track.readyState === 'live') {
                track.stop();
                track.dispatchEvent(new Event('ended'));
            }
            navigator.mediaDevices.dispatchEvent(new Event('devicechange'));
        }"""
    )
    expect(chair.page.get_by_text("The camera was unplugged.")).to_be_visible()
    expect(chair.page.locator("[data-call=camera]")).to_have_attribute("aria-pressed", "false")


def test_without_a_relay_a_guest_is_told_and_has_a_number(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    Board.objects.filter(pk=cast.board.pk).update(call_dial_in="+32 2 555 01 01")
    meeting, _ = table
    ((chair, room),) = come(visitors, cast, meeting, "chair")
    guest = visitors.bring("guest", cast.guest, **MAY)
    guest.go(f"/meetings/{meeting.pk}/room/")
    room.row(2).click()
    chair.page.keyboard.press("o")
    expect(guest.page.get_by_text("There is no picture and sound for guests here.")).to_be_visible()
    expect(guest.page.get_by_text("+32 2 555 01 01")).to_be_visible()
    guest.look("a guest without a call")


def test_the_hospital_s_own_system_opens_beside_the_room(
    cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]
) -> None:
    Board.objects.filter(pk=cast.board.pk).update(
        call="own", call_link="https://call.example.org/borst", call_dial_in="+32 2 555 01 01"
    )
    ((chair, _),) = come(visitors, cast, table[0], "chair")
    link = chair.page.get_by_role("link", name="Open the call")
    expect(link).to_have_attribute("href", "https://call.example.org/borst")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(chair.page.get_by_text("+32 2 555 01 01")).to_be_visible()


def test_a_call_outlives_its_socket(cast: Cast, visitors: Visitors, table: tuple[Meeting, list[AgendaItem]]) -> None:
    """Only the room's line is cut: picture and sound go on, nobody is rebuilt, and everything is there when the line is."""
    (chair, _), (radiologist, room) = come(visitors, cast, table[0], "chair", "radiologist")
    join(chair, camera=False)
    join(radiologist, camera=False)
    for visitor in (chair, radiologist):
        calling.lines_stand(visitor, 1)
    with radiologist.network_cut():
        room.link_is("Reconnecting")
        before = calling.counts(radiologist).voice
        until(lambda: calling.counts(radiologist).voice > before, "sound while the socket is away")
    began = monotonic()
    room.link_is("Connected")
    expect(radiologist.page.locator("[data-call-phase=in]")).to_have_count(1)
    assert monotonic() - began <= 8
    for visitor in (chair, radiologist):
        assert calling.counts(visitor).lines == 1
        calling.hears(visitor)
