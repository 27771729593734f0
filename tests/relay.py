"""A real relay (coturn) with the configuration that is deployed, on loopback and ports of its own; and a small client of it.

Only what loopback needs is said otherwise: addresses, ports, and a certificate made here. Whoever wants two ends to meet at this relay
lets it reach its own address (`meeting_here`), as a relay behind a NAT does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aioice import stun
from aioice.turn import UDP_TRANSPORT, make_integrity_key
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mdo.cli import static
from mdo.cli.home import server_account
from mdo.cli.process import Child, Program
from mdo.cli.relay import DEPLOYED, HERE, MEETING_HERE
from tests.parts import answers, run_part, until
from tests.ports import free_port

SECRET = "the-relay-s-secret-of-these-tests"
ANSWERS_WITHIN_S = 30.0


# --- the relay ------------------------------------------------------------------------------------------------------------------------


@dataclass
class Relay:
    """A running coturn."""

    child: Child
    port: int
    tls_port: int
    certificate: Path

    @property
    def urls(self) -> list[str]:
        """As MDO_TURN names them; TLS is left out, since no browser trusts this certificate."""
        return [f"turn:{HERE}:{self.port}?transport={transport}" for transport in ("udp", "tcp")]

    @property
    def settings(self) -> dict[str, str]:
        return {"MDO_TURN": ",".join(self.urls), "MDO_TURN_SECRET": SECRET}

    @property
    def log(self) -> str:
        return self.child.program.log.read_text()

    def client(self, transport: str = "udp", **credentials: Any) -> Client:
        port = self.tls_port if transport == "tls" else self.port
        return Client(port, transport, self.certificate, *credentials_for(**credentials))


def credentials_for(
    peer: str = "peer", *, secret: str = SECRET, lasts: timedelta = timedelta(minutes=1)
) -> tuple[str, str]:
    """Name and password as draft-uberti-behave-turn-rest-00 has them; written again here, so that the product's own are checked by coturn."""
    name = f"{int((datetime.now(UTC) + lasts).timestamp())}:{peer}"
    return name, base64.b64encode(hmac.new(secret.encode(), name.encode(), hashlib.sha1).digest()).decode()


def make_certificate(folder: Path) -> None:
    """`cert.pem` and `key.pem` for loopback."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(hours=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@contextmanager
def running(
    folder: Path, *more: str, change: Callable[[str], str] = lambda text: text, **settings: str
) -> Iterator[Relay]:
    """coturn as it is deployed, run by nobody in particular. `change` is for negative controls: what the configuration would say else."""
    if shutil.which("turnserver") is None:
        pytest.fail("coturn is not installed: install the package 'coturn' (apt-get install coturn).")
    # A copy, since whoever runs it may not be able to enter this clone.
    place = folder / "coturn"
    shutil.copytree(DEPLOYED, place)
    conf = place / "turnserver.conf"
    conf.write_text(change(conf.read_text()))
    make_certificate(place)
    account = server_account()
    for path in (place, *place.iterdir()):
        if account:
            os.chown(path, account.uid, account.gid)
    port, tls_port = free_port(), free_port()
    environment = {
        "PATH": "/usr/bin:/bin:/usr/local/bin",
        "MDO_TURN_SECRET": SECRET,
        "RELAY_NAME": "relay.example.org",
        "RELAY_CERT": str(place / "cert.pem"),
        "RELAY_KEY": str(place / "key.pem"),
        "RELAY_TLS_PORTS": str(tls_port),
        "RUNTIME_DIRECTORY": str(place),
        **settings,
    }
    command = ["sh", str(place / "start.sh"), f"--listening-port={port}", f"--listening-ip={HERE}", *more]
    program = Program("coturn", command, environment, folder / "coturn.log", account=account)
    pids = folder / "pids"
    pids.mkdir()
    child = Child.start(program, pids)
    try:
        relay = Relay(child, port, tls_port, place / "cert.pem")
        until(
            lambda: (open_at(port) and open_at(tls_port) and binds(port)) or gone(child), "the relay", log=program.log
        )
        yield relay
    finally:
        child.stop()


def open_at(port: int) -> bool:
    try:
        with socket.create_connection((HERE, port), timeout=5):
            return True
    except OSError:
        return False


def binds(port: int) -> bool:
    """Does it answer over UDP? Its listeners come one after the other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(1)
        line.connect((HERE, port))
        try:
            line.send(bytes(stun.Message(stun.Method.BINDING, stun.Class.REQUEST)))
            return bool(line.recv(1_000))
        except OSError:
            return False


def gone(child: Child) -> bool:
    if child.exit_code() is not None:
        pytest.fail(f"the relay ended at once:\n{child.program.log.read_text()}")
    return False


@pytest.fixture(scope="session")
def relay(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relay]:
    """A relay for two browsers of this machine."""
    with place_for_servers() as folder, running(folder, *MEETING_HERE) as started:
        yield started


@pytest.fixture(scope="module")
def relayed_site_process(relay: Relay, django_db_setup: None) -> Iterator[str]:
    """A web process like `site_process`, beside it on a port of its own, that knows the relay; its address."""
    static.collect()
    port = free_port()
    child = run_part("web-relayed", "web", MDO_PORT=str(port), **relay.settings)
    try:
        until(lambda: answers(f"http://{HERE}:{port}/healthz"), "the site", log=child.program.log)
        yield f"http://{HERE}:{port}"
    finally:
        child.stop()


