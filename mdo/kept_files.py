"""Files of the front end outlive their release: a page that was open during an update asks for its own afterwards, under their hashed names.

Each release lays its files into `MDO_VAR/assets` before anybody asks for them (`mdo prepare`, `mdo web`), and every web process serves what
lies there: the old one the new ones' while both work, the new one the old ones' as long as pages live.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

logger = logging.getLogger(__name__)

KEPT_S = 30 * 86_400
"""How long after a release was last started its files stay."""

_NAME = re.compile(r"/static/assets/([A-Za-z0-9_][A-Za-z0-9_.-]*)")
_PACKED = (".gz", ".br")


def folder() -> Path:
    """Where they lie."""
    return Path(settings.MDO_VAR) / "assets"


def keep(source: Path | None = None) -> None:
    """Lay this release's files beside those of the ones before, and drop what no release has used for a month. Several may do it at once."""
    source = source or Path(settings.STATIC_ROOT) / "assets"
    if not source.is_dir():
        return
    try:
        _keep(source, folder())
    except OSError as error:  # a disk that is full must not keep the site from working
        logger.warning("The files of open pages could not be kept: %s", error.strerror)


def _keep(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for file in source.iterdir():
        kept = target / file.name
        if kept.is_file():
            kept.touch()
        else:
            part = kept.with_name(f".{file.name}.{os.getpid()}")
            shutil.copyfile(file, part)
            part.replace(kept)
    oldest = time.time() - KEPT_S
    for file in target.iterdir():
        if file.stat().st_mtime < oldest:
            file.unlink(missing_ok=True)


class Files(WhiteNoiseMiddleware):
    """WhiteNoise, which looks once at the start, and for a hashed name that was not there then, among those that are kept."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if path not in self.files and (named := _NAME.fullmatch(path)) and not path.endswith(_PACKED):
            file = folder() / named[1]
            if file.is_file():
                self.files[path] = self.get_static_file(str(file), path)
        answer: HttpResponseBase = super().__call__(request)
        return answer
