"""Who may know of a meeting, sit in its room, and do what there.

**The rule.** A meeting may be seen by whoever has a seat on its board (a partner only while an agreement in force gives that
seat a reach), by the requester of a case on its agenda, and by a guest of an item, who sees that item alone. Of the agenda,
everybody sees the items of hospitals within the reach of their organisation and all topics; an observer sees pseudonyms; a
guest the own row without names, counts or times of others. A guest is named by the case, or was invited by a personal link
(``guests.py`` says when that holds). Outsiders get ``NotFound``.

All changes to a meeting and its items happen under the lock of the meeting's row, taken here.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat

from cases.access import access_hospital_for_reading_out, visible_cases
from cases.access import place as case_place
from cases.models import Case, Referral
from mdo.directory import access as directory
from mdo.directory.access import Standing
from mdo.directory.matrix import Seat, permits
from mdo.directory.models import Board, BoardRole, Person
from mdo.kernel import audit
from mdo.kernel.acting import Actor, current, elevated
from mdo.kernel.action import granted
from mdo.kernel.clock import now
from mdo.kernel.compiled import compiled
from mdo.kernel.errors import Denied, NotFound
from meetings import guests
from meetings.models import AgendaItem, Decision, Delegation, GuestInvitation, Meeting, Remark, Report, SavedSearch

# What the room's buttons ask for, and the row of the matrix behind each.
ROOM_RIGHTS = {
    "run": "run",
    "postpone": "run",
    "reorder": "run",
    "add_late": "run",
    "close": "run",
    "draft": "draft",
    "record": "record",
    "sign": "sign",
    "share": "share",
    "call": "join",
    "speak": "share",
    "read_back": "read_back",
    "invite": "run",
}


@dataclass(frozen=True)
class Chair:
    """Somebody's place at one meeting's table (or before its door): what is drawn for them and what they may do."""

    standing: Standing
    seats: frozenset[Seat]
    guest_items: frozenset[UUID] = frozenset()

    @property
    def organisation_id(self) -> UUID | None:
        return self.standing.organisation_id

    @property
    def reach(self) -> frozenset[UUID]:
        return self.standing.reach

    @property
    def is_guest(self) -> bool:
        """A guest only: nothing but the own item while it is open."""
        return self.seats == {Seat.GUEST}

    @property
    def pseudonyms(self) -> bool:
        return self.seats == {Seat.OBSERVER}

    def permits(self, row: str, facts: Iterable[str] = ()) -> bool:
        return permits(row, self.seats, self.standing.facts | frozenset(facts))

    def permits_item(self, row: str, item: AgendaItem) -> bool:
        """Whether the right ``row`` holds for one item: its hospital, its requester and its slot count."""
        seats = set(self.seats - {Seat.REQUESTER, Seat.GUEST})
        facts = set(self.standing.facts_for(item.hospital_id))
        referral = item.referral
        if Seat.REQUESTER in self.seats and referral is not None and referral.requester_id == current().actor.actor_id:
            seats.add(Seat.REQUESTER)
            facts.add("own")
        if item.pk in self.guest_items:
            seats.add(Seat.GUEST)
            facts.add("own_row")
            if item.state == AgendaItem.State.OPEN:
                facts.add("slot")
        if Seat.OBSERVER in seats and item.state == AgendaItem.State.OPEN:
            facts.add("slot")  # an observer reads while it is on the table, by pseudonym
        if item.referral_id is not None and item.hospital_id not in self.reach:
            seats &= {Seat.REQUESTER, Seat.GUEST}
        return permits(row, seats, facts)

    @property
    def can(self) -> frozenset[str]:
        """What the room offers. An item may still refuse (a partner secretary's pen on another hospital's case)."""
        facts = {"agr", "own", "invited"} if self.reach else set()
        return frozenset(name for name, row in ROOM_RIGHTS.items() if self.permits(row, facts))


def acting_organisation() -> UUID:
    """The organisation for which the door was opened, where a row keeps it. Raises ``Denied`` for somebody who acts for none."""
    organisation_id = current().organisation_id
    if organisation_id is None:
        raise Denied()
    return organisation_id


def standing_at(by: Actor, meeting: Meeting, organisation_id: UUID | None = None) -> Standing:
    """The place of ``by`` on the meeting's board, and what was handed to them for this meeting while it is not over: a deputy sits
    in the chair, a secretary may record. One query, and one more where the meeting was not read by ``_meeting``."""
    found = directory.standing(by, meeting.board, organisation_id)
    if not found.seats or meeting.state in (Meeting.State.CLOSED, Meeting.State.CANCELLED):
        return found
    held = {kind for person_id, kind in delegations(meeting) if person_id == by.actor_id}
    if Delegation.Kind.CHAIR in held:
        found = replace(found, roles=found.roles | {BoardRole.Role.CHAIR.value})
    if Delegation.Kind.SCRIBE in held:
        found = replace(found, given=frozenset({"delegated"}))
    return found


def delegations(meeting: Meeting) -> list[tuple[UUID, str]]:
    """What the chair's side handed to whom in this meeting: (person, kind)."""
    known: list[str] | None = getattr(meeting, "delegated", None)
    if known is None:
        return list(Delegation.objects.filter(meeting=meeting, ended_at=None).values_list("person_id", "kind"))
    return [(UUID(each[:36]), each[37:]) for each in known]


