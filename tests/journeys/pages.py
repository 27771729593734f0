"""The pages of the product as people meet them: found by role and name, in English."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal
from uuid import UUID

from playwright.sync_api import Locator, Page, expect

from tests.journeys.visitors import Visitor
from tests.parts import until

# What each person may do with a recommendation differs; what it says does not.
_WITHOUT_BUTTONS = """shown => {
    const copy = shown.cloneNode(true);
    copy.querySelectorAll('button, .reopen').forEach(each => each.remove());
    return copy.textContent;
}"""


@dataclass(frozen=True)
class Screen:
    """What the room shows to everybody alike."""

    agenda: tuple[str, ...]
    case: str
    recommendation: str
    present: tuple[str, ...]
    place: str


class RoomPage:
    """The live room."""

    def __init__(self, visitor: Visitor, meeting_id: UUID) -> None:
        self.visitor = visitor
        self.page: Page = visitor.page
        self.meeting_id = meeting_id

    def enter(self) -> RoomPage:
        self.visitor.go(f"/meetings/{self.meeting_id}/room/")
        self.link_is("Connected")
        return self

    # --- seeing ------------------------------------------------------------------------------------------------------------

    @property
    def agenda(self) -> Locator:
        return self.page.get_by_role("region", name="Agenda")

    @property
    def case(self) -> Locator:
        return self.page.get_by_role("region", name="Case", exact=True)

    @property
    def recommendation(self) -> Locator:
        return self.page.get_by_role("region", name="Recommendation")

    @property
    def text(self) -> Locator:
        """The recommendation's text, while it can be typed."""
        return self.page.get_by_label("Text", exact=True)

    @property
    def people(self) -> Locator:
        return self.page.get_by_role("region", name="People")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    def row(self, number: int) -> Locator:
        return self.agenda.locator("[data-row]").nth(number - 1)

    def link_is(self, words: str) -> None:
        expect(self.page.locator(".link")).to_have_text(words)

    def on_table(self, number: int) -> None:
        """Item `number` is open and its case is shown."""
        expect(self.row(number)).to_have_attribute("aria-current", "step")

    def shows_patient(self, name: str) -> None:
        expect(self.case.locator("[data-identity]")).to_have_count(1)
        expect(self.case.locator("[data-identity]")).to_contain_text(name)

    def state_of(self, number: int, words: str) -> None:
        expect(self.row(number).locator(".mark")).to_have_text(words)

    def screen(self) -> Screen:
        """Everything that must be the same on every screen."""
        return Screen(
            agenda=tuple(_plain(each) for each in self.agenda.locator("[data-row]").all_inner_texts()),
            case=_plain(self.case.locator(".content, .empty h2").inner_text()),
            recommendation=_plain(self.recommendation.locator(".body, .empty").evaluate(_WITHOUT_BUTTONS)),
            present=tuple(
                sorted(
                    _plain(each).removesuffix(" (you)")
                    for each in self.people.locator("li:not(.absent) .person-name").all_text_contents()
                )
            ),
            place=_plain(self.page.locator(".facts-row").inner_text().split("/")[0]),
        )

    # --- doing, with keys --------------------------------------------------------------------------------------------------

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def start(self) -> None:
        self.press("s")
        expect(self.page.get_by_role("button", name="Next", exact=False)).to_be_visible()

    def next(self) -> None:
        self.press("n")

    def write(self, text: str) -> None:
        """Go to the text and type; comes back when the server has it."""
        self.press("e")
        expect(self.text).to_be_focused()
        self.page.keyboard.type(text)
        self.saved()

    def saved(self) -> None:
        expect(self.recommendation.locator(".head").get_by_role("status")).to_have_text("Saved")

    def record(self) -> None:
        """Leave the text, read the recommendation in the dialog, confirm with Enter."""
        self.press("Escape", "r")
        expect(self.dialog).to_contain_text("Record the recommendation")
        expect(self.dialog.get_by_role("button", name="Record this")).not_to_have_attribute("aria-disabled", "true")
        self.confirm("Enter")

    def confirm(self, key: str) -> None:
        """Press until the dialog takes it: one that has just opened does not take a key for a confirmation."""

        def gone() -> bool:
            if self.dialog.count():
                self.press(key)
            return self.dialog.count() == 0

        until(gone, "the dialog to close", 15)

    def postpone(self, reason: str, note: str) -> None:
        """Postpone what is open, for the reason with these words."""
        self.press("p")
        expect(self.dialog).to_contain_text("Postpone")
        radio = self.dialog.get_by_role("radio", name=reason, exact=True)
        for _each in range(20):
            self.press("ArrowDown")
            if radio.is_checked():
                break
        expect(radio).to_be_checked()
        self.press("Tab")
        self.page.keyboard.type(note)
        self.press("Enter")
        expect(self.dialog).to_have_count(0)

    def bring_in_late(self, label: str) -> None:
        """Put the waiting case with this label on the running agenda."""
        self.press("l")
        expect(self.dialog).to_contain_text("Add to the agenda")
        self.press("Tab")
        choice = self.dialog.get_by_role("combobox", name="Case")
        expect(choice).to_be_focused()
        self.page.keyboard.type(label)
        self.press("Tab", "Enter")
        expect(self.dialog).to_have_count(0)


