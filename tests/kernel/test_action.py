"""`@action`: one transaction for change, audit, journal and command id; repetitions are answered and not done again.

The actions of this file are made for it (registering a patient, in three ways of locking); they are taken out of the registry
at once, so that nobody takes them for actions of the product.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from itertools import count
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from cases.models import Patient
from mdo.kernel import action as kernel
from mdo.kernel import events, ids, journal
from mdo.kernel.acting import Actor, System, acting
from mdo.kernel.action import ACTIONS, Done, action, granted, note
from mdo.kernel.errors import Denied, IdReused, RuleBroken
from mdo.kernel.models import AuditEntry, CommandId, JournalEntry
from tests.cast import Cast, acting_as
from tests.factories import insz, make_patient

ROOM = UUID(int=77)
_turns = count()


def new_id() -> UUID:
    """No two of this file lead to one national number (``register``)."""
    made = ids.new_id().int
    return UUID(int=made - made % 400 + next(_turns) % 400)


class Registered(events.Event):
    """A patient was registered by a test."""

    name: ClassVar[str] = "test.registered"
    patient_id: UUID
    beds: int = 1


def register(patient_id: UUID, hospital_id: UUID, name: str) -> tuple[events.Event, ...]:
    Patient.objects.create(
        id=patient_id,
        hospital_id=hospital_id,
        family_name=name,
        given_name="An",
        name_key=name.lower(),
        birth_date=date(1961, 3, 4),
        sex="female",
        national_number=insz(date(1961, 3, 4), 2 + 2 * (patient_id.int % 400)),
    )
    return (Registered(patient_id=patient_id),)


@action("test.register", row="submit")
def register_patient(
    *, by: Actor, patient_id: UUID, hospital_id: UUID, name: str = "Baert", command_id: UUID | None = None
) -> tuple[events.Event, ...]:
    """Register a patient. Nothing is locked, as when something new is made."""
    if name == "Denied":
        raise Denied()
    granted("submit", hospital_id=hospital_id)
    made = register(patient_id, hospital_id, name)
    if name == "Broken":
        raise RuleBroken("A broken rule.", field="name")
    return made


@action("test.rename", row="submit")
def rename_patient(*, by: Actor, patient_id: UUID, name: str, command_id: UUID) -> tuple[events.Event, ...]:
    """Rename a patient under its row's lock, as when something is changed."""
    patient = Patient.objects.select_for_update().get(pk=patient_id)
    granted("submit", hospital_id=patient.hospital_id)
    granted("submit", hospital_id=uuid4())  # a second question changes nothing
    patient.family_name, patient.version = name, patient.version + 1
    patient.save()
    note(version=patient.version)
    return (Registered(patient_id=patient_id, beds=patient.version),)


@action("test.admit", row="submit")
def admit_patient(
    *, by: Actor, patient_id: UUID, hospital_id: UUID, name: str, command_id: UUID, after: str = ""
) -> tuple[events.Event, ...]:
    """Register a patient by the other action, and go on."""
    granted("submit", hospital_id=hospital_id)
    try:
        register_patient(by=by, patient_id=patient_id, hospital_id=hospital_id, name=name)
    except RuleBroken:
        if after != "forgive":
            raise
    Patient.objects.filter(pk=patient_id).update(phone="1")  # the guard still knows the outer action
    return ()


@action("test.unasked", row="submit")
def unasked(*, by: Actor) -> tuple[events.Event, ...]:
    """Ask nobody."""
    return ()


@action("test.other_row", row="submit")
def other_row(*, by: Actor) -> tuple[events.Event, ...]:
    """Ask for another right than the declared one."""
    granted("sign", hospital_id=None)
    return ()


@action("test.silent", row="system")
def silent(*, by: Actor) -> tuple[events.Event, ...]:
    """Do nothing, rightly."""
    granted("system", hospital_id=None)
    return ()


for _name in [name for name in ACTIONS if name.startswith("test.")]:
    del ACTIONS[_name]
del events.EVENTS["test.registered"]


@pytest.fixture(autouse=True)
def _stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_streams_for", lambda event: (ROOM,))
    monkeypatch.setattr(journal, "_deliveries", [])


def patients() -> list[str]:
    with acting(System("look"), None, "work"):
        return list(Patient.objects.order_by("family_name").values_list("family_name", flat=True))


