"""The sentences that people read: collected from Python, templates and TypeScript into locale/, with Babel alone.

`make messages` writes them into the catalogues; the tests compare the catalogues with them. GNU gettext is not needed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_javascript, extract_python
from babel.messages.pofile import read_po, write_po

from mdo.environment import BASE_DIR

LANGUAGES = ("nl", "fr", "de")
DOMAINS = ("django", "djangojs")
PYTHON = ("mdo", "cases", "meetings")
TEMPLATES = "frontend/templates"
SCRIPTS = "frontend/src"

_CALLS = {"gettext": None, "ngettext": (1, 2), "pgettext": ((1, "c"), 2), "npgettext": ((1, "c"), 2, 3)}
KEYWORDS = {name + end: spec for name, spec in _CALLS.items() for end in ("", "_lazy", "_noop")} | {"_": None}
_CALL = re.compile(r"\b(?:gettext|ngettext|pgettext|npgettext)\(")
_SCRIPT = re.compile(r"<script\b[^>]*>(.*?)</script>", re.DOTALL)

# What changes with every collection, or says with which program it was made, stays out: a catalogue changes when a sentence does.
_HEADERS = ("Language", "MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Plural-Forms")


@dataclass(frozen=True)
class Sentence:
    """One sentence of the sources: its words (one and many, where there is a count), its context, and the file that says it first."""

    one: str
    many: str | None
    context: str | None
    path: str

    @property
    def key(self) -> tuple[str | None, str]:
        return self.context, self.one


def _found(function: str, words: object, path: str) -> Sentence | None:
    """Babel gives the arguments of a call as a text or a tuple; ``None`` where an argument is no plain text."""
    parts = (words,) if isinstance(words, str) else words
    if not isinstance(parts, tuple):
        return None
    name = function.removesuffix("_lazy").removesuffix("_noop")
    context = None
    if name in ("pgettext", "npgettext"):
        context, parts = parts[0], parts[1:]
        if not isinstance(context, str):
            return None
    many = parts[1] if name in ("ngettext", "npgettext") and len(parts) > 1 else None
    one = parts[0] if parts else None
    if not isinstance(one, str) or not one or (many is not None and not isinstance(many, str)):
        return None
    return Sentence(one, many, context, path)


def python_sentences(source: str, path: str = "") -> Iterator[Sentence]:
    """Every ``gettext`` call of Python code."""
    for _, function, words, _ in extract_python(io.BytesIO(source.encode()), KEYWORDS, [], {"encoding": "utf-8"}):
        if sentence := _found(str(function), words, path):
            yield sentence


def template_sentences(source: str, path: str = "") -> Iterator[Sentence]:
    """Every ``{% translate %}``, ``{% blocktranslate %}`` and ``_("…")`` of a Django template."""
    from django.utils.translation.template import templatize

    # Within parentheses the indentation of the page means nothing to the tokenizer.
    yield from python_sentences("(\n" + templatize(source) + "\n)", path)


def _call(text: str, start: int) -> str:
    """The call that begins at ``start``, to its closing parenthesis; those within strings do not count."""
    depth, quote, place = 0, "", start
    while place < len(text):
        letter = text[place]
        if quote:
            place += letter == "\\"
            quote = "" if letter == quote else quote
        elif letter in "'\"`":
            quote = letter
        elif letter in "()":
            depth += 1 if letter == "(" else -1
            if depth == 0:
                break
        place += 1
    return text[start : place + 1]


def script_sentences(source: str, path: str = "") -> Iterator[Sentence]:
    """Every ``gettext`` call of TypeScript; of a Svelte component also those in its markup."""
    pieces = [source]
    if path.endswith(".svelte"):
        markup = _SCRIPT.sub("", source)
        # Apostrophes in the text of a page are no strings: each call is read from where it begins.
        pieces = _SCRIPT.findall(source) + [_call(markup, found.start()) for found in _CALL.finditer(markup)]
    for piece in pieces:
        file = io.BytesIO(piece.encode())
        for _, function, words, _ in extract_javascript(
            file, KEYWORDS, [], {"encoding": "utf-8", "template_string": False}
        ):
            if sentence := _found(str(function), words, path):
                yield sentence


def _files(folder: Path, *suffixes: str) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in suffixes and path.is_file())


def sources(domain: str, base: Path = BASE_DIR) -> Iterator[Sentence]:
    """All sentences of the sources of one domain, in the order of the files; repeated ones too."""
    if domain == "djangojs":
        for path in _files(base / SCRIPTS, ".ts", ".svelte"):
            if ".test." not in path.name and ".testing." not in path.name and path.name != "i18n.ts":
                yield from script_sentences(path.read_text(encoding="utf-8"), str(path.relative_to(base)))
        return
    for folder in PYTHON:
        for path in _files(base / folder, ".py"):
            yield from python_sentences(path.read_text(encoding="utf-8"), str(path.relative_to(base)))
    for path in _files(base / TEMPLATES, ".html", ".txt", ".ics"):
        yield from template_sentences(path.read_text(encoding="utf-8"), str(path.relative_to(base)))


def collect(domain: str, base: Path = BASE_DIR) -> dict[tuple[str | None, str], Sentence]:
    """The sentences of one domain, each once; the one with a plural wins, as in gettext."""
    found: dict[tuple[str | None, str], Sentence] = {}
    for sentence in sources(domain, base):
        known = found.get(sentence.key)
        if known is None or (known.many is None and sentence.many is not None):
            found[sentence.key] = sentence
    return found


def catalogue_path(language: str, domain: str, base: Path = BASE_DIR) -> Path:
    return base / "locale" / language / "LC_MESSAGES" / f"{domain}.po"


def read_catalogue(path: Path, language: str) -> dict[tuple[str | None, str], Message]:
    """The translations that a ``.po`` holds, fuzzy ones marked as such; raises where the file cannot be read."""
    with path.open("rb") as file:
        return {
            (message.context, _one(message)): message
            for message in read_po(file, locale=language, abort_invalid=True)
            if message.id
        }


def _one(message: Message) -> str:
    return message.id[0] if isinstance(message.id, (list, tuple)) else message.id


def merged(language: str, sentences: Iterable[Sentence], known: dict[tuple[str | None, str], Message]) -> bytes:
    """A catalogue with exactly these sentences and the translations that are known; nothing is guessed, so nothing is fuzzy."""
    catalogue = Catalog(locale=language, fuzzy=False)
    for sentence in sentences:
        old = known.get(sentence.key)
        words = old.string if old else ""
        if sentence.many is not None and isinstance(words, str):
            words = ("", "")  # it got a count: the translation of one is not the translation of many
        elif sentence.many is None and not isinstance(words, str):
            words = words[0] if words else ""
        identity = sentence.one if sentence.many is None else (sentence.one, sentence.many)
        catalogue.add(identity, words, context=sentence.context)
    file = io.BytesIO()
    write_po(file, catalogue, width=0, no_location=True, omit_header=True)
    headers = dict(catalogue.mime_headers)
    head = 'msgid ""\nmsgstr ""\n' + "".join(f'"{name}: {headers[name]}\\n"\n' for name in _HEADERS)
    return head.encode() + b"\n" + file.getvalue()


def update(base: Path = BASE_DIR) -> int:
    """Write the sentences of the sources into every catalogue; returns how many there are."""
    total = 0
    for domain in DOMAINS:
        found = collect(domain, base)
        total += len(found)
        for language in LANGUAGES:
            path = catalogue_path(language, domain, base)
            known = read_catalogue(path, language) if path.is_file() else {}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(merged(language, found.values(), known))
    return total