class LoginPage:
    """Signing in."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page = visitor.page

    def open(self) -> None:
        self.visitor.go("/")
        expect(self.page.get_by_role("heading", name="Sign in")).to_be_visible()

    def sign_in(self, name: str, password: str) -> None:
        self.page.get_by_label("User name or e-mail address").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.keyboard.press("Enter")


class NewCasePage:
    """A case in a minute."""

    def __init__(self, visitor: Visitor) -> None:
        self.page = visitor.page

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    def number(self, number: str) -> None:
        self.field("National number").press_sequentially(number)

    def save(self) -> None:
        self.page.get_by_role("button", name="Save the draft").click()
        expect(self.page.get_by_text("The draft is saved.")).to_be_visible()


class CasePage:
    """A case, its dossier and its documents."""

    def __init__(self, visitor: Visitor) -> None:
        self.page = visitor.page

    def shows_patient(self, name: str) -> None:
        expect(self.page.locator("[data-identity]")).to_have_count(1)
        expect(self.page.locator("[data-identity]")).to_contain_text(name)

    def change(self) -> None:
        self.page.get_by_role("link", name="Change the dossier").click()
        expect(self.page.get_by_role("heading", name="Dossier")).to_be_visible()

    def fill(self, texts: dict[str, str], choices: dict[str, str]) -> None:
        """Answer questions of the dossier by their words; what is still missing says so behind them."""
        for label, text in texts.items():
            self._question("textbox", label).fill(text)
        for label, value in choices.items():
            asked = self._question("combobox", label)
            if asked.evaluate("control => control.tagName === 'SELECT'"):
                asked.select_option(value)
            else:
                self.find(label, value)

    def find(self, label: str, words: str) -> None:
        """Look a code up by words, and take the first one that is offered."""
        box = self._question("combobox", label)
        box.fill(words)
        expect(box).to_have_attribute("aria-activedescendant", re.compile(".+"))
        box.press("Enter")
        expect(box).to_have_attribute("aria-expanded", "false")

    def draft_is(self, words: str) -> None:
        """What the page says of what was typed."""
        expect(self.page.locator("[data-draft-state]")).to_contain_text(words)

    def _question(self, role: Literal["textbox", "combobox"], label: str) -> Locator:
        asked = self.page.get_by_role(role, name=f"{label} missing", exact=True)
        return self.page.get_by_role(role, name=label, exact=True).or_(asked)

    def save(self) -> None:
        self.page.get_by_role("button", name="Save", exact=True).last.click()
        expect(self.page.get_by_text("Saved.", exact=True)).to_be_visible()

    def upload(self, name: str, content: bytes) -> None:
        self.page.get_by_label("Documents").set_input_files(
            {"name": name, "mimeType": "application/pdf", "buffer": content}
        )
        self.page.get_by_role("button", name="Add documents").click()

    def hand_in(self) -> None:
        self.page.get_by_role("button", name="Hand in").click()

    def is_state(self, words: str) -> None:
        expect(self.page.locator(".panel .status").first).to_have_text(words)


class _Rows:
    """A table whose rows are walked with keys."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page = visitor.page

    def choose(self, name: str) -> None:
        """Walk with J to the row that holds this name."""
        row = self.page.locator("tr[data-row]").filter(has_text=name)
        expect(row).to_have_count(1)

        def there() -> bool:
            if row.evaluate("row => row === document.activeElement"):
                return True
            self.page.keyboard.press("j")
            return False

        until(there, f"the row of {name}", 10)


class BoardPage(_Rows):
    """What was handed in to a board."""

    def __init__(self, visitor: Visitor, board_id: UUID) -> None:
        super().__init__(visitor)
        self.board_id = board_id

    def open(self) -> None:
        self.visitor.go(f"/boards/{self.board_id}/")


class AgendaPage(_Rows):
    """The agenda of a sitting, while it is built."""

    def __init__(self, visitor: Visitor, meeting_id: UUID) -> None:
        super().__init__(visitor)
        self.meeting_id = meeting_id

    def open(self) -> None:
        self.visitor.go(f"/meetings/{self.meeting_id}/")

    def lists(self, *names: str) -> None:
        """These items, in this order."""
        expect(self.page.locator("tr[data-row] th a[data-open]")).to_have_text(list(names))


class SearchPage:
    """Looking decisions up."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.page = visitor.page

    def open(self) -> None:
        self.visitor.go("/decisions/")
        expect(self.page.get_by_role("heading", name="Newest decisions")).to_be_visible()

    def find(self, words: str) -> None:
        """Search with keys: `/` leads to the field. Comes back when the answer to these words is shown."""
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("/")
        box = self.page.get_by_label("Words, patient or national number")
        expect(box).to_be_focused()
        box.fill(words)
        with self.page.expect_response(lambda answer: answer.request.method == "POST"):
            self.page.keyboard.press("Enter")

    def found(self, *titles: str) -> None:
        """Exactly these patients' decisions."""
        count = "1 decision" if len(titles) == 1 else f"{len(titles)} decisions"
        expect(self.page.locator(".results-count")).to_have_text(count)
        expect(self.page.locator(".hits a[data-open]")).to_have_text(list(titles))


def same_screens(rooms: Sequence[RoomPage], within_s: float = 15) -> None:
    """All of these people see the same, apart from their own buttons."""

    def seen() -> list[dict[str, Any]]:
        return [asdict(room.screen()) for room in rooms]

    deadline = time.monotonic() + within_s
    screens = seen()
    while any(screen != screens[0] for screen in screens) and time.monotonic() < deadline:
        screens = seen()
    for room, screen in zip(rooms, screens, strict=True):
        different = {part: (seen, screen[part]) for part, seen in screens[0].items() if seen != screen[part]}
        assert different == {}, f"{rooms[0].visitor.name} and {room.visitor.name} see different things: {different}"


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def pdf_text(content: bytes) -> str:
    """The words of a PDF, as a reader copies them."""
    from io import BytesIO

    from pypdf import PdfReader

    return _plain(" ".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages))


def body_of(message: Any) -> str:
    """The text of a mail."""
    return str(message.get_body(("plain",)).get_content())