@pytest.fixture
def relayed_site(relayed_site_process: str, committed: None) -> str:
    """The base URL of a site with a relay. A module of journeys says `site` for it, and its visitors come here."""
    return relayed_site_process


@contextmanager
def place_for_servers() -> Iterator[Path]:
    """A temporary folder that an unprivileged server may enter."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mdo-test-relay-") as made:
        folder = Path(made)
        folder.chmod(0o711)
        yield folder


# --- a client -------------------------------------------------------------------------------------------------------------------------

# RFC 8656 §18.8, which aioice does not know.
_FAMILY = (
    0x0017,
    "REQUESTED-ADDRESS-FAMILY",
    lambda family: struct.pack("!Bxxx", family),
    lambda data: data[0],
)
stun.ATTRIBUTES_BY_NAME[_FAMILY[1]] = stun.ATTRIBUTES_BY_TYPE[_FAMILY[0]] = _FAMILY


@dataclass
class Client:
    """One line to the relay; each question waits for its answer."""

    port: int
    transport: str
    certificate: Path
    name: str
    password: str
    realm: str = ""
    nonce: bytes = b""
    relayed: tuple[str, int] = ("", 0)
    line: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        if self.transport == "udp":
            self.line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.line.settimeout(ANSWERS_WITHIN_S)
            self.line.connect((HERE, self.port))
            return
        self.line = socket.create_connection((HERE, self.port), timeout=ANSWERS_WITHIN_S)
        if self.transport == "tls":
            context = ssl.create_default_context(cafile=str(self.certificate))
            self.line = context.wrap_socket(self.line, server_hostname="localhost")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the relayed address back: over UDP the relay would take whoever gets this port next for the same client."""
        try:
            if self.transport == "udp" and self.relayed[0]:
                self.refresh(0)
        finally:
            self.line.close()

    def hear(self) -> stun.Message:
        """The next message of the relay."""
        if self.transport == "udp":
            return stun.parse_message(self.line.recv(65_536))
        head = self._read(4)
        return stun.parse_message(head + self._read(16 + int.from_bytes(head[2:4], "big")))

    def _read(self, length: int) -> bytes:
        found = b""
        while len(found) < length:
            part = self.line.recv(length - len(found))
            if not part:
                raise ConnectionError("the relay has closed the line")
            found += part
        return found

    def ask(self, method: stun.Method, **attributes: Any) -> stun.Message:
        """A request with name and password, once the relay has said which realm they are for."""
        request = stun.Message(
            method, stun.Class.REQUEST, attributes={_word(key): value for key, value in attributes.items()}
        )
        if self.nonce:
            request.attributes |= {"USERNAME": self.name, "REALM": self.realm, "NONCE": self.nonce}
            request.add_message_integrity(make_integrity_key(self.name, self.realm, self.password))
        self.line.sendall(bytes(request))
        while True:
            heard = self.hear()
            if heard.transaction_id == request.transaction_id:
                return heard

    def allocate(self, **attributes: Any) -> int:
        """Ask for a relayed address (`relayed`); 0, or the code of the refusal."""
        wishes = {"requested_transport": UDP_TRANSPORT, **attributes}
        challenge = self.ask(stun.Method.ALLOCATE, **wishes)
        assert challenge.error_code == 401, challenge
        self.realm, self.nonce = challenge.attributes["REALM"], challenge.attributes["NONCE"]
        answer = self.ask(stun.Method.ALLOCATE, **wishes)
        self.relayed = answer.attributes.get("XOR-RELAYED-ADDRESS", ("", 0))
        return answer.error_code or 0

    def permit(self, host: str) -> int:
        """Ask to send to an address, and to hear of it; 0, or the code of the refusal."""
        return self.ask(stun.Method.CREATE_PERMISSION, xor_peer_address=(host, 9)).error_code or 0

    def bind(self, host: str, port: int = 9, channel: int = 0x4000) -> int:
        """The same by a channel."""
        return self.ask(stun.Method.CHANNEL_BIND, channel_number=channel, xor_peer_address=(host, port)).error_code or 0

    def refresh(self, lifetime_s: int = 600) -> int:
        return self.ask(stun.Method.REFRESH, lifetime=lifetime_s).error_code or 0

    def send(self, peer: tuple[str, int], data: bytes) -> None:
        """To a peer, from the relayed address; nobody answers."""
        said = stun.Message(
            stun.Method.SEND, stun.Class.INDICATION, attributes={"XOR-PEER-ADDRESS": peer, "DATA": data}
        )
        said.add_fingerprint()
        self.line.sendall(bytes(said))

    def receive(self) -> tuple[tuple[str, int], bytes]:
        """From whom the next data came to the relayed address, and what."""
        heard = self.hear()
        assert (heard.message_method, heard.message_class) == (stun.Method.DATA, stun.Class.INDICATION)
        return heard.attributes["XOR-PEER-ADDRESS"], heard.attributes["DATA"]


def _word(key: str) -> str:
    return key.upper().replace("_", "-")


def wait_for_the_end_of(credentials_name: str) -> None:
    """Until credentials have ended by their own name."""
    ends = int(credentials_name.partition(":")[0])
    until(lambda: time.time() > ends + 1, "the end of the credentials")
