"""What a record system tells: applied to who is known, once, all or nothing; and what it may not tell."""

from datetime import date

import pytest

from cases import receiving
from cases.models import Case, Merge, Patient
from mdo.directory.models import Organisation, RecordSystem
from mdo.kernel.models import AuditEntry
from tests.cases.test_exchange_adt import message
from tests.cast import Cast
from tests.factories import insz, make_case, make_patient
from tests.meetings.acts import house

BORN = date(1950, 2, 3)
NUMBER = insz(BORN)


@pytest.fixture
def source(cast: Cast) -> RecordSystem:
    return RecordSystem.objects.create(
        organisation=cast.organiser, sending_facility="AZSG", receiving_facility="MDO", charset="UNICODE UTF-8"
    )


@pytest.fixture
def patient(cast: Cast, source: RecordSystem) -> Patient:
    return make_patient(
        cast.organiser, family_name="Claes", given_name="Sofie", birth_date=BORN, national_number=NUMBER, phone="051"
    )


def pid(numbers: str, name: str = "Claes^Sofie", rest: str = "") -> str:
    return f"PID|1||{numbers}||{name}||{BORN:%Y%m%d}|F{rest}"


def told(*segments: str, **options: str) -> tuple[str, str]:
    """The code of the answer, and of its error with the field."""
    lines = receiving.answer(message(*segments, encoding="utf-8", **options)).decode().split("\r")
    error = next((each for each in lines if each.startswith("ERR")), "")
    return lines[1].split("|")[1], "|".join(error.split("|")[2:4]).split("^HL7")[0]


def of(hospital: Organisation) -> list[Patient]:
    with house():
        return list(Patient.objects.filter(hospital=hospital).order_by("pk"))


def one(patient: Patient) -> Patient:
    with house():
        return Patient.objects.get(pk=patient.pk)


def test_a_known_patient_becomes_what_is_said(cast: Cast, patient: Patient) -> None:
    assert told(pid(f"4711^^^AZSG^PI~{NUMBER}^^^NISS^NN", "Clâes^Sofie", "|" * 21 + "20261031|Y")) == ("AA", "")
    now = one(patient)
    assert (now.family_name, now.deceased_on, now.record_number, now.version) == (
        "Clâes",
        date(2026, 10, 31),
        "4711",
        2,
    )
    assert (now.name_key, now.phone) == ("claes sofie", "051")  # what is not said stays
    entry = AuditEntry.objects.get(action="patient.receive")
    assert (entry.actor_kind, entry.actor_id, entry.hospital_id, entry.purpose) == (
        "system",
        receiving.HOUSE.actor_id,
        cast.organiser.pk,
        "exchange",
    )
    assert entry.organisation_id == cast.organiser.pk
    assert entry.detail["events"] == ["patient.changed"]
    assert "Cl" not in str({**entry.detail, "source": ""})
    # The same patient by the record system's own number, alive after all.
    assert told(pid("4711^^^AZSG^PI", rest="|" * 22 + "N"), control_id="2", event="A31") == ("AA", "")
    assert (one(patient).family_name, one(patient).deceased_on) == ("Claes", None)


def test_death_without_a_day_takes_that_of_the_event_and_keeps_a_known_one(patient: Patient) -> None:
    dead = pid(f"{NUMBER}^^^^NN", rest="|" * 22 + "Y")
    told(dead)
    assert one(patient).deceased_on == date(2026, 11, 27)
    told(pid(f"{NUMBER}^^^^NN", rest="|" * 21 + "20261101"), control_id="2")
    told(dead, control_id="3")
    assert one(patient).deceased_on == date(2026, 11, 1)


def test_somebody_unknown_is_forgotten_unless_the_feed_registers(cast: Cast, source: RecordSystem) -> None:
    assert told(pid("4711^^^AZSG^PI")) == ("AA", "")
    assert of(cast.organiser) == []
    source.registers = True
    source.save()
    assert told(pid("4711^^^AZSG^PI"), control_id="2", event="A04") == ("AA", "")
    assert told(pid(f"12^^^AZSG^PI~{NUMBER}^^^^NN", "Öz^Ay\\T\\"), control_id="3", event="A04") == ("AA", "")
    first, second = of(cast.organiser)
    assert (first.record_number, first.other_identifier, first.national_number) == ("4711", "4711", "")
    assert (second.record_number, second.national_number, second.given_name) == ("12", NUMBER, "Ay&")
    assert told("PID|1||99^^^AZSG^PI||Claes", control_id="4", event="A04") == ("AE", "PID^1^5|102^Data type error")
    assert Case.objects.count() == 0


