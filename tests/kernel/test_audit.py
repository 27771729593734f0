"""The audit: no access without a trace, a chain that shows whatever was done to it, anchored where the database does not reach."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from cases.access import access_case_for_reading
from mdo.kernel import audit, ledger
from mdo.kernel.acting import System, acting, current
from mdo.kernel.audit import SITE, Finding
from mdo.kernel.errors import Unavailable
from mdo.kernel.models import AuditEntry, AuditSeal
from tests.cast import Cast, acting_as
from tests.database import as_owner, audit_cannot_be_written
from tests.factories import make_case, make_referral
from tests.parts import until

KEY = b"k" * 32
GONE = "the chain does not contain its anchored head"
CHANGED = "the entry or its order was changed"
MISSING = "links are missing before this one"
FOREIGN = "the entry belongs to another organisation"


# --- the rows ----------------------------------------------------------------------------------------------------------


def test_reading_leaves_one_row_in_the_same_transaction(cast: Cast) -> None:
    referral = make_referral(cast.board, cast.organiser, cast.requester.person)
    with acting_as(cast.partner) as partner:
        access_case_for_reading(partner, referral.case_id)
        access_case_for_reading(partner, referral.case_id)  # once for each transaction and object
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_kind, entry.object_id, entry.patient_id, entry.outcome) == (
        "case.read",
        "case",
        referral.case_id,
        referral.case.patient_id,
        "ok",
    )
    assert (entry.actor_id, entry.organisation_id, entry.hospital_id) == (
        cast.partner.pk,
        cast.partner_hospital.pk,
        cast.organiser.pk,
    )
    with acting_as(cast.partner) as partner:
        access_case_for_reading(partner, referral.case_id)
    assert AuditEntry.objects.count() == 2


def test_a_refusal_leaves_a_row(cast: Cast) -> None:
    with acting_as(cast.outsider):
        audit.refused("cases:detail", "not_found", object_id=cast.board.pk)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.outcome, entry.object_id, entry.hospital_id, str(entry)) == (
        "cases:detail",
        "not_found",
        cast.board.pk,
        None,
        f"{entry.at} cases:detail not_found",
    )


def test_no_access_without_a_trace(cast: Cast) -> None:
    case = make_case(cast.organiser, cast.requester.person)
    with audit_cannot_be_written(), pytest.raises(Unavailable) as caught, acting_as(cast.requester) as requester:
        access_case_for_reading(requester, case.pk)
    assert caught.value.status == 503
    with acting_as(cast.requester) as requester:  # the negative control
        assert access_case_for_reading(requester, case.pk) == case


def test_no_action_without_a_trace(cast: Cast) -> None:
    with audit_cannot_be_written(), pytest.raises(Unavailable, match="recorded"), acting_as(cast.requester):
        trace("test.counted", cast.organiser.pk)


def test_a_list_that_shows_names_leaves_a_row(cast: Cast) -> None:
    with acting_as(cast.secretary):
        audit.act("case.listed", hospital_id=cast.organiser.pk, detail={"found": 12})
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.hospital_id, entry.detail, entry.object_id) == (
        "case.listed",
        cast.organiser.pk,
        {"found": 12},
        None,
    )


@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
@pytest.mark.parametrize("table", ["kernel_auditentry", "kernel_auditseal"])
def test_the_program_cannot_rewrite_the_audit(db: None, statement: str, table: str) -> None:
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement.format(table))


# --- the chain ---------------------------------------------------------------------------------------------------------


def trace(action: str, hospital_id: UUID | None, **detail: Any) -> None:
    ledger.write(current(), action, (), hospital_id=hospital_id, detail=detail, command_id=None, digest=b"")


def record(number: int, hospital_id: UUID | None = None, organisation_id: UUID | None = None) -> None:
    """That many audit rows, each in a transaction of its own."""
    for n in range(number):
        with acting(System("clerk"), organisation_id, "work"):
            trace("test.counted", hospital_id, n=n)


def oldest_open() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT mdo_oldest_open_xid()")
        return int(cursor.fetchone()[0])


def seal(number: int) -> None:
    """Seal until so many rows are sealed in all: what others do on the same server may hold the sealer back for a moment."""
    until(lambda: audit.seal() or AuditSeal.objects.count() == number, f"{number} sealed rows", 150)
    until(lambda: audit.seal() == 0 and AuditSeal.objects.count() == number, f"{number} sealed rows", 150)


@pytest.fixture
def chains(committed: None, cast: Cast) -> tuple[UUID, UUID]:
    """Two sealed chains, of 6 and of 4 links; and one of the site with 2."""
    for n in (4, 2):
        record(n, hospital_id=cast.organiser.pk)
        record(2, hospital_id=cast.third.pk)
    record(2)
    seal(12)
    return cast.organiser.pk, cast.third.pk


def test_each_organisation_has_a_chain(chains: tuple[UUID, UUID]) -> None:
    links = list(AuditSeal.objects.order_by("chain_id", "n").values_list("chain_id", "n"))
    one, other = chains
    assert sorted(links) == sorted(
        [(one, n) for n in range(1, 7)] + [(other, n) for n in range(1, 5)] + [(SITE, 1), (SITE, 2)]
    )
    assert audit.verify() == []
    assert str(AuditSeal.objects.get(chain_id=one, n=1)) == f"{one} 1"


def test_the_owner_of_the_data_names_the_chain_else_the_acting_organisation(committed: None, cast: Cast) -> None:
    record(1, hospital_id=cast.organiser.pk, organisation_id=cast.partner_hospital.pk)
    record(1, organisation_id=cast.partner_hospital.pk)
    seal(2)
    assert list(AuditSeal.objects.order_by("entry_id").values_list("chain_id", flat=True)) == [
        cast.organiser.pk,
        cast.partner_hospital.pk,
    ]


def test_sealing_goes_on_where_it_stopped(committed: None, cast: Cast) -> None:
    record(5, hospital_id=cast.organiser.pk)
    until(lambda: oldest_open() > AuditEntry.objects.latest("id").xid, "everybody else to be done", 150)
    assert [audit.seal(limit=2), audit.seal(limit=2), audit.seal(limit=2), audit.seal()] == [2, 2, 1, 0]
    assert list(AuditSeal.objects.order_by("id").values_list("n", flat=True)) == [1, 2, 3, 4, 5]
    assert audit.verify() == []


def test_the_sealer_stays_below_open_transactions(committed: None, cast: Cast) -> None:
    """A row with a smaller id may still be on its way: nothing behind it is sealed before it is there."""
    began, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with acting(System("slow"), None, "work"):
                trace("test.slow", cast.organiser.pk)
                began.set()
                assert go_on.wait(20)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(slow)
        assert began.wait(20)
        record(3, hospital_id=cast.organiser.pk)
        assert audit.seal() == 0
        go_on.set()
        running.result(20)
    seal(4)
    actions = list(AuditSeal.objects.order_by("n").values_list("entry__action", flat=True))
    assert actions == ["test.slow", "test.counted", "test.counted", "test.counted"]
    assert audit.verify() == []


def test_one_sealer_at_a_time(committed: None, cast: Cast) -> None:
    record(3, hospital_id=cast.organiser.pk)
    with as_owner() as other:
        other.execute("SELECT pg_advisory_lock(hashtext('mdo.audit.seal'))")
        assert audit.seal() == 0
        other.execute("SELECT pg_advisory_unlock(hashtext('mdo.audit.seal'))")
    seal(3)


# --- tampering ---------------------------------------------------------------------------------------------------------
# Each as the database's owner, on the chain of 6 links of the organiser. `link` is the link tampered with.

EDITS = {
    "uid": "'00000000-0000-0000-0000-000000000001'",
    "at": "at + interval '1 microsecond'",
    "actor_kind": "'system '",
    "actor_id": "'00000000-0000-0000-0000-000000000001'",
    "organisation_id": "'00000000-0000-0000-0000-000000000001'",
    "purpose": "'cure'",
    "action": "'test.forged'",
    "outcome": "'denied'",
    "object_kind": "'case'",
    "object_id": "'00000000-0000-0000-0000-000000000001'",
    "patient_id": "'00000000-0000-0000-0000-000000000001'",
    "detail": """'{"n": 99}'""",
}


def at(link: int) -> str:
    return f"SELECT entry_id FROM kernel_auditseal WHERE chain_id = %s AND n = {link}"


def test_every_edit_is_found(chains: tuple[UUID, UUID]) -> None:
    with as_owner() as owner:
        owner.execute("CREATE TEMP TABLE kept AS SELECT * FROM kernel_auditentry")
        for link in (1, 3, 6):
            for column, value in EDITS.items():
                owner.execute(f"UPDATE kernel_auditentry SET {column} = {value} WHERE id = ({at(link)})", [chains[0]])
                assert audit.verify() == [Finding(chains[0], link, CHANGED)], column
                owner.execute(f"UPDATE kernel_auditentry e SET {column} = k.{column} FROM kept k WHERE k.id = e.id")
    assert audit.verify() == []


def test_a_row_moved_to_another_hospital_is_found(chains: tuple[UUID, UUID]) -> None:
    with as_owner() as owner:
        owner.execute(f"UPDATE kernel_auditentry SET hospital_id = %s WHERE id = ({at(2)})", [chains[1], chains[0]])
    assert audit.verify() == [Finding(chains[0], 2, FOREIGN), Finding(chains[0], 2, CHANGED)]


@pytest.mark.parametrize("link", [1, 4])
def test_a_deletion_is_found(chains: tuple[UUID, UUID], link: int) -> None:
    with as_owner() as owner:
        row = owner.execute(at(link), [chains[0]]).fetchone()
        owner.execute("DELETE FROM kernel_auditseal WHERE entry_id = %s", row)
        owner.execute("DELETE FROM kernel_auditentry WHERE id = %s", row)
    assert audit.verify() == [Finding(chains[0], link + 1, MISSING), Finding(chains[0], link + 1, CHANGED)]


def test_a_deletion_with_new_numbers_is_found(chains: tuple[UUID, UUID]) -> None:
    with as_owner() as owner:
        owner.execute("DELETE FROM kernel_auditseal WHERE chain_id = %s AND n = 3", [chains[0]])
        for n in (4, 5, 6):
            owner.execute("UPDATE kernel_auditseal SET n = n - 1 WHERE chain_id = %s AND n = %s", [chains[0], n])
    assert audit.verify()[0] == Finding(chains[0], 3, CHANGED)


def test_a_swap_is_found(chains: tuple[UUID, UUID]) -> None:
    with as_owner() as owner:
        (two,), (five,) = (owner.execute(at(n), [chains[0]]).fetchone() for n in (2, 5))  # type: ignore[misc]
        first = owner.execute("SELECT max(id) + 1 FROM kernel_auditentry").fetchone()
        # Through an entry that nobody sealed, as the key of the seals demands.
        record(1)
        (spare,) = first  # type: ignore[misc]
        for entry, link in ((spare, 2), (two, 5), (five, 2)):
            owner.execute(
                "UPDATE kernel_auditseal SET entry_id = %s WHERE chain_id = %s AND n = %s", [entry, chains[0], link]
            )
    assert audit.verify() == [Finding(chains[0], 2, CHANGED), Finding(chains[0], 5, CHANGED)]


@pytest.fixture
def anchors(tmp_path: Path) -> Path:
    return tmp_path / "outside" / "anchors"


def cut_tail(chain: UUID, keep: int) -> None:
    with as_owner() as owner:
        owner.execute("DELETE FROM kernel_auditseal WHERE chain_id = %s AND n > %s", [chain, keep])


def forge(chain: UUID, link: int) -> None:
    """What a superuser can do who knows the method: edit a row and compute the chain anew from there on."""
    with as_owner() as owner:
        owner.execute(f"UPDATE kernel_auditentry SET outcome = 'denied' WHERE id = ({at(link)})", [chain])
    previous = audit.GENESIS
    for seal in AuditSeal.objects.filter(chain_id=chain).select_related("entry").order_by("n"):
        digest = audit._link(previous, seal.n, seal.entry)
        with as_owner() as owner:
            owner.execute(
                "UPDATE kernel_auditseal SET previous = %s, digest = %s WHERE id = %s", [previous, digest, seal.pk]
            )
        previous = digest


@pytest.mark.parametrize(
    "tamper",
    [
        lambda chain: cut_tail(chain, 4),
        lambda chain: cut_tail(chain, 0),
        lambda chain: forge(chain, 2),
    ],
    ids=["tail", "all", "forged"],
)
def test_what_the_chain_alone_misses_the_anchor_finds(
    chains: tuple[UUID, UUID], anchors: Path, tamper: Callable[[UUID], None]
) -> None:
    assert audit.anchor(anchors, KEY) == 3
    assert audit.verify(anchors, KEY) == []
    tamper(chains[0])
    assert audit.verify() == []  # the negative control: without the anchor nothing is to be seen
    assert audit.verify(anchors, KEY) == [Finding(chains[0], 6, GONE)]


def test_every_anchor_is_held_against_the_chain(chains: tuple[UUID, UUID], cast: Cast, anchors: Path) -> None:
    audit.anchor(anchors, KEY)
    record(2, hospital_id=cast.organiser.pk)
    seal(14)
    audit.anchor(anchors, KEY)
    assert len(anchors.read_text().splitlines()) == 2
    assert audit.verify(anchors, KEY) == []
    cut_tail(chains[0], 5)
    assert audit.verify(anchors, KEY) == [Finding(chains[0], 6, GONE), Finding(chains[0], 8, GONE)]


def test_a_changed_anchor_is_found(chains: tuple[UUID, UUID], anchors: Path) -> None:
    audit.anchor(anchors, KEY)
    record_ = json.loads(anchors.read_text())
    body = json.loads(record_["body"])
    body["heads"][str(chains[0])][0] = 4
    anchors.write_text(json.dumps({**record_, "body": json.dumps(body)}) + "\n")
    assert audit.verify(anchors, KEY) == [Finding(SITE, 0, "an anchor was changed")]
    assert audit.verify(anchors.with_name("none"), KEY) == []


def test_two_hundred_tamperings(chains: tuple[UUID, UUID], cast: Cast, anchors: Path) -> None:
    """TRUST §3: 200 tamperings among anchored rows, 200 found; an untampered copy gives no finding."""
    record(50, hospital_id=cast.partner_hospital.pk)
    seal(62)
    audit.anchor(anchors, KEY)
    chain, found = cast.partner_hospital.pk, 0
    for n in range(200):
        link = 1 + n // 4
        before: list[Any]
        with as_owner() as owner, owner.transaction(force_rollback=False):
            before = owner.execute(
                f"SELECT id, action, outcome FROM kernel_auditentry WHERE id = ({at(link)})", [chain]
            ).fetchall()
            sealed = owner.execute(
                "SELECT id, n, digest FROM kernel_auditseal WHERE chain_id = %s AND n = %s", [chain, link]
            ).fetchone()
            assert sealed is not None
            way = n % 4
            if way == 0:
                owner.execute("UPDATE kernel_auditentry SET action = 'x' WHERE id = %s", [before[0][0]])
            elif way == 1:
                owner.execute("UPDATE kernel_auditentry SET outcome = 'x' WHERE id = %s", [before[0][0]])
            elif way == 2:
                owner.execute("UPDATE kernel_auditseal SET digest = %s WHERE id = %s", [b"x" * 32, sealed[0]])
            else:
                owner.execute("UPDATE kernel_auditseal SET n = 1000 WHERE id = %s", [sealed[0]])
        found += bool(audit.verify(anchors, KEY))
        with as_owner() as owner:
            entry_id, action, outcome = before[0]
            owner.execute(
                "UPDATE kernel_auditentry SET action = %s, outcome = %s WHERE id = %s", [action, outcome, entry_id]
            )
            owner.execute(
                "UPDATE kernel_auditseal SET n = %s, digest = %s WHERE id = %s", [sealed[1], sealed[2], sealed[0]]
            )
    assert found == 200
    assert audit.verify(anchors, KEY) == []
