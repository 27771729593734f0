"""A web server whose answer to a signature waits, after the commit, until its database is gone: only the run of signing starts it.

Everything is done as ever and stored; between the commit and the answer the server watches a connection of its own until PostgreSQL was
ended. So a kill lands where no kill at random does. `python -m tests.chaos.late`, on MDO_PORT.
"""

from __future__ import annotations

import sys

LONGEST_S = 20.0


def main() -> int:
    from daphne.server import Server  # noqa: F401  (installs the reactor)
    from django.db import DatabaseError, connections
    from django.http import HttpRequest, HttpResponse

    from mdo import server
    from mdo.asgi import application  # noqa: F401  (sets Django up)
    from mdo.directory.middleware import ActingMiddleware
    from mdo.directory.models import Person

    honest = ActingMiddleware._inside
    waited: list[bool] = []  # the form that is sent again is answered at once

    def inside(self: ActingMiddleware, request: HttpRequest, person: Person) -> HttpResponse:
        signs = not waited and request.method == "POST" and request.path.startswith("/signing/")
        watch = connections.create_connection("default") if signs else None
        response = honest(self, request, person)
        if watch is not None and response.status_code == 303:
            waited.append(True)
            try:
                with watch.cursor() as cursor:  # the server itself waits: it fails the moment that it is ended
                    cursor.execute("SELECT pg_sleep(%s)", [LONGEST_S])
            except DatabaseError:
                return response
            raise SystemExit("the database was not ended")
        return response

    ActingMiddleware._inside = inside  # type: ignore[method-assign]
    return server.serve()


if __name__ == "__main__":
    sys.exit(main())