# --- what it does ------------------------------------------------------------------------------------------------------


def test_change_audit_journal_and_command_id_are_one(cast: Cast) -> None:
    patient_id, command = new_id(), new_id()
    with acting_as(cast.requester) as by:
        done = register_patient(by=by, patient_id=patient_id, hospital_id=cast.organiser.pk, command_id=command)
    assert done == Done((Registered(patient_id=patient_id),), {ROOM: 1})
    assert (done.seq, done.replayed) == (1, False)
    assert patients() == ["Baert"]
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.outcome, entry.purpose, entry.actor_kind, entry.actor_id) == (
        "test.register",
        "ok",
        "care",
        "person",
        cast.requester.pk,
    )
    assert (entry.organisation_id, entry.hospital_id) == (cast.organiser.pk, cast.organiser.pk)
    assert entry.detail == {"patient_id": str(patient_id), "events": ["test.registered"]}
    assert [(row.seq, row.name, row.by_id) for row in JournalEntry.objects.all()] == [
        (1, "test.registered", cast.requester.pk)
    ]
    assert CommandId.objects.get().command_id == command


def test_an_action_without_stream_reaches_no_sequence(db: None) -> None:
    sweep = System("sweep")
    with acting(sweep, None, "work"):
        assert silent(by=sweep) == Done((), {})
        assert Done((), {}).seq == 0
    assert AuditEntry.objects.get().detail == {"events": []}


