"""Values of a tumour proposed from a pasted report or letter, in Dutch, French, English and German.

Rules, no statistics: the same text gives the same proposals. Nothing that is proposed is true before somebody confirms
it; every proposal says which characters it comes from. What counts as right stands in tests/cases/proposals/README.md.

    >>> [p.as_json() for p in propose("Graad 2, ER 90 %, pT1c")][0]["field"]
    'grade'
"""

from cases.coding.proposals.proposal import FIELDS, Proposal
from cases.coding.proposals.proposing import propose, propose_and_overruled

__all__ = ["FIELDS", "Proposal", "propose", "propose_and_overruled"]
