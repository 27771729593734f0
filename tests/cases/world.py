"""A world in which every part of the rule of cases/access.py is met, and who sees what of it, written down by hand.

Names of cases begin with their hospital: O organiser, P partner, T third, X the hospital in no agreement.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db.models import QuerySet

from cases.models import Case, Document, Grant, Patient, Referral
from mdo.directory.models import Board, Organisation, OrganisationRole, Person
from mdo.kernel.acting import System
from mdo.kernel.clock import now
from meetings.models import Decision, Meeting
from tests.cast import Cast, Member, seat
from tests.factories import (
    make_case,
    make_decision,
    make_document,
    make_grant,
    make_item,
    make_meeting,
    make_patient,
    make_referral,
    writing,
)

HOUSE = System("sweep")
KNOWN = {f"T_{status}" for status in Referral.KNOWN_TO_BOARD}
# What the breast board's readers see while the agreement is in force.
BOARD = {"O_submitted", "O_chair", "O_via", "P_submitted", "P_colleague"} | KNOWN
ORGANISER = {"O_draft", "O_submitted", "O_chair", "O_withdrawn", "O_bare", "O_via", "O_other_board"}
PARTNER = {"P_submitted", "P_draft", "P_colleague", "P_colleague_draft"}
THIRD = {f"T_{status}" for status in Referral.Status}

SEEN: dict[str, set[str]] = {
    "chair": BOARD | {"O_other_board"},  # as its requester
    "coordinator": BOARD,
    "secretary": BOARD | ORGANISER,
    "requester": {"O_draft", "O_submitted", "O_withdrawn", "O_bare", "O_via"},
    "radiologist": BOARD,
    "partner": BOARD | {"P_draft"},
    "partnersecretary": PARTNER,
    "guest": {"O_submitted"},
    "outsider": {"X_bare", "X_own_board", "X_sneaked"},
    "privacy": set(),
    "admin": set(),
    "observer": {"T_discussed"},
    # Beside the cast:
    "former": set(),
    "future": set(),
    "thirdmember": BOARD | THIRD,  # requester of all of the third hospital's
    "both": BOARD,
    "inactive": set(),
}


@dataclass
class World:
    """The rows by name; `names` turns rows into the names of their cases."""

    cast: Cast
    extra: dict[str, Member] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    referrals: dict[str, Referral] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    lonely: dict[str, Patient] = field(default_factory=dict)  # patients without a case, by hospital
    grants: list[Grant] = field(default_factory=list)

    @property
    def people(self) -> dict[str, Member]:
        return {**self.cast.members, **self.extra}

    def add(self, name: str, hospital: Organisation, requester: Person, status: str | None, board: Board) -> None:
        case = self.cases[name] = make_case(hospital, requester)
        if status is not None:
            self.referrals[name] = make_referral(board, hospital, requester, case=case, status=status)


def make_world(cast: Cast) -> World:
    """Insert the world. The cast's agreement is in force; see `SEEN` for who sees which cases."""
    with writing():
        return _make_world(cast)


def _make_world(cast: Cast) -> World:
    world = World(cast)
    moment, org, partner, third, outside = now(), cast.organiser, cast.partner_hospital, cast.third, cast.outside
    for name, place in (
        ("former", org),
        ("future", org),
        ("colleague", partner),
        ("thirdmember", third),
        ("both", partner),
        ("inactive", org),
    ):
        world.extra[name] = Member(
            Person.objects.create(username=name, last_name=name, is_active=name != "inactive"), place
        )
    who = {name: member.person for name, member in world.people.items()}
    seat(who["former"], cast.board, org, "member", valid_until=moment - timedelta(hours=1))
    seat(who["future"], cast.board, org, "member", valid_from=moment + timedelta(hours=1))
    seat(who["thirdmember"], cast.board, third, "member")
    seat(who["both"], cast.board, partner, "member")
    seat(who["inactive"], cast.board, org, "chair")
    for name, place, role, until in (
        ("former", org, "secretary", moment - timedelta(hours=1)),
        ("colleague", partner, "clinician", None),
        ("both", org, "clinician", None),
        ("both", partner, "clinician", None),
        ("inactive", org, "secretary", None),
    ):
        OrganisationRole.objects.create(
            person=who[name], organisation=place, role=role, valid_from=moment - timedelta(days=2), valid_until=until
        )
    other = Board.objects.create(network=cast.network, organiser=org, name="Long-MOC")
    own = Board.objects.create(network=cast.network, organiser=outside, name="Eigen MOC")
    seat(who["outsider"], own, outside, "chair")

    world.add("O_draft", org, who["requester"], "draft", cast.board)
    world.add("O_submitted", org, who["requester"], "submitted", cast.board)
    world.add("O_chair", org, who["chair"], "submitted", cast.board)
    world.add("O_withdrawn", org, who["requester"], "withdrawn", cast.board)
    world.add("O_bare", org, who["requester"], None, cast.board)
    world.add("O_via", org, who["secretary"], None, cast.board)
    world.referrals["O_via"] = make_referral(
        cast.board, org, who["requester"], case=world.cases["O_via"], status="submitted"
    )
    world.add("O_other_board", org, who["chair"], "submitted", other)
    world.add("P_submitted", partner, who["partner"], "submitted", cast.board)
    world.add("P_draft", partner, who["partner"], "draft", cast.board)
    world.add("P_colleague", partner, who["colleague"], "submitted", cast.board)
    # A second referral of a case that the board knows, still a draft: not for the board's eyes.
    world.referrals["P_colleague again"] = make_referral(
        other, partner, who["colleague"], case=world.cases["P_colleague"], status="draft"
    )
    world.add("P_colleague_draft", partner, who["colleague"], "draft", cast.board)
    for status in Referral.Status.values:
        world.add(f"T_{status}", third, who["thirdmember"], status, cast.board)
    world.add("X_bare", outside, who["outsider"], None, cast.board)
    world.add("X_own_board", outside, who["outsider"], "submitted", own)
    world.add("X_sneaked", outside, who["outsider"], "submitted", cast.board)  # from a time with an agreement

    cases = world.cases
    world.grants = [
        make_grant(cases["O_submitted"], who["guest"]),
        make_grant(cases["P_submitted"], who["guest"], ended_at=moment - timedelta(minutes=1)),
        make_grant(cases["T_submitted"], who["guest"], until=moment - timedelta(minutes=5)),
        make_grant(cases["T_discussed"], who["observer"]),
    ]
    for name in ("O_draft", "O_submitted", "P_submitted", "T_discussed", "X_own_board"):
        world.documents[name] = make_document(cases[name])
        world.documents[f"{name} shared"] = make_document(cases[name], shared_with_guests=True)
        world.documents[f"{name} removed"] = make_document(cases[name], removed_at=moment)
    meeting = make_meeting(cast.board, state=Meeting.State.RUNNING)
    for name, state in (("O_submitted", "draft"), ("P_submitted", "recorded"), ("T_discussed", "recorded")):
        world.decisions[name] = make_decision(make_item(meeting, world.referrals[name]), state=state)
    world.decisions["topic"] = make_decision(make_item(meeting))
    for place in (org, partner, third, outside):
        world.lonely[place.short_name] = make_patient(place)
    return world


def names(rows: QuerySet[Any], known: dict[str, Any]) -> set[str]:
    """The names under which these rows stand in one of the dictionaries of `World`."""
    by_key = {row.pk: name for name, row in known.items()}
    return {by_key[key] for key in rows.values_list("pk", flat=True)}
