"""Settings for mypy's Django plugin, which reads models and needs no server."""

import os

os.environ.update(
    {
        "MDO_MODE": "demo",
        "MDO_SECRET_KEY": "x" * 50,
        "MDO_FILE_KEY": "A" * 43 + "=",
        "DATABASE_URL": "postgresql://mdo_app@/mdo",
        "REDIS_URL": "redis://127.0.0.1:6379/0",
        "EMAIL_URL": "smtp://127.0.0.1:2525",
    }
)

from mdo.settings import *  # noqa: E402, F403
