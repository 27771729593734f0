"""What is on the table: the patient's case, its tumours and documents, and its referral to a board. All of it is care content."""

from cases.models.case import Case, Tumour
from cases.models.discussion import Discussion
from cases.models.document import Document
from cases.models.grant import Grant
from cases.models.importing import ImportJob, ImportRow
from cases.models.intake import Launch, Received
from cases.models.joining import Link, Merge
from cases.models.patient import Patient, living
from cases.models.preparation import PreparationNote
from cases.models.referral import Referral
from cases.models.sketch import Sketch

__all__ = [
    "Case",
    "Discussion",
    "Document",
    "Grant",
    "ImportJob",
    "ImportRow",
    "Launch",
    "Link",
    "Merge",
    "Patient",
    "PreparationNote",
    "Received",
    "Referral",
    "Sketch",
    "Tumour",
    "living",
]
