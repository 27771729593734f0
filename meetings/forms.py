"""What people type about sittings, agendas and decisions. Every form carries the id of its command, so a double click does one
thing, and the version that was read, so nobody writes over what they did not see."""

from collections.abc import Collection, Iterable
from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from cases.dossiers.board_kinds import MOST_DAYS, BoardKind
from mdo.directory import disciplines
from mdo.kernel.ids import new_id
from meetings.actions.planning import LONGEST, LONGEST_BREAK, LONGEST_WITHOUT_BREAK, SHORTEST
from meetings.models import AgendaItem, FollowUp, Reply, Series
from meetings.reminders import Manner
from meetings.reports import packing

DAYS = [
    ("MO", _("Monday")),
    ("TU", _("Tuesday")),
    ("WE", _("Wednesday")),
    ("TH", _("Thursday")),
    ("FR", _("Friday")),
    ("SA", _("Saturday")),
    ("SU", _("Sunday")),
]
RHYTHMS = [(1, _("Every week")), (2, _("Every second week")), (4, _("Every fourth week"))]


def _hidden_id() -> forms.UUIDField:
    return forms.UUIDField(widget=forms.HiddenInput, initial=new_id)


def _beginning() -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time", "class": "input-date"}, format="%H:%M")
    return forms.TimeField(label=_("Time"), widget=widget)


def _length() -> forms.IntegerField:
    widget = forms.NumberInput(attrs={"class": "input-number"})
    return forms.IntegerField(label=_("Length in minutes"), min_value=SHORTEST, max_value=LONGEST, widget=widget)


class CommandForm(forms.Form):
    """Base: something is done once, however often it is sent."""

    command_id = _hidden_id()


class LinkForm(CommandForm):
    """Two patients to link, or a link to end."""

    one = forms.UUIDField(required=False, widget=forms.HiddenInput)
    other = forms.UUIDField(required=False, widget=forms.HiddenInput)
    link = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("link") and not (cleaned.get("one") and cleaned.get("other")):
            raise forms.ValidationError(_("Choose two patients."))
        return cleaned


class VersionedForm(CommandForm):
    """Base: something that exists is changed."""

    version = forms.IntegerField(min_value=0, max_value=2_000_000_000, widget=forms.HiddenInput)


class ReturnForm(VersionedForm):
    reason = forms.CharField(
        label=_("What is missing"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text=_("The requester reads this in the case. The mail holds only a link."),
    )


class PostponeForm(VersionedForm):
    reason = forms.CharField(max_length=40)


class ScheduleForm(VersionedForm):
    meeting = forms.UUIDField(widget=forms.HiddenInput)
    item_id = _hidden_id()


class AddReferralForm(CommandForm):
    """A waiting case from the list beside the agenda: ``referral`` is ``id:version``."""

    referral = forms.CharField(label=_("Case"), max_length=60)
    item_id = _hidden_id()
    minutes = forms.IntegerField(label=_("Minutes"), min_value=1, max_value=120)


class TopicForm(CommandForm):
    item_id = _hidden_id()
    title = forms.CharField(
        label=_("Topic"), max_length=300, help_text=_("About no patient: everybody at the meeting reads it.")
    )
    minutes = forms.IntegerField(label=_("Minutes"), min_value=1, max_value=120)


class MinutesForm(VersionedForm):
    minutes = forms.IntegerField(label=_("Minutes"), min_value=1, max_value=120)


class BreakForm(CommandForm):
    item = forms.CharField(max_length=60)
    minutes = forms.IntegerField(label=_("Minutes"), min_value=0, max_value=60)


class MoveItemForm(VersionedForm):
    to = forms.IntegerField(min_value=1, max_value=100_000)


class MomentForm(CommandForm):
    """A local day and time, in the board's zone, with a length and a place."""

    day = forms.DateField(
        label=_("Day"), widget=forms.DateInput(attrs={"type": "date", "class": "input-date"}, format="%Y-%m-%d")
    )
    at = _beginning()
    minutes = _length()
    place = forms.CharField(label=_("Place"), max_length=200, required=False)

    def starts_at(self, zone: str) -> datetime:
        """The moment that was typed, aware. Of an hour that exists twice the first one counts."""
        return datetime.combine(self.cleaned_data["day"], self.cleaned_data["at"], ZoneInfo(zone))


class SittingForm(MomentForm):
    meeting_id = _hidden_id()


class MoveSittingForm(MomentForm):
    version = forms.IntegerField(min_value=0, max_value=2_000_000_000, widget=forms.HiddenInput)


class SeriesForm(CommandForm):
    """A standing appointment in the words of a secretary; ``rule()`` says it in those of RFC 5545."""

    series_id = _hidden_id()
    weekday = forms.ChoiceField(label=_("Day of the week"), choices=DAYS)
    rhythm = forms.TypedChoiceField(label=_("How often"), choices=RHYTHMS, coerce=int)
    at = _beginning()
    minutes = _length()
    starts_on = forms.DateField(
        label=_("From"), widget=forms.DateInput(attrs={"type": "date", "class": "input-date"}, format="%Y-%m-%d")
    )
    ends_on = forms.DateField(
        label=_("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": "input-date"}, format="%Y-%m-%d"),
    )
    holiday_policy = forms.ChoiceField(label=_("On a public holiday"), choices=Series.OnHoliday.choices)

    def rule(self) -> str:
        rhythm = self.cleaned_data["rhythm"]
        every = f";INTERVAL={rhythm}" if rhythm > 1 else ""
        return f"FREQ=WEEKLY{every};BYDAY={self.cleaned_data['weekday']}"


