"""The command `mdo`: `mdo up` runs everything; `mdo help` lists the rest."""

from __future__ import annotations

import sys

from mdo.cli import run

main = run.main

if __name__ == "__main__":
    sys.exit(main())
