"""What lies on the table while an item is open: identity, question, dossier, tumours, documents."""

from typing import Any

from cases.access import visible_documents
from cases.dossiers import board_kind
from cases.models import Document, Referral
from cases.queries import prepared
from cases.views.dossier import sections, tumour_table
from cases.views.identity import identity, pseudonym
from cases.views.since import since
from mdo.kernel.acting import Actor


def stage_context(
    by: Actor, referral: Referral, language: str | None, *, pseudonyms: bool = False, guest: bool = False
) -> dict[str, Any]:
    """The context of ``cases/stage.html`` for one viewer, in their language.

    ``referral`` comes from an ``access`` function that authorised ``by`` and wrote the read row. An observer
    (``pseudonyms``) gets no name, number, birth date, requester or document; a ``guest`` gets the fields that the dossier
    means for guests and the documents that are shared with guests; neither reads what was prepared. At most ten queries.
    """
    case = referral.case
    tumours = list(case.tumours.order_by("position"))
    who = pseudonym if pseudonyms else identity
    documents: list[Document] = []
    if not pseudonyms:
        found = visible_documents(by).filter(case=case)
        documents = list(found.filter(shared_with_guests=True) if guest else found)
    earlier = []
    if not guest:
        earlier = list(
            case.referrals.filter(status__in=[Referral.Status.DISCUSSED, Referral.Status.POSTPONED])
            .exclude(pk=referral.pk)
            .select_related("board")
            .order_by("submitted_at")
        )
    return {
        "identity": who(case.patient, case.hospital),
        "referral": referral,
        "requester": None if pseudonyms else referral.requester,
        "informs_patient": "" if pseudonyms or guest else referral.informs_patient,
        "reason": board_kind(referral.board.kind).option_words("referral_reasons", referral.reason, language),
        "sections": sections(case, language, guest=guest, pseudonyms=pseudonyms),
        "tumours": tumour_table(case, tumours, language, guest=guest, pseudonyms=pseudonyms),
        "preparation": [] if guest or pseudonyms else prepared(by, [referral]),
        "documents": documents,
        "since": since(by, case, tumours, documents, language, referral=referral, guest=guest, pseudonyms=pseudonyms),
        "earlier": earlier,
    }