def test_notes_reach_the_audit_row(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    with acting_as(cast.requester) as by:
        rename_patient(by=by, patient_id=patient.pk, name="Claes", command_id=new_id())
    entry = AuditEntry.objects.get()
    assert entry.detail == {"patient_id": str(patient.pk), "events": ["test.registered"], "version": 2}
    assert entry.hospital_id == cast.organiser.pk


def test_a_refusal_undoes_everything(cast: Cast) -> None:
    with acting_as(cast.requester) as by:
        for name, error in (("Broken", RuleBroken), ("Denied", Denied)):
            with pytest.raises(error):
                register_patient(
                    by=by, patient_id=new_id(), hospital_id=cast.organiser.pk, name=name, command_id=new_id()
                )
    assert patients() == []
    assert not AuditEntry.objects.exists()
    assert not CommandId.objects.exists()
    assert not JournalEntry.objects.exists()


def test_an_inner_action_keeps_its_own_audit_row(cast: Cast) -> None:
    patient_id = new_id()
    with acting_as(cast.requester) as by:
        admit_patient(by=by, patient_id=patient_id, hospital_id=cast.organiser.pk, name="Cools", command_id=new_id())
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["test.register", "test.admit"]
    with acting(System("look"), None, "work"):
        assert Patient.objects.get().phone == "1"


def test_an_inner_refusal_can_be_forgiven(cast: Cast) -> None:
    with acting_as(cast.requester) as by:
        admit_patient(
            by=by,
            patient_id=new_id(),
            hospital_id=cast.organiser.pk,
            name="Broken",
            command_id=new_id(),
            after="forgive",
        )
    assert patients() == []
    assert list(AuditEntry.objects.values_list("action", flat=True)) == ["test.admit"]


def test_an_inner_refusal_undoes_the_outer_action_too(cast: Cast) -> None:
    with acting_as(cast.requester) as by, pytest.raises(RuleBroken):
        admit_patient(by=by, patient_id=new_id(), hospital_id=cast.organiser.pk, name="Broken", command_id=new_id())
    assert not AuditEntry.objects.exists()


# --- the write guard ---------------------------------------------------------------------------------------------------


def refuses_writes(hospital_id: UUID) -> bool:
    try:
        with transaction.atomic():
            register(new_id(), hospital_id, "Sneaked")
    except DatabaseError as error:
        return "a write to cases_patient outside of an action" in str(error)
    return False


def test_care_tables_refuse_writes_outside_of_an_action(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    with acting_as(cast.secretary):
        assert refuses_writes(cast.organiser.pk)
        for write in (
            lambda: Patient.objects.update(phone="1"),
            lambda: Patient.objects.all().delete(),
            patient.save,
        ):
            with pytest.raises(DatabaseError, match="outside of an action"), transaction.atomic():
                write()
    assert refuses_writes(cast.organiser.pk)


def test_the_guard_is_up_again_after_an_action(cast: Cast) -> None:
    ask: dict[str, Any] = {"patient_id": new_id(), "hospital_id": cast.organiser.pk, "command_id": new_id()}
    with acting_as(cast.requester) as by:
        for replayed in (False, True):
            assert register_patient(by=by, **ask).replayed is replayed
            assert refuses_writes(cast.organiser.pk)
        with pytest.raises(RuleBroken):
            register_patient(by=by, patient_id=new_id(), hospital_id=cast.organiser.pk, name="Broken")
        assert refuses_writes(cast.organiser.pk)


@pytest.mark.parametrize("named", ["test.register", ""])
def test_a_door_for_one_action_takes_the_guard_down_with_it(cast: Cast, named: str) -> None:
    """The room's way: the door names the action, nothing is undone but the whole, and after it the guard stands."""
    ask: dict[str, Any] = {"patient_id": new_id(), "hospital_id": cast.organiser.pk, "command_id": new_id()}
    for replayed in (False, True):
        door = acting(cast.requester.person, cast.organiser.pk, "care", action=named, savepoints=False)
        with door:
            assert register_patient(by=cast.requester.person, **ask).replayed is replayed
        assert refuses_writes(cast.organiser.pk)


def test_the_guard_stands_for_the_owner_too(db: None) -> None:
    from tests.database import as_owner

    with as_owner() as owner, pytest.raises(Exception, match="outside of an action"):
        owner.execute("UPDATE cases_patient SET phone = '1'")


# --- the same command again --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("savepoints", [True, False])
def test_the_same_command_again_is_answered_and_not_done(cast: Cast, savepoints: bool) -> None:
    patient = make_patient(cast.organiser)
    command = new_id()
    answers = []
    for _ in range(3):
        with acting_as(cast.requester, savepoints=savepoints) as by:
            answers.append(rename_patient(by=by, patient_id=patient.pk, name="Claes", command_id=command))
    assert [answer.replayed for answer in answers] == [False, True, True]
    assert {answer.seq for answer in answers} == {1}
    assert answers[1].events == ()
    assert AuditEntry.objects.count() == JournalEntry.objects.count() == CommandId.objects.count() == 1
    with acting(System("look"), None, "work"):
        assert Patient.objects.get().version == 2


def test_an_id_used_again_with_another_body_is_refused(cast: Cast) -> None:
    patient = make_patient(cast.organiser)
    command = new_id()
    with acting_as(cast.requester) as by:
        rename_patient(by=by, patient_id=patient.pk, name="Claes", command_id=command)
        with pytest.raises(IdReused) as caught:
            rename_patient(by=by, patient_id=patient.pk, name="Cools", command_id=command)
        assert caught.value.field == "id"
        with pytest.raises(IdReused):  # the name of the action counts as well
            register_patient(by=by, patient_id=new_id(), hospital_id=cast.organiser.pk, command_id=command)
    assert patients() == ["Claes"]


def test_two_people_may_use_the_same_id(cast: Cast) -> None:
    command = new_id()
    for member in (cast.requester, cast.secretary):
        with acting_as(member) as by:
            assert not register_patient(
                by=by, patient_id=new_id(), hospital_id=cast.organiser.pk, command_id=command
            ).replayed


def test_rights_are_checked_before_a_replay(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    command = new_id()
    ask: dict[str, Any] = {"patient_id": new_id(), "hospital_id": cast.organiser.pk, "command_id": command}
    with acting_as(cast.requester) as by:
        register_patient(by=by, **ask)

    def no_longer(row: str, *, hospital_id: UUID | None) -> None:
        raise Denied()

    monkeypatch.setitem(register_patient.__wrapped__.__globals__, "granted", no_longer)  # type: ignore[attr-defined]
    with acting_as(cast.requester) as by, pytest.raises(Denied):
        register_patient(by=by, **ask)


def at_once(number: int, member: Any, call: Callable[[Any], Done]) -> list[Done | Exception]:
    """The same call from `number` threads at the same moment, each in its own door."""
    barrier = threading.Barrier(number)

    def one(_: int) -> Done | Exception:
        try:
            with acting_as(member) as by:
                barrier.wait(60)
                return call(by)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(one, range(number)))


def replays(answers: list[Done | Exception]) -> list[bool]:
    assert [answer for answer in answers if not isinstance(answer, Done)] == []
    return sorted(answer.replayed for answer in answers if isinstance(answer, Done))


def test_repeats_at_once_that_make_something_new(committed: None, cast: Cast) -> None:
    """Nothing locks: the second one meets the key of the first, and is answered by what the first one did."""
    for _ in range(5):
        ask: dict[str, Any] = {"patient_id": new_id(), "hospital_id": cast.organiser.pk, "command_id": new_id()}
        answers = at_once(4, cast.requester, lambda by, ask=ask: register_patient(by=by, **ask))  # type: ignore[misc]
        assert replays(answers) == [False, True, True, True]
        assert len({answer.seq for answer in answers if isinstance(answer, Done)}) == 1
    assert len(patients()) == AuditEntry.objects.count() == JournalEntry.objects.count() == 5


def test_repeats_at_once_that_change_something(committed: None, cast: Cast) -> None:
    """The row's lock makes the second one wait; it then finds the command done."""
    patient = make_patient(cast.organiser)
    command = new_id()
    answers = at_once(
        4, cast.requester, lambda by: rename_patient(by=by, patient_id=patient.pk, name="Claes", command_id=command)
    )
    assert replays(answers) == [False, True, True, True]
    assert (AuditEntry.objects.count(), patients()) == (1, ["Claes"])


def test_other_bodies_at_once_under_one_id(committed: None, cast: Cast) -> None:
    names = iter(("Claes", "Cools", "Baert"))
    lock = threading.Lock()
    command, patient_id = new_id(), new_id()

    def call(by: Any) -> Done:
        with lock:
            name = next(names)
        return register_patient(
            by=by, patient_id=patient_id, hospital_id=cast.organiser.pk, name=name, command_id=command
        )

    answers = at_once(3, cast.requester, call)
    assert sorted(type(answer).__name__ for answer in answers) == ["Done", "IdReused", "IdReused"]
    assert len(patients()) == 1


def test_an_id_that_is_taken_is_refused_in_words(cast: Cast) -> None:
    """Clients make the ids of new rows: one that exists already, perhaps in another hospital, is no fault of ours."""
    patient = make_patient(cast.partner_hospital)
    said = set()
    for command in (None, new_id()):
        with acting_as(cast.requester) as by:
            with pytest.raises(IdReused) as refused:
                register_patient(by=by, patient_id=patient.pk, hospital_id=cast.organiser.pk, command_id=command)
            with pytest.raises(IdReused):  # nothing is left broken, also where one action calls another
                admit_patient(
                    by=by, patient_id=patient.pk, hospital_id=cast.organiser.pk, name="Baert", command_id=new_id()
                )
        said.add((refused.value.field, refused.value.message))
    assert said == {("id", "This was sent before with another content. Reload and try again.")}
    assert AuditEntry.objects.count() == 0


def test_another_integrity_error_is_not_a_repetition(cast: Cast) -> None:
    first = new_id()
    with acting_as(cast.requester) as by:
        register_patient(by=by, patient_id=first, hospital_id=cast.organiser.pk)
    for command in (None, new_id()):
        same_number = UUID(int=first.int + 400)
        with acting_as(cast.requester) as by, pytest.raises(IntegrityError, match="patient_national_number"):
            register_patient(by=by, patient_id=same_number, hospital_id=cast.organiser.pk, command_id=command)


def test_without_savepoints_an_integrity_error_ends_the_transaction(cast: Cast) -> None:
    patient_id, command = new_id(), new_id()
    ask: dict[str, Any] = {"patient_id": patient_id, "hospital_id": cast.organiser.pk}
    with acting_as(cast.requester) as by:
        register_patient(by=by, **ask, command_id=command)
    with pytest.raises(IntegrityError), acting_as(cast.requester, savepoints=False) as by:
        register_patient(by=by, **ask, command_id=new_id())


# --- our own mistakes --------------------------------------------------------------------------------------------------


def test_keywords_only(cast: Cast) -> None:
    with acting_as(cast.requester) as by, pytest.raises(TypeError, match="keywords"):
        silent(by)  # type: ignore[misc]


def test_an_action_needs_a_door(cast: Cast) -> None:
    with pytest.raises(RuntimeError, match="no door"):
        silent(by=cast.requester.person)


def test_only_the_door_s_actor_acts(cast: Cast) -> None:
    with acting_as(cast.requester), pytest.raises(RuntimeError, match="somebody other"):
        silent(by=cast.chair.person)


def test_somebody_must_be_asked(cast: Cast) -> None:
    with acting_as(cast.requester) as by, pytest.raises(RuntimeError, match="asked nobody"):
        unasked(by=by)


def test_the_declared_row_must_be_asked(cast: Cast) -> None:
    with acting_as(cast.requester) as by, pytest.raises(RuntimeError, match="declares the row 'submit'"):
        other_row(by=by)


def test_outside_of_an_action_granted_does_nothing() -> None:
    granted("sign", hospital_id=None)
    with pytest.raises(RuntimeError, match="inside an action"):
        note(version=1)


def test_a_name_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "ACTIONS", {})

    def nothing(*, by: Actor) -> tuple[events.Event, ...]:
        """Do nothing."""
        return ()

    made = action("test.nothing", row="run")(nothing)
    assert (made.action_name, made.row, kernel.ACTIONS) == ("test.nothing", "run", {"test.nothing": made})
    with pytest.raises(RuntimeError, match=r"two actions are named test\.nothing"):
        action("test.nothing", row="run")(nothing)


def test_an_action_needs_a_docstring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "ACTIONS", {})

    def wordless(*, by: Actor) -> tuple[events.Event, ...]:
        return ()

    with pytest.raises(RuntimeError, match="docstring"):
        action("test.wordless", row="run")(wordless)