@compiled
def _own_items(
    meeting: UUID, person: UUID, at: datetime, opens: datetime
) -> QuerySet[AgendaItem, tuple[UUID, UUID | None, UUID | None, bool, UUID]]:
    own = AgendaItem.objects.filter(meeting=meeting).exclude(state=AgendaItem.State.WITHDRAWN)
    by_link = Exists(guests.holding(at, opens).filter(item=OuterRef("pk"), person=person))
    mine = own.annotate(by_link=by_link).filter(
        Q(referral__requester=person) | Q(referral__guest=person) | Q(by_link=True)
    )
    return mine.values_list("pk", "referral__requester", "referral__guest", "by_link", "hospital")


def chair_at(by: Actor, meeting: Meeting, standing: Standing | None = None) -> Chair:
    """The place of ``by`` at ``meeting``; without seats for an outsider. Four statements.

    Whose items these are is asked as the house: a guest may not read the referral while it is not their turn, and still has a
    place before the door.
    """
    standing = standing or standing_at(by, meeting)
    seats = set(standing.seats)
    guest_items = set()
    moment = now()
    with elevated("meeting.places"):
        found = _own_items(meeting=meeting.pk, person=by.actor_id, at=moment, opens=moment + guests.LOBBY_OPENS)
    for item_id, requester, guest, linked, hospital in found:
        if requester == by.actor_id and hospital == standing.organisation_id and hospital in standing.reach:
            seats.add(Seat.REQUESTER)
        if guest == by.actor_id or linked:
            seats.add(Seat.GUEST)
            guest_items.add(item_id)
    return Chair(standing, frozenset(seats), frozenset(guest_items))


def _chair_at_item(by: Actor, standing: Standing, item: AgendaItem) -> Chair:
    """The place of ``by`` before one item: as ``chair_at``, mostly from what is loaded already."""
    hidden = item.referral_id is not None and item.referral is None  # by row-level security: a guest before their turn
    if hidden or getattr(by, "visitor", False):
        return chair_at(by, item.meeting, standing)
    seats = set(standing.seats)
    guest_items = set()
    referral = item.referral
    if referral is not None and item.state != AgendaItem.State.WITHDRAWN:
        at_home = referral.hospital_id == standing.organisation_id and referral.hospital_id in standing.reach
        if referral.requester_id == by.actor_id and at_home:
            seats.add(Seat.REQUESTER)
        if referral.guest_id == by.actor_id:
            seats.add(Seat.GUEST)
            guest_items.add(item.pk)
    return Chair(standing, frozenset(seats), frozenset(guest_items))


def organisation_for(by: Person, meeting: Meeting, preferred: UUID | None) -> UUID | None:
    """For which organisation somebody sits in this room: nobody has to switch to enter."""
    return directory.organisation_for(by, meeting.board, preferred)


