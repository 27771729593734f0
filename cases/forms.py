"""The forms of patients, referrals and documents. The dossier's own forms come from ``cases.dossiers``."""

import unicodedata
from collections.abc import Callable, Iterable, MutableMapping
from datetime import date
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from cases.actions.documents import Upload
from cases.actions.patients import PatientDetails
from cases.actions.referrals import LONGEST_QUESTION, Request
from cases.actions.sketching import LONGEST
from cases.coding import national_number
from cases.coding.errors import InvalidNationalNumber
from cases.dossiers import board_kind
from cases.dossiers.fields import DATE_FORMATS, TextField, clean_text
from cases.models import Document, Patient, Sketch
from mdo.directory.models import Board, Person
from mdo.kernel.digits import digits_of
from mdo.kernel.ids import new_id

FindPatient = Callable[[str, str], Patient | None]
Discussed = Callable[[Patient], list[tuple[str, str]]]  # the discussions of a patient, as choices
LANGUAGES = [("nl", "Nederlands"), ("fr", "Français"), ("de", "Deutsch"), ("en", "English")]


class LineField(forms.CharField):
    """One line of text. What cannot be shown (NUL, control characters, halves of a character) is refused, spaces are made single."""

    multiline = False

    def to_python(self, value: Any) -> str:
        text = str(super().to_python(value) or "")
        kept = "\n\r\t\v\f\x85"  # what a paste out of a viewer holds; it becomes a space or a line break
        if any(unicodedata.category(c) in ("Cc", "Cs") and c not in kept for c in text):
            raise ValidationError(_("Remove the characters that cannot be shown."), code="characters")
        text = clean_text(text)
        return text if self.multiline else " ".join(text.split())


class LinesField(LineField):
    """Several lines of text, cleaned in the same way."""

    multiline = True
    widget = forms.Textarea


class NumberOfPatientField(LineField):
    """A national number with any punctuation; cleans to eleven digits."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.today: date | None = None

    def clean(self, value: Any) -> str:
        text = str(super().clean(value))
        if not text:
            return ""
        assert self.today is not None
        return national_number.parse(text, today=self.today).digits


def day_field(**options: Any) -> forms.DateField:
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date", "class": "input-date", "max": "9999-12-31"})
    return forms.DateField(input_formats=DATE_FORMATS, widget=widget, **options)


class CommandForm(forms.Form):
    """Every form that changes something carries the id of its command, so that a double click does it once."""

    command_id = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.initial.setdefault("command_id", new_id())

    def renew(self) -> None:
        """For showing the form again after a refusal: what was refused was not stored, and what comes may be different."""
        if self.is_bound:
            self.put("command_id", str(new_id()))

    def put(self, name: str, value: str) -> None:
        """Set what a hidden field sends next."""
        data = self.data.copy()  # type: ignore[attr-defined]
        data[self.add_prefix(name)] = value
        self.data = data


class VersionedForm(CommandForm):
    """Changes something that exists, in the version that was seen."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2_000_000_000)

    def see(self, version: int) -> None:
        """For showing the form again with the version that is current now, so that saving again is meant."""
        self.put("version", str(version))