def test_done_is_a_value() -> None:
    assert replace(Done((), {ROOM: 3, UUID(int=1): 9}), replayed=True).seq == 9


# --- many runs behind one door -------------------------------------------------------------------------------------------


def test_runs_of_a_bundle_are_whole_or_undone_one_by_one(committed: None, cast: Cast) -> None:
    """What a run calls is undone with it, though it has no savepoint of its own, and the next run goes on."""
    by, ids = cast.secretary.person, [new_id() for _n in range(3)]
    with acting(by, cast.organiser.pk, "care", action="test.admit", bundle=True) as here:
        for patient_id, name in zip(ids, ("Aerts", "Broken", "Cools"), strict=True):
            try:
                admit_patient(
                    by=by, patient_id=patient_id, hospital_id=cast.organiser.pk, name=name, command_id=patient_id
                )
            except RuleBroken:
                register_patient(by=by, patient_id=new_id(), hospital_id=cast.organiser.pk, name="Noted")
        assert (here.doing, here.action) == (0, "test.admit")
    assert patients() == ["Aerts", "Cools", "Noted"]
    names = AuditEntry.objects.order_by("id").values_list("action", flat=True)
    assert list(names) == ["test.register", "test.admit", "test.register", "test.register", "test.admit"]


def test_a_bundle_takes_no_run_that_goes_on_without_a_part(committed: None, cast: Cast) -> None:
    """Outside of a bundle the refused part is undone by itself; in one it would stay, so nothing of the run does."""
    by = cast.secretary.person
    asked = {"by": by, "hospital_id": cast.organiser.pk, "name": "Broken", "after": "forgive"}
    with acting(by, cast.organiser.pk, "care"):
        admit_patient(**asked, patient_id=new_id(), command_id=new_id())
    bundle = acting(by, cast.organiser.pk, "care", action="test.admit", bundle=True)
    with pytest.raises(RuntimeError, match="not in a bundle"), bundle:
        admit_patient(**asked, patient_id=new_id(), command_id=new_id())
    assert patients() == []


def test_a_bundle_answers_what_was_done_before_and_keeps_what_it_was_told(committed: None, cast: Cast) -> None:
    by, patient_id, asked = cast.secretary.person, new_id(), []
    told = {"by": by, "patient_id": patient_id, "hospital_id": cast.organiser.pk, "name": "Aerts"}
    with acting(by, cast.organiser.pk, "care", action="test.admit", bundle=True) as here:
        here.once("seat", lambda: asked.append(1))
        assert not admit_patient(**told, command_id=patient_id).replayed
        assert admit_patient(**told, command_id=patient_id).replayed
        here.once("seat", lambda: asked.append(2))
        assert here.knows("seat")
    with acting(by, cast.organiser.pk, "care") as here:  # the negative control: elsewhere an action ends what was known
        here.once("seat", lambda: asked.append(3))
        admit_patient(**told, command_id=patient_id)
        assert not here.knows("seat")
    assert asked == [1, 3]
