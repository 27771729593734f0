"""What a recommendation says beside steps and words: guideline, trial, who informs the patient, and actions with owner and date.

Kept in ``Decision.agreed``: ``{}``, or ``{"guideline", "trial", "trial_name", "informs", "informs_who": str, "actions": [{"id", "text",
"owner", "name", "due"}]}``; codes are those of the board's kind, ``owner`` is a person's id, ``name`` theirs when it was written,
``due`` an ISO date. It is signed with the rest; what becomes of an action later is a row of its own.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from cases.dossiers.board_kinds import BoardKind
from mdo.directory.models import Person
from mdo.kernel.errors import Invalid
from meetings import attendance
from meetings.models import AgendaItem

MOST_ACTIONS = 20
DEVIATION = "deviation"
OTHER = "other"
WITH_NAME = ("considered", "proposed")  # a trial that has to be named

_WORDS = ("guideline", "trial", "trial_name", "informs", "informs_who")
_LISTS = {"guideline": "guidelines", "trial": "trials", "informs": "informers"}
_ACTION = ("id", "text", "owner", "name", "due")


def filled(agreed: Mapping[str, Any]) -> dict[str, Any]:
    """With every key, whatever was kept."""
    return {**dict.fromkeys(_WORDS, ""), "actions": [], **agreed}


def owners(item: AgendaItem) -> dict[UUID, Person]:
    """Who may be given an action of this item: the people of its board, and whoever asked. One query."""
    found = {person_id: seat.person for person_id, seat in attendance.seats(item.meeting, [], set()).items()}
    if item.referral is not None:
        found.setdefault(item.referral.requester_id, item.referral.requester)
    return found


def checked(kind: BoardKind, given: Mapping[str, Any], people: Mapping[UUID, Person]) -> dict[str, Any]:
    """``given`` held against the lists of the board's kind and against who may own an action; a name is the person's of now.
    Raises ``Invalid``. What is still missing is left to ``complete``: somebody may be writing."""
    errors: dict[str, list[str]] = {}
    words = {name: str(given.get(name) or "").strip() for name in _WORDS}
    for name, listed in _LISTS.items():
        if words[name] and words[name] not in dict(kind.choices(listed, None)):
            errors[name] = [_("Choose from the list.")]
    for name in ("trial_name", "informs_who"):
        if len(words[name]) > 200:
            errors[name] = [_("Keep it within 200 characters.")]
    actions: list[dict[str, str]] = []
    rows = list(given.get("actions") or ())
    if len(rows) > MOST_ACTIONS or len({str(row["id"]) for row in rows}) != len(rows):
        errors["actions"] = [_("Keep to %(n)d actions.") % {"n": MOST_ACTIONS}]
    else:
        for row in rows:
            wrong = _wrong(row, people)
            if wrong:
                errors["actions"] = [wrong]
                break
            owner = people.get(UUID(str(row["owner"]))) if row["owner"] else None
            actions.append(
                {
                    "id": str(row["id"]),
                    "text": row["text"].strip(),
                    "owner": str(owner.pk) if owner else "",
                    "name": owner.display_name if owner else "",
                    "due": row["due"],
                }
            )
    if errors:
        raise Invalid(errors)
    return {**words, "actions": actions} if any(words.values()) or actions else {}


def _wrong(row: Mapping[str, Any], people: Mapping[UUID, Person]) -> str:
    if len(row["text"]) > 500:
        return _("Keep each action within 500 characters.")
    if row["owner"] and UUID(str(row["owner"])) not in people:
        return _("Choose somebody of this board, or the requester.")
    try:
        if row["due"] and not 2000 <= date.fromisoformat(row["due"]).year <= 2200:
            raise ValueError
    except ValueError:
        return _("Give a date that exists.")
    return ""


def complete(kind: BoardKind, agreed: Mapping[str, Any], deviation: str) -> dict[str, Any]:
    """What is recorded: a reason for a deviation makes it one. Raises ``Invalid`` with the field for what still lacks a part."""
    found = filled(agreed)
    if deviation.strip() and not found["guideline"] and kind.guidelines:
        found["guideline"] = DEVIATION
    errors: dict[str, list[str]] = {}
    if found["guideline"] == DEVIATION and not deviation.strip():
        errors["deviation"] = [_("Say why the guideline is not followed.")]
    if found["guideline"] not in ("", DEVIATION) and deviation.strip():
        errors["guideline"] = [_("There is a reason for a deviation: say that it is one, or take the reason away.")]
    if found["trial"] in WITH_NAME and not found["trial_name"]:
        errors["trial_name"] = [_("Name the trial.")]
    if found["informs"] == OTHER and not found["informs_who"]:
        errors["informs_who"] = [_("Say who informs the patient.")]
    if any(not (row["text"] and row["owner"] and row["due"]) for row in found["actions"]):
        errors["actions"] = [_("Each action needs what, who and by when.")]
    if errors:
        raise Invalid(errors)
    return found if any(found.values()) else {}


def action_rows(agreed: Mapping[str, Any]) -> Sequence[Mapping[str, str]]:
    """The actions, in their order."""
    rows: Sequence[Mapping[str, str]] = filled(agreed)["actions"]
    return rows
