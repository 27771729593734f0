from django.apps import AppConfig


class MeetingsConfig(AppConfig):
    name = "meetings"

    def ready(self) -> None:
        # Registers which streams an event belongs to, and who delivers after commit.
        from meetings.room import streams  # noqa: F401
