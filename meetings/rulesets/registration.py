"""How cancers are registered under a rule set: which reasons make which form, and what stands in the file."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from cases.coding.words import Definition, Words, in_language

FORMS = ("new_diagnosis", "follow_up", "without_discussion")
# Where a column may come from, and which of it there is. ``tumour`` and ``case`` are answers of the dossier.
SOURCES: dict[str, frozenset[str]] = {
    "form": frozenset({"layout", "id", "kind", "change", "position"}),
    "hospital": frozenset({"name", "licence_number"}),
    "patient": frozenset({"national_number", "other_identifier", "family_name", "given_name", "birth_date", "sex"}),
    "meeting": frozenset({"date"}),
    "referral": frozenset({"reason"}),
    "decision": frozenset({"number", "version", "discussed"}),
    "requester": frozenset({"name", "licence_number"}),
    "coordinator": frozenset({"name", "licence_number"}),
    "given": frozenset({"chronology"}),
}
OF_THE_DOSSIER = ("tumour", "case")


def _known(source: str) -> str:
    place, _dot, name = source.partition(".")
    if not name or (place not in OF_THE_DOSSIER and name not in SOURCES.get(place, ())):
        raise ValueError(f"{source}: no such source")
    return source


class Coded(Definition):
    """A code of a list with its words."""

    code: str
    words: Words

    def label(self, language: str | None) -> str:
        return in_language(self.words, language)


class Form(Coded):
    code: Literal["new_diagnosis", "follow_up", "without_discussion"]


class Chronology(Definition):
    """What was done, in order: at most so many of these codes."""

    most: int = Field(ge=1, le=20)
    codes: tuple[Coded, ...]


class Column(Definition):
    """One column of the registry's file. ``unless``: it is not needed where that other column holds something."""

    code: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    source: Annotated[str, AfterValidator(_known)]
    words: Words | None = None
    needed: bool = False
    unless: str | None = None

    @property
    def place(self) -> str:
        return self.source.partition(".")[0]

    @property
    def name(self) -> str:
        return self.source.partition(".")[2]

    @model_validator(mode="after")
    def _worded(self) -> Self:
        if self.words is None and self.place not in OF_THE_DOSSIER:
            raise ValueError(f"{self.code}: a column that is no answer of the dossier needs words of its own")
        return self


class Registration(Definition):
    """Which boards register, which cancers, on which form, and the columns of the file, in order."""

    layout: str
    board_kinds: frozenset[str]
    behaviours: frozenset[str]
    new: frozenset[str]
    follow_up: frozenset[str]
    keeps_new: frozenset[str] = frozenset()
    forms: tuple[Form, ...]
    chronology: Chronology
    columns: tuple[Column, ...]

    @model_validator(mode="after")
    def _coherent(self) -> Self:
        if {form.code for form in self.forms} != set(FORMS):
            raise ValueError(f"the forms are {', '.join(FORMS)}")
        if self.new & self.follow_up or not self.keeps_new <= self.follow_up:
            raise ValueError("a reason is of a new cancer or of a follow-up; only the latter may keep a cancer new")
        known = {each.code for each in self.columns}
        if not {"form.id", "form.change"} <= {each.source for each in self.columns}:
            raise ValueError("a file says of each form which one it is, and whether it changed")
        if {each.unless for each in self.columns if each.unless} - known:
            raise ValueError("a column is needed unless one that there is")
        for codes in ([each.code for each in self.chronology.codes], [each.code for each in self.columns]):
            if len(codes) != len(set(codes)):
                raise ValueError("a code stands twice")
        return self

    def form_words(self, code: str, language: str | None) -> str:
        """The name of a form; an unknown code (another rule set's) as it is."""
        return next((form.label(language) for form in self.forms if form.code == code), code)