class IdentityFields(forms.Form):
    """Who the patient is. ``find`` looks for an existing one of the own hospital by exact number."""

    national_number = NumberOfPatientField(
        label=_("National number"),
        required=False,
        max_length=40,
        widget=forms.TextInput(
            attrs={"class": "input-id", "inputmode": "numeric", "autocomplete": "off", "spellcheck": "false"}
        ),
    )
    no_number = forms.BooleanField(label=_("There is no national number"), required=False)
    other_identifier = LineField(
        label=_("Other identifier"),
        required=False,
        max_length=40,
        help_text=_("For example the hospital's own patient number or a passport number."),
        widget=forms.TextInput(attrs={"class": "input-id", "autocomplete": "off"}),
    )
    other_identifier_reason = LineField(label=_("Why there is no national number"), required=False, max_length=200)
    record_number = LineField(
        label=_("The hospital's own patient number"),
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"class": "input-id", "autocomplete": "off", "spellcheck": "false"}),
    )
    family_name = LineField(label=_("Family name"), max_length=300, widget=forms.TextInput(attrs={"dir": "auto"}))
    given_name = LineField(label=_("Given name"), max_length=300, widget=forms.TextInput(attrs={"dir": "auto"}))
    birth_date = day_field(label=_("Birth date"))
    sex = forms.ChoiceField(label=_("Sex"), choices=[("", "–"), *Patient.Sex.choices])
    conflict_checked = forms.BooleanField(
        label=_("I compared the number, birth date and sex with the identity card"), required=False
    )

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today
        self.fields["national_number"].today = today  # type: ignore[attr-defined]
        for name in ("family_name", "given_name", "sex"):
            self.fields[name].widget.attrs.setdefault("autocomplete", "off")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("no_number"):
            cleaned["national_number"] = ""
            self.errors.pop("national_number", None)
            if not cleaned.get("other_identifier") and "other_identifier" not in self.errors:
                self.add_error("other_identifier", _("Give another identifier of the patient."))
            if not cleaned.get("other_identifier_reason") and "other_identifier_reason" not in self.errors:
                self.add_error("other_identifier_reason", _("Say why there is no national number."))
        else:
            # Who has a national number and comes with another one (a list, the record system) comes with the hospital's own.
            cleaned["record_number"] = cleaned.get("record_number") or cleaned.get("other_identifier") or ""
            cleaned["other_identifier"] = cleaned["other_identifier_reason"] = ""
            for name in ("other_identifier", "other_identifier_reason"):
                self.errors.pop(name, None)
            if not cleaned.get("national_number") and "national_number" not in self.errors:
                self.add_error("national_number", _("Give the national number, or say that there is none."))
        return cleaned

    def say_what_is_needed(self) -> None:
        """For showing the form: which of the two ways to identify the patient is not optional now."""
        without = bool(self["no_number"].value())
        self.fields["national_number"].required = not without
        for name in ("other_identifier", "other_identifier_reason"):
            self.fields[name].required = without

    def check_conflicts(self, cleaned: dict[str, Any]) -> None:
        """The number may say another birth date or sex: once a reason to look again, not always an error."""
        digits = cleaned.get("national_number")
        if not digits or cleaned.get("conflict_checked"):
            return
        number = national_number.parse(digits, today=self.today)
        if cleaned.get("birth_date") and (
            conflict := national_number.birth_date_conflict(number, cleaned["birth_date"])
        ):
            self.add_error("birth_date", ValidationError(str(conflict), code="conflict"))
        if cleaned.get("sex") and (conflict := national_number.sex_conflict(number, cleaned["sex"])):
            self.add_error("sex", ValidationError(str(conflict), code="conflict"))

    @property
    def has_conflict(self) -> bool:
        """Whether the box that says "I compared" is to be shown."""
        return bool(self.data.get(self.add_prefix("conflict_checked"))) or any(
            self.has_error(name, "conflict") for name in ("birth_date", "sex")
        )

    def identity(self) -> dict[str, Any]:
        """The cleaned identity as arguments of ``PatientDetails``."""
        names = ("family_name", "given_name", "birth_date", "sex", "national_number")
        more = ("other_identifier", "other_identifier_reason", "record_number")
        return {name: self.cleaned_data[name] for name in (*names, *more)}


def fill_from_number(data: MutableMapping[str, Any], digits: str, today: date) -> None:
    """Put birth date and sex where they are missing, as far as a national number tells them."""
    try:
        number = national_number.parse(digits, today=today)
    except InvalidNationalNumber:
        return
    if not data.get("birth_date") and (birth := number.birth.as_date()):
        data["birth_date"] = birth.isoformat()
    if data.get("sex") in (None, "", Patient.Sex.UNKNOWN) and number.sex:
        data["sex"] = number.sex


