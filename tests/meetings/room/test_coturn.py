"""The deployed configuration of the relay, in coturn itself: who may use it, for how much, and whom it never reaches."""

from __future__ import annotations

import ipaddress
import os
import random
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aioice import stun
from hypothesis import given
from hypothesis import strategies as st

from mdo.cli.relay import DEPLOYED, HERE, MEETING_HERE
from meetings.room import relay as product
from tests.relay import (
    SECRET,
    Client,
    Relay,
    place_for_servers,
    running,
    wait_for_the_end_of,
)

TRANSPORTS = ("udp", "tcp", "tls")
IPV6 = 2
FORBIDDEN, FAMILY_UNKNOWN, FAMILY_OTHER, UNAUTHORISED, QUOTA = 403, 440, 443, 401, 486

# IANA's registries of special-purpose addresses, groups, and what clouds keep for themselves.
CLOSED_IPV4 = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    "168.63.129.16/32",
    "169.254.169.254/32",
    "100.100.100.200/32",
    "192.0.0.192/32",
]
CLOSED_IPV6 = [
    "::1/128",
    "::127.0.0.0/104",
    "::10.0.0.0/104",
    "::ffff:0:0/96",
    "::ffff:0:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:2::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fd00:ec2::254/128",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
OPEN = (
    "1.1.1.1",
    "9.255.255.255",
    "11.0.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "193.58.0.1",
    "2a02:a03f::1",
    "2606:4700::1",
)


@pytest.fixture(scope="module")
def deployed() -> Iterator[Relay]:
    """As it is deployed; only that it stands on loopback is said otherwise."""
    with place_for_servers() as folder, running(folder, *addresses()) as started:
        yield started


def addresses() -> list[str]:
    """Where lines end: at loopback, of both families if this machine has both."""
    return [f"--relay-ip={HERE}", *(["--relay-ip=::1"] if has_ipv6() else [])]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
            return True
    except OSError:
        return False


def refused(client: Client, hosts: list[str]) -> dict[str, tuple[int, int]]:
    """How the relay answers: to a permission, and to a channel of its own for each."""
    return {host: (client.permit(host), client.bind(host, channel=0x4000 + at)) for at, host in enumerate(hosts)}


def samples(networks: list[str]) -> list[str]:
    """The first and the last address of each, and some within, the same in every run."""
    chosen = random.Random(4)
    found = set()
    for network in map(ipaddress.ip_network, networks):
        within = [network[chosen.randrange(network.num_addresses)] for _ in range(2)]
        found |= {str(each) for each in (network[0], network[-1], *within)}
    return sorted(found)


# --- who may use it -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_credentials_that_hold_get_a_line(deployed: Relay, transport: str) -> None:
    with deployed.client(transport) as client:
        assert client.allocate() == 0
        host, port = client.relayed
        assert (host, 49152 <= port <= 65535) == (HERE, True)
        assert client.refresh() == 0


def test_the_product_s_credentials_are_those_of_coturn(deployed: Relay, settings: Any) -> None:
    settings.MDO_TURN, settings.MDO_TURN_SECRET = deployed.urls, SECRET
    (server,) = product.ice_servers("0197f1c0-0000-7000-8000-000000000001", datetime.now(UTC))
    with Client(deployed.port, "udp", deployed.certificate, server["username"], server["credential"]) as client:
        assert client.allocate() == 0
    with Client(
        deployed.port, "udp", deployed.certificate, server["username"], "x" + server["credential"][1:]
    ) as client:
        assert client.allocate() == UNAUTHORISED


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize(
    "credentials",
    [{"lasts": timedelta(seconds=-2)}, {"secret": "another-secret-of-the-same-len"}],
    ids=["ended", "wrong"],
)
def test_other_credentials_get_none(deployed: Relay, transport: str, credentials: dict[str, Any]) -> None:
    with deployed.client(transport, **credentials) as client:
        assert client.allocate() == UNAUTHORISED
        assert client.relayed == ("", 0)


def test_a_line_outlives_its_credentials_and_they_open_no_other(deployed: Relay) -> None:
    with deployed.client(lasts=timedelta(seconds=5)) as client:
        assert client.allocate() == 0
        wait_for_the_end_of(client.name)
        assert client.refresh() == 0  # a call goes on while it lasts
        with Client(deployed.port, "udp", deployed.certificate, client.name, client.password) as later:
            assert later.allocate() == UNAUTHORISED


def test_nobody_gets_more_lines_than_a_call_needs(deployed: Relay) -> None:
    """By the peer that the name is for: new credentials are no new quota, and another peer has its own."""
    clients = []
    try:
        for at in range(65):
            clients.append(deployed.client(peer="greedy", lasts=timedelta(seconds=60 + at)))
            assert clients[-1].allocate() == (0 if at < 64 else QUOTA), at
        with deployed.client(peer="modest") as other:
            assert other.allocate() == 0
    finally:
        for client in clients:
            client.close()


def test_whoever_comes_first_is_served() -> None:
    """All at once, at a relay that has only just begun."""
    with place_for_servers() as folder, running(folder, *addresses()) as relay, ThreadPoolExecutor(12) as threads:

        def come(at: int) -> int:
            with relay.client(TRANSPORTS[at % 3], peer=f"peer-{at}") as client:
                return client.allocate()

        assert list(threads.map(come, range(12))) == [0] * 12


def test_without_credentials_there_is_one_short_answer(deployed: Relay) -> None:
    with deployed.client() as client:
        answer = client.ask(stun.Method.BINDING)
        assert set(answer.attributes) == {"XOR-MAPPED-ADDRESS", "FINGERPRINT"}
        client.allocate()
        assert client.realm == "relay.example.org"


# --- whom it reaches ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_no_address_but_those_of_the_internet_is_reached(deployed: Relay, transport: str) -> None:
    hosts = samples(CLOSED_IPV4)
    with deployed.client(transport) as client:
        assert client.allocate() == 0
        assert refused(client, hosts) == dict.fromkeys(hosts, (FORBIDDEN, FORBIDDEN))
        # Negative control: it is the address that is refused.
        assert refused(client, ["1.1.1.1"]) == {"1.1.1.1": (0, 0)}


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_nor_by_ipv6(deployed: Relay, transport: str) -> None:
    hosts = [
        "::",
        *samples(CLOSED_IPV6),
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1",
    ]
    with deployed.client(transport) as client:
        if has_ipv6():
            assert client.allocate(requested_address_family=IPV6) == 0
            assert client.relayed[0] == "::1"
            assert refused(client, hosts) == dict.fromkeys(hosts, (FORBIDDEN, FORBIDDEN))
            assert refused(client, ["2606:4700::1"]) == {"2606:4700::1": (0, 0)}
        else:
            assert client.allocate(requested_address_family=IPV6) == FAMILY_UNKNOWN
    with deployed.client(transport) as client:
        assert client.allocate() == 0
        assert refused(client, hosts) == dict.fromkeys(hosts, (FAMILY_OTHER, FAMILY_OTHER))


def test_without_the_ranges_everything_inside_would_be_reached() -> None:
    """Negative control: it is the configuration that refuses, and the answers above come from it."""

    def open_wide(text: str) -> str:
        return re.sub(r"^(denied-peer-ip=.*|no-multicast-peers)\n", "", text, flags=re.MULTILINE)

    hosts = ["127.0.0.1", "10.0.0.1", "169.254.169.254", "172.16.0.1", "192.168.0.1", "100.64.0.1", "224.0.0.1"]
    with (
        place_for_servers() as folder,
        running(folder, *addresses(), "--allow-loopback-peers", change=open_wide) as relay,
        relay.client() as client,
    ):
        assert client.allocate() == 0
        assert refused(client, hosts) == dict.fromkeys(hosts, (0, 0))
        # And something is told to whoever listens there.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as inside:
            inside.bind((HERE, 0))
            inside.settimeout(10)
            client.send(inside.getsockname(), b"hello")
            assert inside.recv(100) == b"hello"


def test_a_hospital_s_own_ranges_are_added() -> None:
    own = "193.58.0.0-193.58.255.255, 81.82.83.84"
    with place_for_servers() as folder, running(folder, *addresses(), RELAY_DENIED=own) as relay:
        hosts = ["193.58.0.0", "193.58.255.255", "81.82.83.84"]
        with relay.client() as client:
            assert client.allocate() == 0
            assert refused(client, hosts) == dict.fromkeys(hosts, (FORBIDDEN, FORBIDDEN))
            assert refused(client, ["193.59.0.0", "81.82.83.85"]) == {"193.59.0.0": (0, 0), "81.82.83.85": (0, 0)}


def meet(relay: Relay) -> None:
    """Two clients at the same relay send to each other's relayed addresses."""
    with relay.client("udp", peer="one") as one, relay.client("tcp", peer="other") as other:
        assert (one.allocate(), other.allocate()) == (0, 0)
        assert (one.permit(other.relayed[0]), other.permit(one.relayed[0])) == (0, 0)
        one.send(other.relayed, b"from one")
        assert other.receive() == (one.relayed, b"from one")
        other.send(one.relayed, b"from the other")
        assert one.receive() == (other.relayed, b"from the other")


def test_both_ends_of_a_call_meet_at_this_relay() -> None:
    with place_for_servers() as folder, running(folder, *MEETING_HERE) as relay:
        meet(relay)
        with relay.client() as client:  # its own address, and nothing beside it
            assert client.allocate() == 0
            assert refused(client, ["127.0.0.2", "10.0.0.1"]) == dict.fromkeys(
                ["127.0.0.2", "10.0.0.1"], (FORBIDDEN, FORBIDDEN)
            )


def test_behind_a_nat_too() -> None:
    nat = {"RELAY_IP": "198.51.100.7", "RELAY_INNER_IP": HERE}
    with place_for_servers() as folder, running(folder, "--allow-loopback-peers", **nat) as relay:
        meet(relay)
        with relay.client() as client:
            assert client.allocate() == 0
            assert client.relayed[0] == "198.51.100.7"
            assert refused(client, ["127.0.0.2", "10.0.0.1"]) == dict.fromkeys(
                ["127.0.0.2", "10.0.0.1"], (FORBIDDEN, FORBIDDEN)
            )


# --- what it tells --------------------------------------------------------------------------------------------------------------------


def test_neither_log_nor_command_line_tell_anything(deployed: Relay) -> None:
    clients = [deployed.client(transport, peer="told") for transport in TRANSPORTS]
    for client in clients:
        assert client.allocate() == 0
        assert client.permit("10.66.77.88") == FORBIDDEN
    ports = [client.line.getsockname()[1] for client in clients]
    for client in clients:
        client.close()
    assert "peer IP (address) denied in the range: 10.0.0.0-10.255.255.255" in deployed.log
    assert "10.66.77.88" not in deployed.log
    assert [port for port in ports if f"{HERE}:{port}" in deployed.log] == []
    assert SECRET not in deployed.log
    pid = deployed.child.process.pid
    assert SECRET not in Path(f"/proc/{pid}/cmdline").read_text()
    assert b"turnserver" in Path(f"/proc/{pid}/cmdline").read_bytes()  # start.sh became it


def test_it_runs_as_nobody_in_particular(deployed: Relay) -> None:
    status = Path(f"/proc/{deployed.child.process.pid}/status").read_text()
    (users,) = re.findall(r"^Uid:\s+(.*)$", status, re.MULTILINE)
    assert "0" not in users.split()
    kept = deployed.certificate.parent / "relay.conf"
    assert kept.stat().st_mode & 0o077 == 0
    assert SECRET in kept.read_text() or os.geteuid() != 0


# --- the file -------------------------------------------------------------------------------------------------------------------------


def ranges() -> list[tuple[Any, Any]]:
    """The denied ranges, first and last address of each."""
    text = (DEPLOYED / "turnserver.conf").read_text()
    found = []
    for line in re.findall(r"^denied-peer-ip=(.*)$", text, re.MULTILINE):
        first, _, last = line.partition("-")
        found.append((ipaddress.ip_address(first), ipaddress.ip_address(last or first)))
    return found


RANGES = ranges()


def denied(address: Any) -> bool:
    """By every way in which a version of coturn compares: as numbers, and byte by byte."""
    mine = [(first, last) for first, last in RANGES if first.version == address.version]
    as_number = any(first <= address <= last for first, last in mine)
    by_byte = any(
        all(low <= byte <= high for low, byte, high in zip(first.packed, address.packed, last.packed, strict=True))
        for first, last in mine
    )
    return as_number and (by_byte or address.version == 4)


def test_the_ranges_hold_all_that_is_no_internet() -> None:
    hosts = [ipaddress.ip_address(each) for each in samples([*CLOSED_IPV4, *CLOSED_IPV6])]
    assert [str(each) for each in hosts if not denied(each)] == []
    assert [each for each in OPEN if denied(ipaddress.ip_address(each))] == []


@given(st.ip_addresses())
def test_no_address_that_is_not_global_is_left_out(address: Any) -> None:
    if (
        address.is_multicast
        or address.is_private
        or address.is_reserved
        or address.is_link_local
        or address.is_loopback
    ):
        assert denied(address) or address == ipaddress.ip_address("::")


def test_every_line_has_its_reason() -> None:
    """A comment stands above each setting, or above the run of settings that it belongs to."""
    lines = (DEPLOYED / "turnserver.conf").read_text().splitlines()
    assert [line for at, line in enumerate(lines) if line and line[0] != "#" and not lines[at - 1]] == []
    assert all(line == line.strip() for line in lines)


def test_start_says_what_is_missing() -> None:
    import subprocess

    result = subprocess.run(
        ["sh", DEPLOYED / "start.sh"], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert (result.returncode, "MDO_TURN_SECRET: is missing" in result.stderr) == (2, True)
