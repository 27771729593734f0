"""A relay (coturn) on loopback for the demonstration, where the system has one: through it guests have picture and sound too.

A hospital names its own in MDO_TURN; then none of this runs.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from mdo.cli.home import Home
from mdo.cli.process import Program
from mdo.cli.servers import quiet_environment
from mdo.environment import BASE_DIR

DEPLOYED = BASE_DIR / "deploy" / "coturn"
HERE = "127.0.0.1"
# Of all denied ranges the relay's own address alone is reached, as behind a NAT: both ends of a call are at it.
MEETING_HERE = (f"--relay-ip={HERE}", "--allow-loopback-peers", f"--allowed-peer-ip={HERE}")
MISSING = "Guests have no picture and sound here: that needs coturn (Debian, Ubuntu: apt-get install coturn)."


def system_coturn() -> Path | None:
    """The system's coturn."""
    found = shutil.which("turnserver")
    return Path(found) if found else None


class Relay:
    """One coturn with the deployed configuration, in `var/relay`, without TLS: no browser would trust a certificate made here."""

    def __init__(self, home: Home, port: int) -> None:
        self.home = home
        self.port = port
        self.secret = home.keys()["MDO_TURN_SECRET"]

    def settings(self) -> dict[str, str]:
        """As the site is told of it."""
        urls = [f"turn:{HERE}:{self.port}?transport={transport}" for transport in ("udp", "tcp")]
        return {"MDO_TURN": ",".join(urls), "MDO_TURN_SECRET": self.secret}

    def program(self) -> Program:
        place = self.home.place("relay", far=not self.home.reachable(DEPLOYED / "start.sh"))
        for file in DEPLOYED.iterdir():  # whoever it runs as may not be able to enter the clone
            copied = place / file.name
            shutil.copyfile(file, copied)
            self.home.give(copied, 0o600)
        environment = {
            "MDO_TURN_SECRET": self.secret,
            "RELAY_NAME": "demonstration",
            "RUNTIME_DIRECTORY": str(place),
        }
        command = ["/bin/sh", str(place / "start.sh"), f"--listening-port={self.port}", f"--listening-ip={HERE}"]
        return Program(
            "relay",
            [*command, *MEETING_HERE],
            quiet_environment() | environment,
            self.home.path / "log" / "relay.log",
            account=self.home.account,
        )
