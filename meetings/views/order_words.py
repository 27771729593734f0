"""A proposed order in words: why an item stands where it stands, and which wishes are not met."""

from collections.abc import Hashable, Iterable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mdo.directory import disciplines
from meetings.proposed_order import Miss, Reason, Violation, Why


class Names:
    """The names that reasons mention, and the zone of their times. ``people`` and ``items``: by id, as the reader may see them."""

    def __init__(self, people: Mapping[Hashable, str], items: Mapping[Hashable, str], zone: str) -> None:
        self.people, self.items, self.zone = people, items, ZoneInfo(zone)

    def clock(self, moment: datetime) -> str:
        return str(time_format(moment.astimezone(self.zone), "H:i"))

    def window(self, start: datetime | None, until: datetime | None) -> str:
        if start is None and until is None:
            return ""
        if start is None:
            assert until is not None
            return _("until %(until)s") % {"until": self.clock(until)}
        if until is None:
            return _("from %(start)s") % {"start": self.clock(start)}
        return _("from %(start)s until %(until)s") % {"start": self.clock(start), "until": self.clock(until)}

    def person(self, person_id: Hashable) -> str:
        return self.people.get(person_id, _("somebody"))

    def all_of(self, people: tuple[Hashable, ...]) -> str:
        return ", ".join(self.person(each) for each in people)


def reason(names: Names, found: Reason) -> str:
    """One reason as a sentence, without a full stop."""
    match found.code:
        case Why.LOCKED:
            return _("Locked at this place")
        case Why.GUEST:
            return _("The guest can come %(window)s") % {"window": names.window(found.start, found.until)}
        case Why.PERSON:
            window = names.window(found.start, found.until)
            return _("%(name)s is there %(window)s") % {"name": names.person(found.person), "window": window}
        case Why.HEAVY_EARLY:
            return _("Heavy, so in the first half")
        case Why.TOGETHER_BEFORE:
            return _("Right after %(item)s: %(names)s") % {
                "item": names.items.get(found.item, "–"),
                "names": names.all_of(found.people),
            }
        case Why.TOGETHER_AFTER:
            return _("Right before %(item)s: %(names)s") % {
                "item": names.items.get(found.item, "–"),
                "names": names.all_of(found.people),
            }
        case Why.AS_GIVEN:
            return _("Nothing asks for another place")
        case Why.FILLS:
            return _("Makes room for others")


def violations(names: Names, found: Iterable[Violation]) -> list[str]:
    """The wishes that are not met, as sentences without a full stop: a person or discipline that is missed for several items is
    told once."""
    together: dict[tuple[Miss, Hashable], list[Violation]] = {}
    for each in found:
        alone = each.code not in (Miss.PERSON_AWAY, Miss.DISCIPLINE_MISSING)
        key = each.item if alone else each.person if each.code == Miss.PERSON_AWAY else each.discipline
        together.setdefault((each.code, key), []).append(each)
    return [_one(names, group[0]) if len(group) == 1 else _several(names, group) for group in together.values()]


def _several(names: Names, found: list[Violation]) -> str:
    items = ", ".join(names.items.get(each.item, "–") for each in found)
    if found[0].code == Miss.PERSON_AWAY:
        return _("%(name)s cannot be there for: %(items)s") % {"name": names.person(found[0].person), "items": items}
    words = disciplines.words(found[0].discipline)
    return _("Nobody of %(discipline)s can be there for: %(items)s") % {"discipline": words, "items": items}


def _one(names: Names, found: Violation) -> str:
    item = names.items.get(found.item, "–")
    match found.code:
        case Miss.PERSON_AWAY:
            return _("%(item)s: %(name)s cannot be there") % {"item": item, "name": names.person(found.person)}
        case Miss.DISCIPLINE_MISSING:
            words = disciplines.words(found.discipline)
            return _("%(item)s: nobody of %(discipline)s can be there") % {"item": item, "discipline": words}
        case Miss.GUEST_OUTSIDE:
            return ngettext(
                "%(item)s: %(n)d minute outside of the guest's time",
                "%(item)s: %(n)d minutes outside of the guest's time",
                found.minutes,
            ) % {"item": item, "n": found.minutes}
        case Miss.HEAVY_LATE:
            return _("%(item)s: heavy, and in the second half") % {"item": item}
        case Miss.HEAVY_LATE_RESTED:
            return _("%(item)s: heavy, and in the second half, after a break") % {"item": item}
        case Miss.BREAK_OUTSIDE:
            return ngettext(
                "The break is %(n)d minute too early or too late",
                "The break is %(n)d minutes too early or too late",
                found.minutes,
            ) % {"n": found.minutes}
        case Miss.BREAK_LEFT_OUT:
            return _("There is no break")
        case Miss.PAST_END:
            return ngettext(
                "%(n)d minute longer than the sitting", "%(n)d minutes longer than the sitting", found.minutes
            ) % {"n": found.minutes}