def test_a_control_id_counts_once(patient: Patient) -> None:
    first = pid(f"{NUMBER}^^^^NN", "Een^A")
    assert told(first) == ("AA", "")
    told(pid(f"{NUMBER}^^^^NN", "Twee^A"), control_id="2")
    assert told(first) == ("AA", "")  # told again because its answer got lost: what came since stays
    assert one(patient).family_name == "Twee"
    assert told(pid(f"{NUMBER}^^^^NN", "Drie^A")) == ("AE", "MSH^1^10|205^Duplicate key identifier")
    assert (one(patient).family_name, one(patient).version) == ("Twee", 3)


def test_a_merge_moves_the_cases(cast: Cast, patient: Patient) -> None:
    told(pid(f"4711^^^AZSG^PI~{NUMBER}^^^^NN"))
    double = make_patient(
        cast.organiser, national_number="", other_identifier="99", other_identifier_reason="spoed", birth_date=BORN
    )
    case = make_case(cast.organiser, cast.requester.person, patient=double)
    merge = (pid("4711^^^AZSG^PI"), "MRG|99^^^AZSG^PI")
    assert told(*merge, event="A40", control_id="2") == ("AA", "")
    assert told(*merge, event="A40", control_id="3") == ("AA", "")  # again, as another message: nothing left to do
    with house():
        assert Case.objects.get(pk=case.pk).patient_id == patient.pk
        assert Merge.objects.get().made_by == receiving.HOUSE.actor_id
    assert told(pid("99^^^AZSG^PI", "Nieuw^Naam"), control_id="4") == ("AA", "")  # the old number finds the survivor
    assert one(patient).family_name == "Nieuw"


def test_a_merge_into_a_number_that_only_the_other_had(cast: Cast, patient: Patient) -> None:
    """The record system kept the number under which the patient is known here for the record that goes up."""
    told(pid(f"99^^^AZSG^PI~{NUMBER}^^^^NN"))
    assert told(pid(f"4711^^^AZSG^PI~{NUMBER}^^^^NN"), "MRG|99^^^AZSG^PI", event="A40", control_id="2") == ("AA", "")
    assert (one(patient).record_number, of(cast.organiser)) == ("4711", [patient])


def test_several_merges_are_all_done_or_none(cast: Cast, patient: Patient) -> None:
    told(pid(f"1^^^AZSG^PI~{NUMBER}^^^^NN"))
    for number in ("2", "3"):
        make_patient(
            cast.organiser,
            national_number="",
            other_identifier=number,
            other_identifier_reason="spoed",
            birth_date=BORN,
        )
    both = (pid("1"), "MRG|2", "PID|2||1||Claes^Sofie||20991231|F", "MRG|3")
    assert told(*both, event="A40", control_id="2") == ("AE", "PID^1^7|102^Data type error")
    assert Merge.objects.count() == 0


def test_numbers_of_two_patients_are_refused(cast: Cast, patient: Patient) -> None:
    make_patient(cast.organiser, record_number="4711")
    assert told(pid(f"4711^^^AZSG^PI~{NUMBER}^^^^NN", "Fout^Fout")) == ("AE", "PID^1^3|205^Duplicate key identifier")
    assert one(patient).family_name == "Claes"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"receiver": "ELDERS"}, ("AR", "MSH^1^6|204^Unknown key identifier")),
        ({"sender": "LINDE"}, ("AR", "MSH^1^6|204^Unknown key identifier")),
        ({"processing": "T"}, ("AR", "MSH^1^11|202^Unsupported processing id")),
        ({"event": "A03"}, ("AR", "MSH^1^9|201^Unsupported event code")),
    ],
)
def test_what_is_not_for_this_hospital_is_rejected(
    patient: Patient, options: dict[str, str], expected: tuple[str, str]
) -> None:
    assert told(pid(f"{NUMBER}^^^^NN", "Ander^A"), **options) == expected
    assert one(patient) == patient
    assert one(patient).version == 1


def test_another_hospitals_patient_is_not_touched(cast: Cast, source: RecordSystem) -> None:
    theirs = make_patient(cast.partner_hospital, national_number=NUMBER, birth_date=BORN, record_number="4711")
    assert told(pid(f"4711^^^AZSG^PI~{NUMBER}^^^^NN", "Ander^A")) == ("AA", "")
    assert one(theirs).version == 1
    RecordSystem.objects.update(active=False)
    assert told(pid("4711"), control_id="2")[0] == "AR"


def test_a_fault_is_an_answer(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(**_: object) -> None:
        raise RuntimeError("Claes Sofie")

    monkeypatch.setattr(receiving, "receive_admission", broken)
    assert told(pid(f"{NUMBER}^^^^NN")) == ("AE", "MSH|207^Application internal error")
    assert "RuntimeError" in caplog.text
    assert "Claes" not in caplog.text
