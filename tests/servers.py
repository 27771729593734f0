"""Early plugin (`-p tests.servers`): gives the run real servers before Django reads its settings.

- DATABASE_URL set by the caller: used as it is (its owner role must be allowed to create databases).
- `mdo servers` runs in this clone: that PostgreSQL and Valkey, with a database of one's own (MDO_TEST_DB_SUFFIX keeps people apart).
- otherwise: own servers for this run, in a temporary folder, gone afterwards.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
from pathlib import Path

from mdo.cli.home import Home
from mdo.cli.stack import Stack
from mdo.environment import BASE_DIR, read_file
from tests.ports import free_port


def _runs(home: Path) -> bool:
    """Does a stack hold this folder?"""
    try:
        with open(home / "lock", "a+", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def suffix() -> str:
    """What keeps this process apart from others on the same servers: the person's word and the number of the xdist worker."""
    own = os.environ.get("MDO_TEST_DB_SUFFIX") or f"run{os.environ['MDO_TEST_RUN']}"
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    return "_".join(filter(None, (own.lower(), worker)))


def _start() -> None:
    controller = "PYTEST_XDIST_WORKER" not in os.environ
    if controller:
        os.environ["MDO_TEST_RUN"] = str(os.getpid())
    dev = BASE_DIR / "var" / "dev"
    if "DATABASE_URL" not in os.environ:
        if (dev / "env").is_file() and _runs(dev):
            os.environ.update(read_file(dev / "env"))
        else:
            folder = Path(tempfile.mkdtemp(prefix="mdo-test-"))
            folder.chmod(0o711)
            stack = Stack(Home(folder / "var"), tell=print, may_create_databases=True)
            stack.__enter__()
            os.environ.update(stack.environment)

            def end() -> None:
                stack.stop()
                stack.home.remove()
                shutil.rmtree(folder, ignore_errors=True)

            atexit.register(end)
    # Of each process its own: files, mailbox, keys in Redis, ports.
    var = tempfile.mkdtemp(prefix="mdo-test-var-")
    atexit.register(shutil.rmtree, var, ignore_errors=True)
    os.environ["MDO_MODE"] = "demo"
    os.environ["MDO_VAR"] = var
    os.environ["MDO_REDIS_PREFIX"] = "test-" + suffix()
    os.environ["MDO_PORT"] = str(free_port())
    os.environ["EMAIL_URL"] = f"smtp://127.0.0.1:{free_port()}"
    os.environ["DJANGO_SETTINGS_MODULE"] = "mdo.settings"
    if os.environ.get("MDO_TEST_POOLED") == "1":  # the whole run behind PgBouncer (tests/conftest.py)
        os.environ["MDO_POOLED"] = "1"


_start()
