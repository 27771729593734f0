"""By what the decisions that were found can be narrowed: each facet with its values, their words and how many there are.

The search index holds the codes (``facet:code``) and counts them; the words are the lists of the product.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from cases.dossiers.board_kinds import step_words
from cases.dossiers.profile import receptor_words, topography_category
from mdo.directory import access as directory
from mdo.directory.models import Board, Organisation
from mdo.kernel.acting import Actor
from meetings.models import FollowUp

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

Names = Callable[[list[str], str | None], dict[str, str]]


@dataclass(frozen=True)
class Choice:
    """One value of a facet with the number of decisions that have it."""

    code: str
    words: str
    count: int
    chosen: bool


@dataclass(frozen=True)
class Facet:
    """A facet that is worth showing: something can be chosen, or was."""

    name: str
    label: "str | _StrPromise"
    every: "str | _StrPromise"
    choices: list[Choice]
    chosen: bool


def _boards(codes: list[str], language: str | None) -> dict[str, str]:
    return _named(Board, codes)


def _hospitals(codes: list[str], language: str | None) -> dict[str, str]:
    return _named(Organisation, codes)


def _named(model: Any, codes: list[str]) -> dict[str, str]:
    return {str(key): name for key, name in model.objects.filter(pk__in=codes).values_list("pk", "name")}


def _steps(codes: list[str], language: str | None) -> dict[str, str]:
    return {code: step_words(code, language) for code in codes}


def _places(codes: list[str], language: str | None) -> dict[str, str]:
    return {code: topography_category(code, language) for code in codes}


def _stages(codes: list[str], language: str | None) -> dict[str, str]:
    return {code: gettext("Stage %(group)s") % {"group": code} for code in codes}


def _receptors(codes: list[str], language: str | None) -> dict[str, str]:
    return {code: receptor_words(code, language) for code in codes}


def _outcomes(codes: list[str], language: str | None) -> dict[str, str]:
    words = dict(FollowUp.Outcome.choices)
    return {code: str(words.get(code, code)) for code in codes}


# In the order in which they are shown: the heading, the words for "no choice", and where the words of the codes come from.
FACETS: "dict[str, tuple[str | _StrPromise, str | _StrPromise, Names]]" = {
    "board": (_("Board"), _("All boards"), _boards),
    "hospital": (_("Hospital"), _("All hospitals"), _hospitals),
    "topography": (_("Topography"), _("All places"), _places),
    "stage": (pgettext_lazy("tumour", "Stage"), _("All stages"), _stages),
    "receptors": (_("Receptor profile"), _("All receptor profiles"), _receptors),
    "step": (_("Recommendation"), _("All recommendations"), _steps),
    "outcome": (_("Outcome"), _("All outcomes"), _outcomes),
}
IDS = ("board", "hospital")


def words_of(codes: Iterable[str], language: str | None) -> list[str]:
    """The words of ``facet:value`` codes, each facet's own."""
    parts = [code.split(":", 1) for code in codes]
    return [FACETS[facet][2]([value], language)[value] for facet, value in parts]


def known(by: Actor, chosen: Mapping[str, str], counts: Mapping[str, Mapping[str, int]]) -> dict[str, str]:
    """What was chosen, without a board or hospital that gave nothing and that ``by`` need not know of: its name would be told."""
    empty = {name for name in IDS if name in chosen and chosen[name] not in counts.get(name, {})}
    if not empty:
        return dict(chosen)
    seats = directory.visible_boards(by)
    seen = {str(each.board.pk) for each in seats} | {str(hospital) for each in seats for hospital in each.reach}
    return {name: code for name, code in chosen.items() if name not in empty or code in seen}


def drawn(counts: Mapping[str, Mapping[str, int]], chosen: Mapping[str, str], language: str | None) -> list[Facet]:
    """The facets with at least two values, or a chosen one; the most frequent value first."""
    shown = []
    for name, (label, every, named) in FACETS.items():
        found = dict(counts.get(name, {}))
        mine = chosen.get(name, "")
        if mine:
            found.setdefault(mine, 0)
        if len(found) < 2 and not mine:
            continue
        words = named(list(found), language)
        choices = [Choice(code, words[code], n, code == mine) for code, n in found.items() if code in words]
        shown.append(Facet(name, label, every, sorted(choices, key=lambda one: (-one.count, one.words)), bool(mine)))
    return shown