class PatientFields(IdentityFields):
    """Who the patient is: found again by number in the own hospital, or new."""

    def __init__(self, *args: Any, find: FindPatient, **options: Any) -> None:
        self.find = find
        self.patient: Patient | None = None
        """The own hospital's patient with the number that was typed."""
        super().__init__(*args, **options)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self.patient = self._find(cleaned.get("national_number") or "", cleaned.get("other_identifier") or "")
        if self.patient is not None:
            for name in ("family_name", "given_name", "birth_date", "sex"):
                self.errors.pop(name, None)
        else:
            self.check_conflicts(cleaned)
            own = cleaned.get("record_number") or ""
            if own and self.find("", own) is not None:
                self.add_error("record_number", _("Another patient of your hospital has this number."))
        return cleaned

    @property
    def details(self) -> PatientDetails | None:
        """The new patient, or ``None`` where one was found again."""
        if self.patient is not None:
            return None
        return PatientDetails(**self.identity(), language=get_language() or "nl")

    def _find(self, digits: str, other: str) -> Patient | None:
        return self.find(digits, other) if digits or other else None


class PatientForm(VersionedForm, IdentityFields):
    """Correct a patient's identity, contact and GP."""

    language = forms.ChoiceField(label=_("Language of the patient"), choices=LANGUAGES)
    phone = LineField(
        label=_("Telephone"), required=False, max_length=30, widget=forms.TextInput(attrs={"inputmode": "tel"})
    )
    gp = forms.ModelChoiceField(
        label=_("GP, if known here"), queryset=Person.objects.none(), required=False, empty_label="–"
    )
    gp_name = LineField(label=_("GP, by name"), required=False, max_length=200)
    deceased_on = day_field(
        label=_("Deceased on"),
        required=False,
        help_text=_("Ends reminders and invitations for this patient. Empty it again if it was a mistake."),
    )

    def __init__(self, *args: Any, guests: QuerySet[Person], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["gp"].queryset = guests  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self.check_conflicts(cleaned)
        return cleaned

    @staticmethod
    def initial_of(patient: Patient) -> dict[str, Any]:
        names = ("family_name", "given_name", "birth_date", "sex", "other_identifier", "other_identifier_reason")
        more = ("language", "phone", "gp_name", "deceased_on", "record_number", "version")
        return {name: getattr(patient, name) for name in (*names, *more)} | {
            "gp": patient.gp_id,
            "national_number": national_number.formatted(patient.national_number) if patient.national_number else "",
            "no_number": not patient.national_number,
        }

    @property
    def details(self) -> PatientDetails:
        cleaned = self.cleaned_data
        return PatientDetails(
            **self.identity(),
            language=cleaned["language"],
            phone=cleaned["phone"],
            gp_id=cleaned["gp"].pk if cleaned["gp"] else None,
            gp_name=cleaned["gp_name"],
            deceased_on=cleaned["deceased_on"],
        )


class MergeForm(CommandForm):
    """Look for another record by number; with ``stays``, merge the two; with ``undo``, take a merge back."""

    number = LineField(
        label=_("Number of the other record"),
        required=False,
        max_length=40,
        help_text=_("National number, or the hospital's own patient number."),
        widget=forms.TextInput(attrs={"class": "input-id", "autocomplete": "off", "spellcheck": "false"}),
    )
    stays = forms.ChoiceField(choices=[("this", "this"), ("other", "other")], required=False)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=1, max_value=2_000_000_000)
    other_version = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=1, max_value=2_000_000_000)
    undo = forms.UUIDField(required=False, widget=forms.HiddenInput)


def _uuid(value: str) -> UUID:
    return UUID(value)


