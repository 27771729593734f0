"""The form of each board kind as data: definition, form, words, and what is still missing."""

from cases.dossiers.asking import Colleague, asked, due_at
from cases.dossiers.board_kinds import BoardKind, Option, board_kind, board_kinds
from cases.dossiers.definition import Dossier, Level, dossier, dossiers
from cases.dossiers.display import Change, DisplayGroup, Row, changes, display, title
from cases.dossiers.form import DossierForm, FormGroup, FormRow, answering, clean, form_class, initial
from cases.dossiers.readiness import MissingItem, item_words, missing

__all__ = [
    "BoardKind",
    "Change",
    "Colleague",
    "DisplayGroup",
    "Dossier",
    "DossierForm",
    "FormGroup",
    "FormRow",
    "Level",
    "MissingItem",
    "Option",
    "Row",
    "answering",
    "asked",
    "board_kind",
    "board_kinds",
    "changes",
    "clean",
    "display",
    "dossier",
    "dossiers",
    "due_at",
    "form_class",
    "initial",
    "item_words",
    "missing",
    "title",
]
