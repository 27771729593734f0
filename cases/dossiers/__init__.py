"""The form of each board kind as data: definition, form, words, and what is still missing."""

from cases.dossiers.board_kinds import BoardKind, Option, board_kind, board_kinds
from cases.dossiers.definition import Dossier, Level, dossier, dossiers
from cases.dossiers.display import Change, DisplayGroup, Row, changes, display, title
from cases.dossiers.form import DossierForm, FormGroup, FormRow, clean, form_class, initial
from cases.dossiers.readiness import MissingItem, item_words, missing

__all__ = [
    "BoardKind",
    "Change",
    "DisplayGroup",
    "Dossier",
    "DossierForm",
    "FormGroup",
    "FormRow",
    "Level",
    "MissingItem",
    "Option",
    "Row",
    "board_kind",
    "board_kinds",
    "changes",
    "clean",
    "display",
    "dossier",
    "dossiers",
    "form_class",
    "initial",
    "item_words",
    "missing",
    "title",
]
