"""`make bundle-test`: the newest bundle, unpacked in a clean folder on a machine that reaches no registry, installs and works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from mdo.environment import BASE_DIR, names

CLOSED = "http://127.0.0.1:9"


def alone(home: Path) -> dict[str, str]:
    """The environment of a machine without any way out: whoever asks a registry finds nobody."""
    kept = {
        key: value for key, value in os.environ.items() if key not in names() and not key.startswith(("PIP_", "npm_"))
    }
    return kept | {
        "HOME": str(home),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": CLOSED,
        "PIP_RETRIES": "0",
        "npm_config_registry": CLOSED,
        "PYTHONPATH": "",
    }


def main() -> int:
    archive = max((BASE_DIR / "var" / "bundle").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    folder = Path(tempfile.mkdtemp(prefix="mdo-offline-"))
    try:
        run(["sha256sum", "--check", "--quiet", f"{archive.name}.sha256"], archive.parent, dict(os.environ))
        run(["tar", "-xzf", str(archive)], folder, dict(os.environ))
        (root,) = folder.iterdir()
        environment = alone(folder)
        run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], root, environment)
        run(["make", "install"], root, environment)
        run([".venv/bin/mdo", "static"], root, environment)
        print(
            run(
                [".venv/bin/python", "-c", "import daphne, django, typst; print(django.get_version())"],
                root,
                environment,
            )
        )
        # The control: without the wheels nothing can come from anywhere.
        shutil.rmtree(root / ".venv")
        shutil.rmtree(root / "wheels")
        lost = subprocess.run(
            ["make", "install"], cwd=root, env=environment, capture_output=True, text=True, check=False
        )
        if lost.returncode == 0:
            print("Failed: it installed without the bundle's wheels, so the registry was within reach.")
            return 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("Kept.")
    return 0


def run(command: list[str], folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
