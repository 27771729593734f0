"""Settings for mypy's Django plugin, which reads models and needs no server."""

import os

from mdo.environment import names, placeholders

for name in names():
    os.environ.pop(name, None)
os.environ.update(placeholders())

from mdo.settings import *  # noqa: E402, F403