class BreaksForm(CommandForm):
    """When a board takes a break, and how long."""

    break_after = forms.IntegerField(
        label=_("A break after (minutes)"),
        help_text=_("0: no break. The order that is proposed for a long sitting keeps one; the room reminds of it."),
        min_value=0,
        max_value=LONGEST_WITHOUT_BREAK,
        widget=forms.NumberInput(attrs={"class": "input-number"}),
    )
    break_minutes = forms.IntegerField(
        label=_("Length of a break (minutes)"),
        min_value=1,
        max_value=LONGEST_BREAK,
        widget=forms.NumberInput(attrs={"class": "input-number"}),
    )


def series_initial(series: Series) -> dict[str, Any] | None:
    """What the form shows of a stored series; ``None`` for a rule that it has no fields for (written by an administrator)."""
    parts = dict(part.partition("=")[::2] for part in series.rule.upper().split(";"))
    rhythm = parts.get("INTERVAL", "1")
    if set(parts) - {"FREQ", "INTERVAL", "BYDAY"} or parts.get("FREQ") != "WEEKLY":
        return None
    if parts.get("BYDAY") not in dict(DAYS) or rhythm not in {str(value) for value, _label in RHYTHMS}:
        return None
    return {
        "series_id": series.pk,
        "weekday": parts["BYDAY"],
        "rhythm": int(rhythm),
        "at": series.local_time,
        "minutes": series.minutes,
        "starts_on": series.starts_on,
        "ends_on": series.ends_on,
        "holiday_policy": series.holiday_policy,
    }


