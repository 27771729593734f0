"""`make test-objects`: the S3 server that the tests run against, made by the Go toolchain of this machine. One release, pinned here.

Versity's gateway: S3 in front of a folder, one program, Apache 2.0. A mock would answer what we think that S3 answers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from mdo.environment import BASE_DIR

RELEASE = "1.0.14"
PACKAGE = f"github.com/versity/versitygw/cmd/versitygw@v{RELEASE}"
FOLDER = BASE_DIR / "var" / "s3"
PROGRAM = FOLDER / f"versitygw-{RELEASE}"
WITHIN_S = 1200


def main() -> int:
    if PROGRAM.is_file():
        return 0
    go = shutil.which("go")
    if go is None:
        print(
            "The S3 server is made by the Go toolchain. Debian, Ubuntu: apt-get install golang-go (1.23 or later).",
            file=sys.stderr,
        )
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "GOBIN": str(FOLDER), "CGO_ENABLED": "0"}
    done = subprocess.run(
        [go, "install", PACKAGE],
        env=environment,
        cwd=FOLDER,
        capture_output=True,
        text=True,
        check=False,
        timeout=WITHIN_S,
    )
    if done.returncode:
        print(f"go install {PACKAGE} failed:\n{done.stderr[-2000:]}", file=sys.stderr)
        return 1
    (FOLDER / "versitygw").rename(PROGRAM)
    return 0


if __name__ == "__main__":
    sys.exit(main())
