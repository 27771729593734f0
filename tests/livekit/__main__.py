"""`make test-livekit`: browsers against two real LiveKit nodes on one Redis. Writes `var/test-livekit.json`; ends by itself."""

from __future__ import annotations

import os
import subprocess
import sys

from mdo.environment import BASE_DIR, names
from tests.livekit.nodes import reserve
from tests.livekit.program import Missing, installed

AT_MOST_S = 1500
PAGE = BASE_DIR / "var" / "livekit" / "page"
JOURNEYS = ("tests/livekit/way_journeys.py", "tests/livekit/journeys.py")


def main(arguments: list[str]) -> int:
    try:
        installed()
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    build = [
        "npx",
        "vite",
        "build",
        "--config",
        "../tests/livekit/vite.config.mjs",
        "--outDir",
        str(PAGE),
        "--logLevel",
        "error",
    ]
    subprocess.run(build, cwd=BASE_DIR / "frontend", check=True, stdin=subprocess.DEVNULL)
    outside = {name: value for name, value in os.environ.items() if name not in names() or name.startswith("DATABASE")}
    environment = {**outside, **reserve()}
    if not arguments:
        environment["LIVEKIT_TEST_ALL"] = "1"
    there = [each for each in JOURNEYS if (BASE_DIR / each).is_file()]
    chosen = arguments if any(each.startswith("tests/") for each in arguments) else [*there, *arguments]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen]
    try:
        return subprocess.run(command, cwd=BASE_DIR, env=environment, check=False, timeout=AT_MOST_S).returncode
    except subprocess.TimeoutExpired:
        print(f"Not done within {AT_MOST_S // 60} minutes.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
