"""`mdo verify-decisions`: it says nothing of an untouched chain, and finds what the database's owner did past every guard."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest

from mdo.cli.home import CannotRun
from mdo.cli.run import parser
from mdo.cli.verify import verify_decisions
from mdo.kernel.ids import new_id
from meetings import chain
from meetings.actions.signing import sign_decisions
from meetings.models import Decision, Meeting
from tests.cast import Cast
from tests.database import as_owner
from tests.factories import make_decision, make_item, make_meeting, make_referral
from tests.meetings.acts import call, house

CONTENT = "its content or signature was changed"
FOLLOWS = "it does not follow the one before it"
GONE = "the access log says that it was signed"
LOGGED = "the access log knows it with another number or digest"


@pytest.fixture
def signed(committed: None, cast: Cast) -> list[Decision]:
    """Three signed decisions of one board: two signed together, then one."""
    meeting = make_meeting(cast.board, state=Meeting.State.CLOSED)
    made = []
    for _n in range(3):
        referral = make_referral(cast.board, cast.organiser, cast.requester.person, status="discussed")
        made.append(make_decision(make_item(meeting, referral, state="discussed"), recorded_by=cast.chair.person))
    for some in (made[:2], made[2:]):
        what = [(each.pk, chain.seen(each)) for each in some]
        call(sign_decisions, cast.coordinator, meeting_id=meeting.pk, decisions=what)
    with house():
        return list(Decision.objects.order_by("number"))


GUARDED = ("decision", "followup", "decisionaction", "registrationform", "billingline")


@contextmanager
def tampering() -> Iterator[Any]:
    """The owner's connection, with the guards of the decisions, and of what hangs on them, taken away."""
    with as_owner() as owner:
        for table in GUARDED:
            owner.execute(f"ALTER TABLE meetings_{table} DISABLE TRIGGER USER, NO FORCE ROW LEVEL SECURITY")
        owner.execute("SELECT set_config('mdo.action', 'tampering', false)")
        try:
            yield owner
        finally:
            for table in GUARDED:
                owner.execute(f"ALTER TABLE meetings_{table} ENABLE TRIGGER USER, FORCE ROW LEVEL SECURITY")


def run(capsys: Any, board: UUID | None = None) -> tuple[int, list[str]]:
    capsys.readouterr()
    code = verify_decisions(str(board) if board else None)
    return code, capsys.readouterr().out.splitlines()


def test_an_untouched_chain_gives_nothing(cast: Cast, signed: list[Decision], capsys: Any) -> None:
    assert parser().parse_args(["verify-decisions", "--board", "x"]).board == "x"
    assert run(capsys, cast.board.pk) == (0, ["1 boards, 3 signed decisions, 0 findings."])
    code, lines = run(capsys)
    assert (code, lines[-1].endswith("3 signed decisions, 0 findings.")) == (0, True)
    for unknown in ("nonsense", str(new_id())):
        with pytest.raises(CannotRun):
            verify_decisions(unknown)


CHANGES = [
    (1, "text = 'Geknoeid'", [(1, CONTENT)]),
    (2, "steps = '[]'", [(2, CONTENT)]),
    (3, "signed_at = signed_at - interval '1 day'", [(3, CONTENT)]),
    (2, "digest = repeat('0', 64)", [(2, CONTENT), (3, FOLLOWS), (2, LOGGED)]),
    (3, "number = 9", [(9, "numbers are missing before this one"), (9, CONTENT), (3, LOGGED)]),
    (1, "state = 'recorded'", [(2, GONE)]),
]


def test_what_was_changed_cut_or_made_anew_is_found(cast: Cast, signed: list[Decision], capsys: Any) -> None:
    with tampering() as owner:
        owner.execute("CREATE TEMP TABLE kept AS SELECT * FROM meetings_decision")
        columns = [each.column for each in Decision._meta.get_fields() if getattr(each, "column", None)]
        back = ", ".join(f"{column} = k.{column}" for column in columns if column != "id")
        for number, change, expected in CHANGES:
            owner.execute(f"UPDATE meetings_decision SET {change} WHERE number = {number}")
            code, lines = run(capsys, cast.board.pk)
            told = [(int(line.split()[3]), line.split(": ", 1)[1]) for line in lines[:-1]]
            assert (code, sorted(told)) == (1, sorted(expected)), change
            assert lines[-1] == f"1 boards, 3 signed decisions, {len(expected)} findings."
            owner.execute(f"UPDATE meetings_decision d SET {back} FROM kept k WHERE k.id = d.id")
        assert run(capsys, cast.board.pk)[0] == 0

        # The negative control of the log: whoever knows the arithmetic passes the chain's own check.
        previous = chain.GENESIS
        for each in signed:
            each.text = "Geknoeid."
            each.previous_digest, each.digest = previous, chain.digest(each, previous)
            previous = each.digest
            owner.execute(
                "UPDATE meetings_decision SET text = %s, previous_digest = %s, digest = %s WHERE id = %s",
                [each.text, each.previous_digest, each.digest, each.pk],
            )
        with house():
            assert chain.check(Decision.objects.order_by("number")) == []
        code, lines = run(capsys, cast.board.pk)
        assert (code, [line.split(": ", 1)[1] for line in lines[:-1]]) == (1, [LOGGED, LOGGED])
        assert "Geknoeid" not in "".join(lines)
        owner.execute(f"UPDATE meetings_decision d SET {back} FROM kept k WHERE k.id = d.id")

        # So does a cut tail.
        for table in ("report", "followup", "decisionaction", "registrationform", "billingline", "decisionseal"):
            owner.execute(f"DELETE FROM meetings_{table} WHERE decision_id = %s", [signed[2].pk])
        owner.execute("DELETE FROM meetings_decision WHERE id = %s", [signed[2].pk])
        with house():
            assert chain.check(Decision.objects.order_by("number")) == []
        gone = f"board {cast.board.pk} number 3 decision {signed[2].pk}: {GONE}"
        assert run(capsys, cast.board.pk) == (1, [gone, "1 boards, 2 signed decisions, 1 findings."])