# --- lists -------------------------------------------------------------------------------------------------------------


def visible_meetings(by: Actor) -> QuerySet[Meeting]:
    """The meetings that ``by`` may know of, acting for the door's organisation."""
    if by.actor_kind == "system":
        return Meeting.objects.all()
    boards = [each.board for each in directory.visible_boards(by) if each.permits("see_agenda", ["agr", "pseudonyms"])]
    organisation_id = current().organisation_id
    open_boards = [board.pk for board in directory.boards_open_to(organisation_id)] if organisation_id else []
    items = AgendaItem.objects.filter(meeting=OuterRef("pk")).exclude(state=AgendaItem.State.WITHDRAWN)
    requested = items.filter(referral__requester=by.actor_id, hospital=organisation_id)
    with elevated("meeting.places"):  # a guest may not read the referral yet, but knows that there is a meeting
        mine = Q(referral__guest=by.actor_id) | Q(pk__in=guests.items_for(by.actor_id))
        live = AgendaItem.objects.filter(mine).exclude(state=AgendaItem.State.WITHDRAWN)
        invited = list(live.values_list("meeting_id", flat=True))
    return Meeting.objects.filter(
        Q(board__in=boards) | (Q(board__in=open_boards) & Exists(requested)) | Q(pk__in=invited)
    )


def visible_items(by: Actor, meeting: Meeting, place: Chair | None = None) -> QuerySet[AgendaItem]:
    """The rows of the agenda that ``by`` may see, in order. What a row shows is decided where it is drawn."""
    items = AgendaItem.objects.filter(meeting=meeting).order_by("position")
    if by.actor_kind == "system":
        return items
    place = place or chair_at(by, meeting)
    if place.is_guest or not place.seats:
        return items.filter(pk__in=place.guest_items)
    seen = Q(referral=None) | Q(hospital__in=place.reach) | Q(pk__in=place.guest_items)
    return items.filter(seen) if place.permits("see_agenda", ["agr", "pseudonyms"]) else items.none()


def visible_decisions(by: Actor, among: Collection[UUID] | None = None) -> QuerySet[Decision]:
    """Decisions that ``by`` may read: those of cases that they may read, and on topics those of their boards. ``among``: of these alone,
    with one query more to know their cases."""
    if among is not None:
        case_ids = set(Decision.objects.filter(pk__in=among, case__isnull=False).values_list("case", flat=True))
        return _decisions_of(by, visible_cases(by, case_ids)).filter(pk__in=among)
    return _decisions_of(by, visible_cases(by))


def _decisions_of(by: Actor, readable: QuerySet[Case]) -> QuerySet[Decision]:
    if by.actor_kind == "system":
        return Decision.objects.all()
    boards = [each.board for each in directory.visible_boards(by) if each.permits("read_case", ["agr"])]
    read = Exists(readable.filter(pk=OuterRef("case")))
    return Decision.objects.filter(read | Q(case=None, board__in=boards))


def visible_signed(by: Actor) -> QuerySet[Decision]:
    """**The rule.** A program reads out what was decided of its own hospital's cases once it is signed, also a version that was replaced
    since: no topic, no draft, nothing that was signed elsewhere. Raises ``Denied`` for whoever reads nothing out."""
    hospital_id = access_hospital_for_reading_out(by)
    signed = (Decision.State.SIGNED, Decision.State.REPLACED)
    return visible_decisions(by).filter(hospital=hospital_id, case__isnull=False, state__in=signed)


def visible_printed(by: Actor) -> QuerySet[Report]:
    """The reports of those decisions as they were printed after the signature."""
    found = Report.objects.filter(decision__in=visible_signed(by), kind=Report.Kind.CASE, edition=Decision.State.SIGNED)
    return found.exclude(storage_name="")


def access_report_for_reading_out(by: Actor, report_id: UUID) -> Report:
    """A printed report with its decision's case, for its bytes. Raises ``NotFound``."""
    found = visible_printed(by).select_related("decision__case").filter(pk=report_id).first()
    if found is None:
        raise NotFound()
    return found


