"""Dutch is complete: every sentence of the sources has its translation, with the same places for names and numbers."""

from __future__ import annotations

import gettext
import io
import re
import string
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po
from django.conf import settings
from django.template import Context, Template
from django.test import Client
from django.utils import translation

from mdo.cli import sentences
from mdo.cli.sentences import DOMAINS, LANGUAGES, Sentence
from mdo.cli.static import compile_messages
from mdo.directory.disciplines import all_words
from tests.cast import Cast
from tests.room_client import sign_in

Known = dict[tuple[str | None, str], Message]
COMPLETE = "nl"
_NAMED = re.compile(r"%\((\w+)\)([sd])")


def places(words: str) -> list[str]:
    """What is put into a sentence: ``%(name)s`` and ``{name}``, each as often as it stands there."""
    named = [f"%({name}){kind}" for name, kind in _NAMED.findall(words)]
    braces = [f"{{{name}}}" for _, name, _, _ in string.Formatter().parse(words) if name] if "{" in words else []
    return sorted(named + braces)


def faults(found: dict[tuple[str | None, str], Sentence], known: Known, *, complete: bool) -> list[str]:
    """What a catalogue lacks or has wrong against the sources, one sentence each with the msgid in it."""
    said = []
    for key, sentence in found.items():
        where = f"{sentence.path}: {sentence.one!r}"
        message = known.get(key)
        if message is None:
            if complete:
                said.append(f"{where} is in no catalogue (run `make messages`)")
            continue
        words = message.string if isinstance(message.string, (list, tuple)) else [message.string]
        if sentence.many is not None and len(words) != 2:
            said.append(f"{where} has a count and needs two forms")
            continue
        if not all(words):
            if complete or any(words):
                said.append(f"{where} is not translated")
            continue
        if message.fuzzy:
            said.append(f"{where} is fuzzy")
        # One may be written without its number ("Sign it"); the form for many carries everything.
        wanted = [places(sentence.one), places(sentence.many or sentence.one)]
        allowed = [wanted, [wanted[1], wanted[1]]]
        given = [places(str(words[0])), places(str(words[-1]))]
        if given not in allowed:
            said.append(f"{where} is translated with {given[-1]} instead of {wanted[-1]}")
    return said


def known_in(language: str, domain: str) -> Known:
    return sentences.read_catalogue(sentences.catalogue_path(language, domain), language)


# --- the catalogues -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", DOMAINS)
def test_dutch_is_complete(domain: str) -> None:
    assert faults(sentences.collect(domain), known_in(COMPLETE, domain), complete=True) == []


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {COMPLETE}))
@pytest.mark.parametrize("domain", DOMAINS)
def test_what_french_and_german_say_fits_the_source(language: str, domain: str) -> None:
    known = known_in(language, domain)
    stale = {
        message for message in faults(sentences.collect(domain), known, complete=False) if "nowhere" not in message
    }
    assert stale == set()
    assert any(message.string for message in known.values())


def test_every_language_of_the_switch_but_the_source_has_catalogues() -> None:
    assert {code for code, _ in settings.LANGUAGES} == {*LANGUAGES, "en"}


def test_a_missing_fuzzy_or_bent_translation_is_named() -> None:
    """The negative control of the tests above: each kind of fault in a catalogue is found, and by its msgid."""
    found = sentences.collect("django")
    before = faults(found, known_in(COMPLETE, "django"), complete=True)
    for fault, key, change in (
        ("is not translated", (None, "Accept"), {"string": ""}),
        ("is not translated", (None, "%(n)d case"), {"string": ("%(n)d casus", "")}),
        ("is fuzzy", (None, "Return"), {"flags": {"fuzzy"}}),
        ("is translated with", (None, "Document: %(name)s"), {"string": "Document: %(naam)s"}),
        ("is translated with", (None, "%(n)d case"), {"string": ("een casus", "casussen")}),
    ):
        known = known_in(COMPLETE, "django")
        for attribute, value in change.items():
            setattr(known[key], attribute, value)
        (said,) = set(faults(found, known, complete=True)) - set(before)
        assert repr(key[1]) in said
        assert fault in said
    known = known_in(COMPLETE, "django")
    del known[(None, "Postponed")]
    (said,) = set(faults(found, known, complete=True)) - set(before)
    assert "'Postponed' is in no catalogue" in said


# --- the collection -----------------------------------------------------------------------------------------------------------


def test_sentences_are_found_wherever_people_write_them() -> None:
    python = """
from django.utils.translation import gettext as _, gettext_lazy, ngettext, npgettext, pgettext_lazy
a = _("plain"); b = gettext_lazy("lazy " "in two")
c = ngettext("one", "many", n); d = pgettext_lazy("place", "words"); e = npgettext("place", "one", "many", n)
f = _(variable)
"""
    page = """{% load i18n %}<p title="{% translate "in a tag" %}">it's text, {% translate "Minutes" context "document" %}
  {% blocktranslate count n=n trimmed %}
    {{ n }} case
    {% plural %}{{ n }} cases
  {% endblocktranslate %}
{% translate "kept" as words %}{{ _("shown")|capfirst }}</p>"""
    script = "const a = gettext('single'); const b = ngettext(\n'%(n)s item', '%(n)s items', n); `${gettext('in a template')}`;"
    component = """<script lang="ts">
  const label = gettext('Save');
</script>
<p>doesn't matter</p><b>{gettext('Sent')}</b><i title={ngettext('one', 'many', 2)}>it's</i>
"""

    def all_of(found: object) -> list[tuple[str | None, str, str | None]]:
        return [(each.context, each.one, each.many) for each in found]  # type: ignore[attr-defined]

    assert all_of(sentences.python_sentences(python)) == [
        (None, "plain", None),
        (None, "lazy in two", None),
        (None, "one", "many"),
        ("place", "words", None),
        ("place", "one", "many"),
    ]
    assert all_of(sentences.template_sentences(page)) == [
        (None, "in a tag", None),
        ("document", "Minutes", None),
        (None, "%(n)s case", "%(n)s cases"),
        (None, "kept", None),
        (None, "shown", None),
    ]
    assert all_of(sentences.script_sentences(script, "a.ts")) == [
        (None, "single", None),
        (None, "%(n)s item", "%(n)s items"),
        (None, "in a template", None),
    ]
    assert all_of(sentences.script_sentences(component, "a.svelte")) == [
        (None, "Save", None),
        (None, "Sent", None),
        (None, "one", "many"),
    ]


