from django.apps import AppConfig

from mdo.directory import catalogue


class MeetingsConfig(AppConfig):
    name = "meetings"

    def ready(self) -> None:
        # Registers which streams an event belongs to, and who delivers after commit.
        from meetings.room import streams  # noqa: F401

        catalogue.register("rule_set", _rule_sets)


def _rule_sets() -> list[tuple[str, str]]:
    from meetings.rulesets import names

    return [(name, name) for name in names()]