def visible_remarks(by: Actor, item_ids: Iterable[UUID]) -> list[Remark]:
    """**The rule.** What was written beside an item may be read by whoever reads its case in full: as a member, as the case's own
    side, not as a guest or observer, for whom it would name others. Of a topic, whoever sits on its board. Oldest first."""
    found = Remark.objects.filter(item__in=list(item_ids)).select_related(
        "by", "organisation", "case__hospital", "item__meeting__board__organiser"
    )
    places: dict[UUID, bool] = {}
    remarks = []
    for remark in found.order_by("at", "id"):
        if remark.item_id not in places:
            places[remark.item_id] = _reads_beside(by, remark)
        if places[remark.item_id]:
            remarks.append(remark)
    return remarks


def _reads_beside(by: Actor, remark: Remark) -> bool:
    if by.actor_kind == "system":
        return True
    if remark.case is None:
        place = chair_at(by, remark.item.meeting)
        return bool(place.seats) and not place.is_guest and not place.pseudonyms
    here = case_place(by, remark.case)
    return not here.is_guest and not here.pseudonyms and here.permits("read_case")


# --- the right to one meeting or item ----------------------------------------------------------------------------------


def _meetings() -> QuerySet[Meeting]:
    held = Delegation.objects.filter(meeting=OuterRef("pk"), ended_at=None)
    spelt = Concat(Cast("person_id", TextField()), Value(":"), "kind", output_field=TextField())
    return Meeting.objects.select_related("board__organiser").annotate(delegated=ArraySubquery(held.values_list(spelt)))


@compiled
def _one_meeting(meeting: UUID) -> QuerySet[Meeting]:
    return _meetings().filter(pk=meeting)


@compiled
def _one_meeting_locked(meeting: UUID) -> QuerySet[Meeting]:
    return _meetings().select_for_update(of=("self",)).filter(pk=meeting)


def _meeting(meeting_id: UUID, *, lock: bool) -> Meeting:
    found = (_one_meeting_locked if lock else _one_meeting)(meeting=meeting_id)
    if not found:
        raise NotFound()
    return found[0]


def access_meeting_for(by: Actor, meeting_id: UUID, row: str, *, lock: bool = True) -> Meeting:
    """The meeting, locked, if ``by`` may see it and has the right ``row`` at it. Raises ``NotFound`` or ``Denied``."""
    meeting = _meeting(meeting_id, lock=lock)
    if by.actor_kind != "system":
        standing = standing_at(by, meeting)
        if not standing.permits(row):  # the usual case costs two queries; the third decides between 403 and 404
            if not chair_at(by, meeting, standing).seats:
                raise NotFound()
            raise Denied()
    granted(row, hospital_id=meeting.hospital_id)
    return meeting


def access_meeting_for_sharing(by: Actor, meeting_id: UUID) -> Meeting:
    """The meeting, locked, for whoever sits at its table and may share there: row ``share``. Not for a guest, whose place is an
    item. Raises ``NotFound`` or ``Denied``."""
    meeting = _meeting(meeting_id, lock=True)
    place = chair_at(by, meeting)
    if not place.seats:
        raise NotFound()
    if place.is_guest or not place.permits("share", {"agr"} if place.reach else ()):
        raise Denied()
    granted("share", hospital_id=meeting.hospital_id)
    return meeting


def access_meeting_for_replying(by: Actor, meeting_id: UUID) -> Meeting:
    """The meeting, locked, for whoever is invited to its table: row ``join``. Not for a guest, who comes for one item. Raises
    ``NotFound`` or ``Denied``."""
    meeting = _meeting(meeting_id, lock=True)
    place = chair_at(by, meeting)
    if not place.seats:
        raise NotFound()
    if place.is_guest or not place.permits("join", {"agr", "invited"} if place.reach else ()):
        raise Denied()
    granted("join", hospital_id=meeting.hospital_id)
    return meeting


def access_board_for_planning(by: Actor, board_id: UUID) -> Board:
    """The board, for planning sittings and accepting submissions: row ``build_agenda``."""
    return directory.access_board_for(by, board_id, "build_agenda").board