def test_collecting_again_changes_nothing_and_keeps_what_was_translated(tmp_path: Path) -> None:
    for folder in (*sentences.PYTHON, sentences.TEMPLATES, sentences.SCRIPTS):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "mdo" / "words.py").write_text('_("Accept"); ngettext("%(n)d case", "%(n)d cases", n)\n')
    (tmp_path / "frontend" / "src" / "words.ts").write_text("gettext('Record');\n")
    assert sentences.update(tmp_path) == 3
    path = sentences.catalogue_path("nl", "django", tmp_path)
    path.write_text(path.read_text().replace('"Accept"\nmsgstr ""', '"Accept"\nmsgstr "Aanvaarden"'))
    before = path.read_bytes()
    assert sentences.update(tmp_path) == 3
    assert path.read_bytes() == before
    (tmp_path / "mdo" / "words.py").write_text('_("Accept"); _("Return")\n')
    assert sentences.update(tmp_path) == 3
    known = sentences.read_catalogue(path, "nl")
    assert {key[1]: message.string for key, message in known.items()} == {"Accept": "Aanvaarden", "Return": ""}


# --- what people read ---------------------------------------------------------------------------------------------------------


def test_the_catalogues_compile_without_gettext_and_say_what_was_translated(tmp_path: Path) -> None:
    for language in LANGUAGES:
        for domain in DOMAINS:
            target = tmp_path / language / "LC_MESSAGES" / f"{domain}.po"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(sentences.catalogue_path(language, domain).read_bytes())
    assert compile_messages(tmp_path) == len(LANGUAGES) * len(DOMAINS)
    for language in LANGUAGES:
        for domain in DOMAINS:
            spoken = gettext.translation(domain, str(tmp_path), [language])
            for (context, one), message in known_in(language, domain).items():
                if isinstance(message.string, str) and message.string:
                    said = spoken.pgettext(context, one) if context else spoken.gettext(one)
                    assert said == message.string
                elif isinstance(message.string, tuple) and all(message.string):
                    assert tuple(spoken.ngettext(one, message.id[1], n) for n in (1, 2)) == message.string


@pytest.fixture
def compiled() -> None:
    """The product's own catalogues, as its build step makes them."""
    compile_messages()


@pytest.mark.usefixtures("compiled")
def test_the_room_gets_its_words_in_dutch(cast: Cast, client: Client) -> None:
    client.cookies[settings.SESSION_COOKIE_NAME] = sign_in(cast.chair)
    client.post("/language/", {"language": "nl"})
    answer = client.get("/jsi18n/").json()
    expected: dict[str, object] = {}
    for (context, one), message in known_in("nl", "djangojs").items():
        words = list(message.string) if isinstance(message.string, tuple) else message.string
        expected[f"{context}\x04{one}" if context else one] = words
    catalogue = answer["catalog"]
    assert {key: catalogue.get(key) for key in expected} == expected
    assert (catalogue["Next"], catalogue["Postpone"], catalogue["Record"]) == ("Volgende", "Uitstellen", "Vastleggen")
    client.post("/language/", {"language": "en"})
    assert client.get("/jsi18n/").json()["catalog"].get("Postpone") is None


@pytest.mark.usefixtures("compiled")
def test_every_discipline_has_words_in_dutch() -> None:
    with translation.override("en"):
        english = all_words()
    with translation.override("nl"):
        dutch = all_words()
    assert dutch.keys() == english.keys()
    assert dutch["surgery"] == "Heelkunde"
    same = {code for code, words in dutch.items() if words == english[code]}
    assert same == set()


@pytest.mark.parametrize(
    ("language", "words"),
    [("nl", "do 19 nov, 14:00"), ("fr", "jeu 19 nov, 14:00"), ("de", "Do 19 Nov, 14:00"), ("en", "Thu 19 Nov, 14:00")],
)
def test_short_dates_are_written_as_the_language_writes_them(language: str, words: str) -> None:
    from datetime import UTC, datetime

    moment = datetime(2026, 11, 19, 13, 0, tzinfo=UTC)
    with translation.override(language):
        page = Template('{{ moment|date:"D j M, H:i" }}|{{ moment|date:"\\M" }}|{{ none|date:"D j M" }}')
        assert page.render(Context({"moment": moment, "none": None})) == f"{words}|M|"


def test_a_catalogue_with_a_fault_does_not_compile(tmp_path: Path) -> None:
    """The negative control of compiling: a file that is no catalogue is an error, not an empty language."""
    (tmp_path / "django.po").write_text("no catalogue\n")
    with pytest.raises(PoFileError):
        sentences.read_catalogue(tmp_path / "django.po", "nl")
    good = io.BytesIO(b'msgid "Accept"\nmsgstr "Aanvaarden"\n')
    out = io.BytesIO()
    write_mo(out, read_po(good, locale="nl"))
    assert b"Aanvaarden" in out.getvalue()
