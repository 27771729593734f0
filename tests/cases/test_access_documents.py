"""Who sees which document of a case, and who may change it."""

import pytest

from cases import access
from cases.models import Document
from mdo.kernel.errors import Denied, NotFound
from mdo.kernel.models import AuditEntry
from tests.cases.world import make_world, names
from tests.cast import Cast, acting_as
from tests.factories import make_case, make_document

DOCUMENTS = {
    "secretary": ("O_draft", "O_submitted", "P_submitted", "T_discussed"),
    "requester": ("O_draft", "O_submitted"),
    "partner": ("O_submitted", "P_submitted", "T_discussed"),
    "partnersecretary": ("P_submitted",),
    "outsider": ("X_own_board",),
    "privacy": (),
}


def test_documents(cast: Cast) -> None:
    """A guest sees what is shared with guests. The database does not know of removal: what was removed stays in the record."""
    world = make_world(cast)
    for member in (*DOCUMENTS, "guest", "observer"):
        if member == "guest":
            visible, raw = {"O_submitted shared"}, {"O_submitted shared"}
        elif member == "observer":
            visible, raw = {"T_discussed shared"}, {"T_discussed shared"}
        else:
            visible = {f"{name}{more}" for name in DOCUMENTS[member] for more in ("", " shared")}
            raw = visible | {f"{name} removed" for name in DOCUMENTS[member]}
        with acting_as(world.people[member]) as by:
            assert names(access.visible_documents(by), world.documents) == visible, member
            assert names(Document.objects.all(), world.documents) == raw, member


def test_reading_a_document(cast: Cast) -> None:
    world = make_world(cast)
    document = world.documents["O_submitted"]
    with acting_as(cast.partner) as by:
        assert access.access_document_for_reading(by, document.pk) == document
        for hidden in ("O_draft", "O_submitted removed", "X_own_board"):
            with pytest.raises(NotFound):
                access.access_document_for_reading(by, world.documents[hidden].pk)
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.hospital_id, entry.patient_id) == (
        "document.read",
        document.pk,
        cast.organiser.pk,
        document.case.patient_id,
    )
    with acting_as(cast.guest) as by:
        assert access.access_document_for_reading(by, world.documents["O_submitted shared"].pk)
        with pytest.raises(NotFound):
            access.access_document_for_reading(by, document.pk)


def test_a_document_is_not_read_without_a_seat(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were a list to show too much, the matrix would still be asked."""
    document = make_document(make_case(cast.organiser, cast.requester.person))
    monkeypatch.setattr(access, "place", lambda by, case: access.Place(frozenset(), frozenset()))
    with acting_as(cast.requester) as by, pytest.raises(NotFound):
        access.access_document_for_reading(by, document.pk)


def test_changing_a_document(cast: Cast) -> None:
    world = make_world(cast)
    with acting_as(cast.requester) as by:
        for name in ("O_submitted", "O_submitted removed"):  # of a removal told twice, the second is answered
            found = access.access_document_for_submitting(by, world.documents[name].pk)
            assert (found, found.case) == (world.documents[name], world.cases["O_submitted"])
        with pytest.raises(NotFound):
            access.access_document_for_submitting(by, world.documents["P_submitted"].pk)
    with acting_as(cast.partner) as by, pytest.raises(Denied):
        access.access_document_for_submitting(by, world.documents["O_submitted"].pk)
