"""Why a form or a billing code applies, or does not: codes that are kept, and their words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext


@dataclass(frozen=True, slots=True)
class Reason:
    """``applies``: whether it speaks for what it is about. ``values``: numbers for the sentence, and codes of a list."""

    code: str
    applies: bool
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "applies": self.applies, **({"values": dict(self.values)} if self.values else {})}

    def words(self) -> str:
        """The sentence, in the language that is active; an unknown code (another version's) as it is."""
        if self.code == "quorum_short":
            have, need = int(self.values["have"]), int(self.values["need"])
            return _("%(have)d of the %(need)d physicians of different specialties took part together.") % {
                "have": have,
                "need": need,
            }
        if self.code in ("internal_over", "external_over"):
            most, over = int(self.values["most"]), int(self.values["over"])
            return ngettext(
                "At most %(most)d of these participations is billed; %(over)d more physician was there.",
                "At most %(most)d of these participations are billed; more physicians were there: %(over)d.",
                over,
            ) % {"most": most, "over": over}
        return str(_WORDS.get(self.code, self.code))


def reason_from(data: Mapping[str, Any]) -> Reason:
    """As it was kept."""
    return Reason(str(data["code"]), bool(data["applies"]), dict(data.get("values") or {}))


_WORDS: dict[str, Promise] = {
    # which form
    "new_cancer": gettext_lazy("A new cancer is registered."),
    "second_discussion": gettext_lazy("A further discussion of a new cancer keeps the form of the new diagnosis."),
    "still_new": gettext_lazy("Nothing came back or went on since the new diagnosis: the cancer is still a new one."),
    "not_discussed": gettext_lazy("It was recorded by a protocol, without discussion."),
    "already_registered": gettext_lazy("This cancer is registered already."),
    "not_new": gettext_lazy("It is no new cancer."),
    "follow_up": gettext_lazy("The reason of the referral is one of follow-up."),
    "not_registered_here": gettext_lazy("Its new diagnosis is not registered here."),
    "benign": gettext_lazy("The behaviour of its morphology is not one that is registered."),
    "unknown_reason": gettext_lazy("The rules do not know this reason of a referral."),
    "chosen": gettext_lazy("Chosen by whoever registered it."),
    # which billing code
    "first": gettext_lazy("It is the first consultation about this cancer."),
    "first_of_another": gettext_lazy("One of its tumours was not discussed before."),
    "first_was": gettext_lazy("The first consultation about this cancer was held before."),
    "elsewhere": gettext_lazy("The first consultation was held in another hospital."),
    "quorum": gettext_lazy(
        "Enough physicians of different specialties took part together, the coordinator among them."
    ),
    "coordinator_absent": gettext_lazy(
        "The coordinator did not take part with enough physicians of other specialties."
    ),
    "telephone": gettext_lazy("Taking part by telephone does not count."),
    "asked_in_writing": gettext_lazy("It was asked for in writing by a physician who may ask for it."),
    "not_in_writing": gettext_lazy("There is no written request."),
    "asked_afterwards": gettext_lazy("The written request is of a later day than the meeting."),
    "requester_profession": gettext_lazy("The requester is no physician."),
    "requester_discipline": gettext_lazy("A physician of the requester's discipline may not ask for it."),
    "supplement": gettext_lazy("The coordinator took part."),
    "supplement_discipline": gettext_lazy("The coordinator's discipline gives no supplement."),
}