class CorrectionForm(VersionedForm):
    correction_id = _hidden_id()
    reason = forms.CharField(
        label=_("Why the decision is corrected"), max_length=1000, widget=forms.Textarea(attrs={"rows": 2})
    )
    intent = forms.ChoiceField(label=_("Intent"), required=False)
    text = forms.CharField(
        label=_("Recommendation"), max_length=20_000, required=False, widget=forms.Textarea(attrs={"rows": 8})
    )
    deviation = forms.CharField(
        label=_("Deviation from the guideline, and why"),
        max_length=1000,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    guideline = forms.ChoiceField(label=_("Guideline"), required=False)
    trial = forms.ChoiceField(label=_("Trial"), required=False)
    trial_name = forms.CharField(label=_("Which trial"), max_length=200, required=False)
    informs = forms.ChoiceField(label=_("Who informs the patient"), required=False)
    informs_who = forms.CharField(label=_("Who, by name or function"), max_length=200, required=False)

    LISTS = {"intent": "intents", "guideline": "guidelines", "trial": "trials", "informs": "informers"}
    WITH = {"trial": ("trial_name",), "informs": ("informs_who",)}

    def __init__(self, *args: Any, kind: BoardKind, language: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, listed in self.LISTS.items():
            choices = kind.choices(listed, language)
            self.fields[name].choices = [("", "–"), *choices]  # type: ignore[attr-defined]
            if not choices:
                for unused in (name, *self.WITH.get(name, ())):
                    del self.fields[unused]

    @property
    def agreed(self) -> dict[str, str]:
        """What was filled in beside steps and words."""
        names = ("guideline", "trial", "trial_name", "informs", "informs_who")
        return {name: self.cleaned_data.get(name, "") for name in names}


class ActionForm(forms.Form):
    id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    text = forms.CharField(label=_("What has to be done"), max_length=500, required=False)
    owner = forms.ChoiceField(label=_("Who"), required=False)
    due = forms.DateField(
        label=_("By when"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date", "class": "input-date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, owners: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["owner"].choices = [("", "–"), *owners]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        given = [bool(data.get(name)) for name in ("text", "owner", "due")]
        if any(given) and not all(given) and not self.errors:
            self.add_error(None, _("Each action needs what, who and by when."))
        return data


def actions_formset() -> type[BaseFormSet]:
    """The actions of a recommendation: those that there are, and two empty rows."""
    return formset_factory(ActionForm, extra=2, max_num=20, absolute_max=40)


def actions_of(formset: BaseFormSet) -> list[dict[str, str]]:
    """The actions that were filled in, as ``meetings/agreed.py`` has them."""
    return [
        {
            "id": str(each["id"] or new_id()),
            "text": each["text"],
            "owner": each["owner"],
            "due": each["due"].isoformat() if each["due"] else "",
        }
        for each in formset.cleaned_data
        if each and each.get("text")
    ]


class StepForm(forms.Form):
    kind = forms.ChoiceField(label=_("Step"), required=False)
    text = forms.CharField(label=_("What exactly"), max_length=1000, required=False)

    def __init__(self, *args: Any, steps: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [("", "–"), *steps]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("text") and not data.get("kind"):
            self.add_error("kind", _("Choose what kind of step this is."))
        return data


def steps_formset() -> type[BaseFormSet]:
    """The steps of a recommendation: those that there are, and two empty rows."""
    return formset_factory(StepForm, extra=2, max_num=30, absolute_max=40)


def steps_of(formset: BaseFormSet) -> list[dict[str, str]]:
    """The steps that were filled in, as the decision keeps them."""
    return [
        {"kind": each["kind"], "text": each.get("text", "")}
        for each in formset.cleaned_data
        if each and each.get("kind")
    ]


class ClockField(forms.TimeField):
    """A local time on the day of a meeting, or none."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TimeInput(attrs={"type": "time", "class": "input-date"}, format="%H:%M")
        super().__init__(required=False, widget=widget, **options)


class OnTheDay(CommandForm):
    """Base: times on the day of a meeting."""

    def moment(self, field: str, starts_at: datetime, zone: str) -> datetime | None:
        """What was typed as a moment on the local day on which the meeting starts."""
        at: time | None = self.cleaned_data.get(field)
        day = starts_at.astimezone(ZoneInfo(zone)).date()
        return datetime.combine(day, at, ZoneInfo(zone)) if at is not None else None


class ReplyForm(OnTheDay):
    """What somebody says to an invitation."""

    answer = forms.ChoiceField(choices=Reply.Answer.choices)
    deputy = forms.UUIDField(required=False)
    can_from = ClockField(label=_("From"))
    can_until = ClockField(label=_("Until"))


class LockForm(VersionedForm):
    """Keep an item at its place, or let it move again."""

    locked = forms.TypedChoiceField(choices=[("1", "1"), ("0", "0")], coerce=lambda value: value == "1")


class WishesForm(OnTheDay, VersionedForm):
    """What an item asks for in a proposed order. ``offered``: codes of the disciplines to choose from."""

    by_dossier = forms.BooleanField(label=_("As the dossier says"), required=False)
    needs = forms.MultipleChoiceField(
        label=_("Disciplines needed for this item"), required=False, widget=forms.CheckboxSelectMultiple
    )
    heavy = forms.BooleanField(label=_("Heavy case: while people are fresh"), required=False)
    guest_from = ClockField(label=_("The guest can come from"))
    guest_until = ClockField(label=_("The guest can stay until"))

    def __init__(self, *args: Any, offered: Collection[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = [(code, words) for code, words in disciplines.all_words().items() if code in offered]
        self.fields["needs"].choices = known  # type: ignore[attr-defined]

    @classmethod
    def of(cls, item: AgendaItem, by_dossier: Iterable[str], zone: str, *, offered: Collection[str]) -> "WishesForm":
        """The form as it stands for an item; ``by_dossier``: the disciplines that its dossier asks for."""

        def local(moment: datetime | None) -> time | None:
            return moment.astimezone(ZoneInfo(zone)).time() if moment is not None else None

        return cls(
            offered=offered,
            initial={
                "version": item.version,
                "by_dossier": item.needs is None,
                "needs": sorted(by_dossier) if item.needs is None else item.needs,
                "heavy": item.heavy,
                "guest_from": local(item.guest_from),
                "guest_until": local(item.guest_until),
            },
        )


class CoverForm(VersionedForm):
    """Put a case under the protocol of a rule."""

    rule = forms.UUIDField(widget=forms.HiddenInput)


class ProtocolRuleForm(VersionedForm):
    """A rule of a protocol without its conditions, which the page keeps beside it."""

    name = forms.CharField(label=_("Name of the protocol"), max_length=120)
    reference = forms.CharField(
        label=_("Where it is written"),
        max_length=200,
        required=False,
        help_text=_("The guideline and its section. It stands in the recorded recommendation."),
    )
    active = forms.BooleanField(label=_("Proposes cases"), required=False)


class PackForm(forms.Form):
    """The passphrase of a paper pack: proposed, and free to be another."""

    passphrase = forms.CharField(
        label=_("Passphrase"),
        min_length=packing.SHORTEST,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("Write it down or keep it apart from the file: it is stored nowhere and cannot be found again."),
    )

    def clean_passphrase(self) -> str:
        """PDF viewers agree on plain letters only."""
        value: str = self.cleaned_data["passphrase"]
        if not value.isascii() or not value.isprintable():
            raise forms.ValidationError(_("Use letters without accents, digits and signs of a plain keyboard."))
        return value


ROLES = {
    "owner": _("whoever is asked"),
    "requester": _("requesters"),
    "secretary": _("secretaries"),
    "chair": _("chair"),
    "coordinator": _("coordinator"),
    "member": _("members"),
}
_TIME = {"type": "time", "class": "input-date"}


class RemindersForm(VersionedForm):
    """How a board reminds: for each rule of its kind ``<code>_on``, ``<code>_days`` and ``<code>_to``, and the hours."""

    send_at = forms.TimeField(label=_("Reminders go out at"), widget=forms.TimeInput(attrs=_TIME, format="%H:%M"))
    quiet_from = forms.TimeField(label=_("Quiet from"), widget=forms.TimeInput(attrs=_TIME, format="%H:%M"))
    quiet_until = forms.TimeField(label=_("Quiet until"), widget=forms.TimeInput(attrs=_TIME, format="%H:%M"))

    def __init__(self, data: Any = None, *, manner: Manner, version: int) -> None:
        hours = manner.hours
        start = {"version": version, "send_at": hours.send_at}
        start |= {"quiet_from": hours.quiet_from, "quiet_until": hours.quiet_until}
        for rule in manner.rules:
            start |= {f"{rule.code}_on": rule.on, f"{rule.code}_days": rule.days, f"{rule.code}_to": rule.to}
        super().__init__(data, initial=start)
        self.manner = manner
        for rule in manner.rules:
            words = rule.definition.label(get_language())
            self.fields[f"{rule.code}_on"] = forms.BooleanField(label=words, required=False)
            self.fields[f"{rule.code}_days"] = forms.IntegerField(
                label=_("Days of “%(rule)s”") % {"rule": words},
                min_value=0,
                max_value=MOST_DAYS,
                widget=forms.NumberInput(attrs={"class": "input-number"}),
            )
            self.fields[f"{rule.code}_to"] = forms.MultipleChoiceField(
                label=_("To whom “%(rule)s” goes") % {"rule": words},
                choices=[(role, ROLES[role]) for role in rule.definition.to],
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """One for each rule: its bound fields and from what its days are counted."""
        names = {
            "start": _("days before the sitting"),
            "deadline": _("days before the deadline"),
            "closing": _("days after the sitting"),
        }
        return [
            {
                "on": self[f"{rule.code}_on"],
                "days": self[f"{rule.code}_days"],
                "to": self[f"{rule.code}_to"],
                "only": ROLES[rule.definition.to[0]] if len(rule.definition.to) == 1 else "",
                "counted": names[rule.definition.anchor],
            }
            for rule in self.manner.rules
        ]

    def rules(self) -> dict[str, dict[str, Any]]:
        """The rules as ``set_reminders`` takes them; only after ``is_valid()``. A rule that can go to one role only goes to it."""
        data = self.cleaned_data
        return {
            rule.code: {
                "on": data[f"{rule.code}_on"],
                "days": data[f"{rule.code}_days"],
                "to": data[f"{rule.code}_to"] if len(rule.definition.to) > 1 else list(rule.definition.to),
            }
            for rule in self.manner.rules
        }


class SeenForm(VersionedForm):
    """Mark a case as seen, or as still to be looked at. ``version``: of the own row in force, 0 where there is none."""

    note_id = _hidden_id()
    seen = forms.BooleanField(required=False, widget=forms.HiddenInput)


class PreparationForm(VersionedForm):
    note_id = _hidden_id()
    text = forms.CharField(label=_("Note"), required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 1}))


class ImportForm(CommandForm):
    """A list to upload: of submissions, or of one board's old decisions."""

    board = forms.UUIDField(label=_("Board"), required=False)
    file = forms.FileField(
        label=_("List"),
        allow_empty_file=True,
        widget=forms.ClearableFileInput(attrs={"accept": ".xlsx,.csv,.txt,.json"}),
    )

    def __init__(self, *args: Any, boards: list[tuple[str, str]], needs_board: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["board"] = forms.TypedChoiceField(
            label=_("Board") if needs_board else _("Board of rows that name none"),
            coerce=UUID,
            empty_value=None,
            required=needs_board,
            choices=boards if len(boards) == 1 else [("", "–"), *boards],
        )


class FollowUpForm(VersionedForm):
    """Whether what was decided was done."""

    outcome = forms.ChoiceField(
        label=_("Was it carried out?"), choices=FollowUp.Outcome.choices, widget=forms.RadioSelect
    )
    reason = forms.ChoiceField(
        label=_("Reason"), required=False, help_text=_("For what was not carried out, or only partly.")
    )
    note = forms.CharField(label=_("Note"), max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def __init__(self, *args: Any, kind: BoardKind, language: str | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = kind.choices("follow_up_reasons", language)
        self.fields["reason"].choices = [("", "–"), *choices]  # type: ignore[attr-defined]


class ActionDoneForm(VersionedForm):
    done = forms.BooleanField(required=False, widget=forms.HiddenInput)