class RequestFields(forms.Form):
    """What is asked of a board."""

    board = forms.TypedChoiceField(label=_("Board"), coerce=_uuid, empty_value=None)
    reason = forms.ChoiceField(label=_("Reason"))
    question = LinesField(
        label=_("Question to the board"),
        max_length=LONGEST_QUESTION,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
    )
    requester = forms.TypedChoiceField(label=_("Requester"), coerce=_uuid, empty_value=None)
    requested_on = day_field(label=_("Date of the written request"))

    def __init__(
        self, *args: Any, boards: Iterable[Board], requesters: Iterable[Person], language: str | None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        boards, requesters = list(boards), list(requesters)
        reasons: dict[str, str] = {}
        for board in boards:
            reasons |= dict(board_kind(board.kind).choices("referral_reasons", language))
        self._choose("board", [(str(board.pk), board.name) for board in boards])
        self._choose("reason", list(reasons.items()))
        self._choose("requester", [(str(person.pk), person.display_name) for person in requesters])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        """One choice is chosen; several begin with an empty line."""
        field: Any = self.fields[name]
        if len(choices) == 1:
            self.initial.setdefault(name, choices[0][0])
        else:
            choices = [("", "–"), *choices]
        field.choices = choices

    def request(self, **more: Any) -> Request:
        """The cleaned request."""
        cleaned = self.cleaned_data
        return Request(
            board_id=cleaned["board"],
            question=cleaned["question"],
            reason=cleaned["reason"],
            requester_id=cleaned["requester"],
            requested_on=cleaned["requested_on"],
            **more,
        )


class SketchForm(CommandForm):
    """What is typed of a new case, as text, right or wrong; ``version`` 0 where nothing of it is kept yet."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=2_000_000_000)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in Sketch.FIELDS:
            self.fields[name] = forms.CharField(required=False, strip=False, max_length=LONGEST)

    @property
    def typed(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in Sketch.FIELDS if self.cleaned_data[name]}


class NewCaseForm(CommandForm, PatientFields, RequestFields):
    """A case in a minute: the patient (found again by number, or new), the board and its question; of a patient who was discussed
    before, from which discussion the dossier begins. ``sketch`` and ``version``: what is kept of it while it is typed."""

    sketch = forms.UUIDField(required=False, widget=forms.HiddenInput)
    version = forms.IntegerField(required=False, widget=forms.HiddenInput, min_value=0, max_value=2_000_000_000)

    copy_from = forms.TypedChoiceField(
        label=_("The dossier begins with"), coerce=_uuid, empty_value=None, required=False, widget=forms.RadioSelect
    )

    def __init__(self, *args: Any, discussed: Discussed | None = None, **options: Any) -> None:
        self.discussed: Discussed = discussed or (lambda patient: [])
        super().__init__(*args, **options)
        self.initial.setdefault("sketch", new_id())
        self.initial.setdefault("version", 0)
        self._offer([])

    def _offer(self, discussions: list[tuple[str, str]]) -> None:
        """The discussions with which the dossier may begin; the last one is chosen."""
        field: Any = self.fields["copy_from"]
        field.choices = [*discussions, ("", _("an empty dossier"))]
        self.initial.setdefault("copy_from", discussions[0][0] if discussions else "")
        self.has_discussions = bool(discussions)

    def say_what_is_needed(self) -> None:
        super().say_what_is_needed()
        self.fields["copy_from"].required = True  # one of its lines is ticked already

    def look(self) -> None:
        """Look for the patient by what was typed, and fill birth date and sex from the number. Nothing was sent yet, so nothing is
        an error: the form becomes a fresh one that begins with what was typed."""
        digits, other = digits_of(self.data.get("national_number", "")) or "", self._typed("other_identifier")
        without = bool(self.data.get("no_number"))
        self.patient = self._find("" if without else digits, other if without else "")
        data = self.data.copy()  # type: ignore[attr-defined]
        if not without and self.patient is None and digits:
            fill_from_number(data, digits, self.today)
        self.initial.pop("copy_from", None)
        self._offer(self.discussed(self.patient) if self.patient is not None else [])
        kept = {name: data[name] for name in self.fields if name in data and name != "copy_from"}
        self.initial.update(kept, no_number=without)
        self.is_bound, self.data = False, QueryDict()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self.errors.pop("copy_from", None)
        cleaned["copy_from"] = None
        if self.patient is not None:
            self._offer(self.discussed(self.patient))
            try:
                cleaned["copy_from"] = self.fields["copy_from"].clean(self.data.get("copy_from", ""))
            except ValidationError as refused:
                self.add_error("copy_from", refused)
        return cleaned

    def _typed(self, name: str) -> str:
        try:
            return str(self.fields[name].clean(self.data.get(name, "")))
        except ValidationError:
            return ""


class ReferralForm(VersionedForm, RequestFields):
    """A referral to a board, in full."""

    informs_patient = LineField(label=_("Who informs the patient"), required=False, max_length=200)
    guest = forms.ModelChoiceField(
        label=_("Invite a guest to this case"),
        help_text=_("For example the patient's GP: sees and hears this case only, and what is shared with guests."),
        queryset=Person.objects.none(),
        required=False,
        empty_label="–",
    )

    def __init__(self, *args: Any, guests: QuerySet[Person], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["guest"].queryset = guests  # type: ignore[attr-defined]

    @property
    def whole_request(self) -> Request:
        guest = self.cleaned_data["guest"]
        return self.request(
            informs_patient=self.cleaned_data["informs_patient"], guest_id=guest.pk if guest is not None else None
        )


class StepForm(VersionedForm):
    """A button: hand in, take back, remove."""


class SeveralFilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """One or several files; cleans to ``Upload``s. What they are is decided by their content, in the action."""

    widget = SeveralFilesInput

    def clean(self, data: Any, initial: Any = None) -> Any:
        files = data if isinstance(data, list | tuple) and data else [data or None]
        return [super(SeveralFilesField, self).clean(each, initial) for each in files]


class UploadForm(CommandForm):
    """Documents for a case."""

    kind = forms.ChoiceField(label=_("Kind"), choices=Document.Kind.choices, initial=Document.Kind.OTHER)
    documents = SeveralFilesField(
        label=_("Documents"),
        allow_empty_file=True,  # the action says so of this one file and keeps the others
        widget=SeveralFilesInput(attrs={"accept": ".pdf,.png,.jpg,.jpeg,application/pdf,image/png,image/jpeg"}),
    )

    @property
    def uploads(self) -> list[Upload]:
        return [Upload(file.name, file.read()) for file in self.cleaned_data["documents"]]


class ShareForm(CommandForm):
    shared = forms.BooleanField(required=False)


class SearchForm(forms.Form):
    """Search by name or number. It is posted: a name has no place in an address."""

    q = LineField(
        label=_("Name or number"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "placeholder": _("Name or number")}),
    )


class DossierCommandForm(VersionedForm):
    """What goes with a dossier's forms: ``seen`` is the fingerprint of the answers that the page was made from, ``confirmed`` the
    names of copied answers that are right (others are passed over: a colleague may have confirmed them)."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)
    confirmed = forms.Field(widget=forms.SelectMultiple, required=False)


class CodeSearchForm(forms.Form):
    """Words for a code, and in which list it is looked for."""

    system = forms.ChoiceField(choices=[("topography", "topography"), ("morphology", "morphology")])
    q = forms.CharField(max_length=200)


LONGEST_PASTE = 20_000
"""Characters of all pasted texts together: some eight pages."""


class PasteForm(DossierCommandForm):
    """Reports and letters, each with several below one another; read, and kept only where somebody says so."""

    pathology = TextField(label=_("Pathology"), required=False, widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}))
    imaging = TextField(label=_("Imaging"), required=False, widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}))
    letter = TextField(label=_("Letter"), required=False, widget=forms.Textarea(attrs={"rows": 8, "dir": "auto"}))

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        length = sum(len(cleaned.get(name) or "") for name in ("pathology", "imaging", "letter"))
        if length > LONGEST_PASTE:
            raise ValidationError(
                _(
                    "These texts have %(length)d characters together; at most %(count)d are read. Keep the reports of now."
                ),
                code="length",
                params={"length": length, "count": LONGEST_PASTE},
            )
        if not length and not self.errors:
            raise ValidationError(_("Paste a report or a letter first."), code="empty")
        return cleaned