def access_meeting_for_reading(by: Actor, meeting_id: UUID) -> tuple[Meeting, Chair]:
    """The meeting and one's place at it, to show the agenda or the room. Raises ``NotFound``."""
    meeting = _meeting(meeting_id, lock=False)
    place = chair_at(by, meeting)
    if not place.seats:
        raise NotFound()
    granted("see_agenda", hospital_id=meeting.hospital_id)
    return meeting, place


def access_item_for(by: Actor, meeting_id: UUID, item_id: UUID, row: str, *, lock: bool = True) -> AgendaItem:
    """The item, under its meeting's lock, if ``by`` may see it and has the right ``row`` on it.

    ``item.meeting`` is the locked meeting with its board. Raises ``NotFound`` (also for an item of another meeting) or ``Denied``.
    """
    meeting = _meeting(meeting_id, lock=lock)
    item = AgendaItem.objects.select_related("referral").filter(pk=item_id, meeting=meeting).first()
    if item is None:
        raise NotFound()
    item.meeting = meeting
    if by.actor_kind != "system":
        standing = standing_at(by, meeting)
        place = _chair_at_item(by, standing, item)
        if not _sees(place, item):
            if _sees(chair_at(by, meeting, standing), item):  # a requester of another item sees the row of this one
                raise Denied()
            raise NotFound()
        if not place.permits_item(row, item):
            raise Denied()
    granted(row, hospital_id=item.hospital_id)
    return item


def _sees(place: Chair, item: AgendaItem) -> bool:
    if item.pk in place.guest_items:
        return True
    if place.is_guest or not place.seats:
        return False
    return item.referral_id is None or item.hospital_id in place.reach


def access_item_for_reading(by: Actor, meeting_id: UUID, item_id: UUID) -> AgendaItem:
    """The item with its case, to show it on the stage; writes the read row. Raises ``NotFound`` or ``Denied``."""
    item = access_item_for(by, meeting_id, item_id, "read_case", lock=False)
    if item.referral_id is not None:
        referral = (
            Referral.objects.select_related("case__patient", "case__hospital", "requester")
            .filter(pk=item.referral_id)
            .first()
        )
        if referral is None:  # row-level security says no where the matrix said yes: the stricter one counts
            raise Denied()
        item.referral = referral
        audit.read("case", referral.case_id, hospital_id=item.hospital_id, patient_id=referral.case.patient_id)
    return item


def visible_invitation(by: Actor) -> GuestInvitation | None:
    """The invitation of whoever holds its link, or was let in by it; for anybody else there is none."""
    mine = Q(pk=by.actor_id) if by.actor_kind == "guest" else Q(person=by.actor_id)
    return GuestInvitation.objects.select_related("meeting__board__organiser", "person").filter(mine).first()


def visible_invitations(by: Actor, item: AgendaItem) -> QuerySet[GuestInvitation]:
    """Who was invited to an item by link, oldest first: for those who may show guests in and out."""
    found = GuestInvitation.objects.filter(item=item).order_by("made_at", "id")
    return found if chair_at(by, item.meeting).permits_item("run", item) else found.none()


def access_invitation_for_running(by: Actor, meeting_id: UUID, guest_id: UUID) -> GuestInvitation:
    """The invitation, under its meeting's lock, for those who show guests in and out: row ``run``. Raises ``NotFound``, ``Denied``."""
    meeting = access_meeting_for(by, meeting_id, "run")
    return _invitation(meeting, guest_id)


def access_invitation_for_holder(by: Actor, guest_id: UUID) -> GuestInvitation:
    """The invitation, under its meeting's lock, for whoever holds its link: the actor whom the link names. Raises ``NotFound``."""
    if by.actor_kind != "guest" or by.actor_id != guest_id:
        raise NotFound()
    known = GuestInvitation.objects.filter(pk=guest_id).values_list("meeting", flat=True).first()
    if known is None:
        raise NotFound()
    invitation = _invitation(_meeting(known, lock=True), guest_id)
    granted("join", hospital_id=invitation.hospital_id)
    return invitation


