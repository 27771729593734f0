"""Settings for mypy's Django plugin, which reads models and needs no server."""

import os

from mdo.environment import placeholders

os.environ.update(placeholders())

from mdo.settings import *  # noqa: F403
