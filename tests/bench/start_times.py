"""How long `make run` takes from a fresh clone, and how long later: `python3 tests/bench/start_times.py [OUTPUT.json]`.

Clones the last commit into a folder of mode 0700, with an empty HOME (no caches of pip or npm), starts it once from nothing and three
times again, and deletes everything. Standard library only.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LIMITS_S = {"first": 240.0, "later": 10.0}


def start(clone: Path, environment: dict[str, str]) -> tuple[float, list[str]]:
    """Seconds until ready as the product itself says, and its lines; ends it again."""
    process = subprocess.Popen(
        ["make", "run"], cwd=clone, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.rstrip())
            found = re.match(r"Ready after ([\d.]+) s", line)
            if found:
                return float(found[1]), lines
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.stdout.read()
        process.wait(60)
    raise SystemExit("It did not become ready:\n" + "\n".join(lines))


def main() -> int:
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    folder = Path(tempfile.mkdtemp(prefix="mdo-start-"))  # mode 0700
    clone, home = folder / "clone", folder / "home"
    home.mkdir()
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    kept = ("PATH", "LANG", "PIP_CERT", "PIP_FIND_LINKS", "PIP_INDEX_URL", "SSL_CERT_FILE")
    environment = {name: os.environ[name] for name in kept if name in os.environ} | {
        "HOME": str(home),
        "MDO_PORT": port,
    }
    try:
        load = os.getloadavg()[0]
        first, lines = start(clone, environment)
        later = [start(clone, environment)[0] for _ in range(3)]
    finally:
        subprocess.run(["make", "reset"], cwd=clone, env=environment, capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        "commit": commit,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "root": os.geteuid() == 0,
        "load_before": round(load, 1),
        "first_s": first,
        "later_s": later,
        "steps": [line.strip() for line in lines if re.search(r"\d s$", line)],
        "limits_s": LIMITS_S,
        "kept": first <= LIMITS_S["first"] and max(later) <= LIMITS_S["later"],
    }
    text = json.dumps(result, indent=1, ensure_ascii=False)
    print(text)
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(text + "\n", encoding="utf-8")
    return 0 if result["kept"] else 1


if __name__ == "__main__":
    sys.exit(main())