def _invitation(meeting: Meeting, guest_id: UUID) -> GuestInvitation:
    found = GuestInvitation.objects.select_for_update(of=("self",)).filter(pk=guest_id, meeting=meeting).first()
    if found is None:
        raise NotFound()
    found.meeting = meeting
    return found


def access_decision_for(by: Actor, decision_id: UUID, row: str, *, lock: bool = True) -> Decision:
    """The decision, its meeting locked, if ``by`` may read it and has the right ``row`` on its item."""
    decision = (
        visible_decisions(by)
        .select_related("meeting__board__organiser", "item__referral")
        .filter(pk=decision_id)
        .first()
    )
    if decision is None:
        raise NotFound()
    if lock:
        meeting = _meeting(decision.meeting_id, lock=True)
        decision = Decision.objects.select_related("item__referral", "case__patient").get(pk=decision_id)
        decision.meeting = meeting
    if by.actor_kind != "system" and not chair_at(by, decision.meeting).permits_item(row, decision.item):
        raise Denied()
    granted(row, hospital_id=decision.hospital_id)
    return decision


def access_decision_for_reading(by: Actor, decision_id: UUID) -> Decision:
    """The decision with its case, to look back; writes the read row. Raises ``NotFound``.

    Reading follows the case (``cases/access.py``): a requester keeps the outcome of the own patient after the meeting.
    """
    found = visible_decisions(by, [decision_id]).exclude(state=Decision.State.DRAFT)
    decision = (
        found.select_related(
            "meeting", "board", "item", "case__patient", "case__hospital", "signed_by", "recorded_by", "imported_by"
        )
        .filter(pk=decision_id)
        .first()
    )
    if decision is None:
        raise NotFound()
    granted("read_report", hospital_id=decision.hospital_id)
    patient_id = decision.case.patient_id if decision.case else None
    audit.read("decision", decision.pk, hospital_id=decision.hospital_id, patient_id=patient_id)
    return decision


def may_read_minutes(place: Chair, meeting: Meeting) -> bool:
    """Whether somebody at this place may read the whole minutes: partners only when every item is within their reach."""
    hospitals = set(
        AgendaItem.objects.filter(meeting=meeting, referral__isnull=False)
        .exclude(state=AgendaItem.State.WITHDRAWN)
        .values_list("hospital_id", flat=True)
    )
    return place.permits("read_minutes", {"agr", "all"} if hospitals <= place.reach else ())


def access_minutes_for_reading(by: Actor, meeting_id: UUID) -> Meeting:
    """The meeting, if ``by`` may read its whole minutes: partners only when every item is within their reach."""
    meeting = _meeting(meeting_id, lock=False)
    place = chair_at(by, meeting)
    if not place.seats:
        raise NotFound()
    if not may_read_minutes(place, meeting):
        raise Denied()
    granted("read_minutes", hospital_id=meeting.hospital_id)
    audit.read("minutes", meeting.pk, hospital_id=meeting.hospital_id, patient_id=None)
    return meeting


def may_read_report(by: Actor, decision: Decision) -> bool:
    """Whether ``by``, who may read the decision, gets its report too: a partner's member discusses the case, but gets the report
    of their own hospital's patients only."""
    if decision.case is None or by.actor_kind == "system":
        return True
    return case_place(by, decision.case).permits("read_report")


def access_report_of(by: Actor, decision_id: UUID) -> tuple[Decision, Report]:
    """The newest report of a decision that is there, for its bytes. Raises ``NotFound``."""
    decision = access_decision_for_reading(by, decision_id)
    if not may_read_report(by, decision):
        raise Denied()
    found = Report.objects.filter(decision=decision, kind=Report.Kind.CASE).exclude(storage_name="")
    report = found.order_by("-created_at").first()
    if report is None:
        raise NotFound()
    return decision, report


def visible_searches(by: Actor) -> QuerySet[SavedSearch]:
    """The searches that ``by`` keeps, by name: nobody sees another's."""
    return SavedSearch.objects.filter(person=by.actor_id).order_by("name")
