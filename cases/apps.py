from django.apps import AppConfig
from django.utils.translation import get_language

from mdo.directory import catalogue


class CasesConfig(AppConfig):
    name = "cases"

    def ready(self) -> None:
        # What a board can be set up with; the directory knows neither dossiers nor kinds.
        catalogue.register("kind", _kinds)
        catalogue.register("dossier", _dossiers)


def _kinds() -> list[tuple[str, str]]:
    from cases.coding.words import in_language
    from cases.dossiers.board_kinds import board_kinds

    return [(kind.code, in_language(kind.words, get_language())) for kind in board_kinds()]


def _dossiers() -> list[tuple[str, str]]:
    from cases.coding.words import in_language
    from cases.dossiers.definition import dossiers

    return [(dossier.dossier, in_language(dossier.words, get_language())) for dossier in dossiers()]
