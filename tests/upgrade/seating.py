"""Run in the sources of the release before: a cast, a running room, sessions. Prints what the run needs to know, as one line of JSON."""

import json

import django

django.setup()

from django.conf import settings  # noqa: E402

from meetings.models import Meeting  # noqa: E402
from tests.cast import make_cast  # noqa: E402
from tests.chaos.run import make_room  # noqa: E402

cast = make_cast()
meeting_id, people, sessions = make_room(cast)
board_id = Meeting.objects.get(pk=meeting_id).board_id
print(
    json.dumps(
        {
            "meeting": str(meeting_id),
            "people": [str(each.person.pk) for each in people],
            "organisation": str(people[0].organisation.pk),
            "sessions": sessions,
            "cookie": settings.SESSION_COOKIE_NAME,
            "pages": [
                "/",
                f"/boards/{board_id}/",
                f"/meetings/{meeting_id}/",
                f"/meetings/{meeting_id}/room/",
                "/follow-up/",
            ],
        }
    )
)
