"""Django's admin for the operator of the site: people, organisations, networks, agreements and boards. No care content.

Nothing here writes by itself: every change is the action ``directory.change``, so it is audited and asks for the right. What was
once there is not deleted but ended (a role has an end, a person can be shut out), since cases and meetings refer to it.
"""

from collections.abc import Sequence
from typing import Any
from zoneinfo import available_timezones

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm, UsernameField
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import ForeignKey, Model, QuerySet
from django.forms import BaseInlineFormSet, BaseModelFormSet, ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from mdo.directory import access, catalogue
from mdo.directory.actions.operate import change_directory
from mdo.directory.disciplines import DISCIPLINES
from mdo.directory.middleware import is_id
from mdo.directory.models import (
    Agreement,
    AgreementBoard,
    AgreementParty,
    Board,
    BoardRole,
    Network,
    NetworkMembership,
    Organisation,
    OrganisationRole,
    Person,
    RecordSystem,
)
from mdo.kernel.acting import current

# What Django would name after the column, in words that can be translated.
FIELDS = {
    "agreement": _("agreement"),
    "board": _("board"),
    "boards": _("boards"),
    "city": _("city"),
    "colour": _("colour"),
    "deadline_hours": _("deadline hours"),
    "delegate_recording": _("delegate recording"),
    "discipline": _("discipline"),
    "dossier": _("dossier"),
    "ends_on": _("ends on"),
    "enterprise_number": _("enterprise number"),
    "joined_on": _("joined on"),
    "kind": _("kind"),
    "language": _("language"),
    "left_on": _("left on"),
    "licence_number": _("licence number"),
    "minutes_per_item": _("minutes per item"),
    "name": _("name"),
    "network": _("network"),
    "organisation": _("organisation"),
    "organisations": _("organisations"),
    "organiser": _("organiser"),
    "pacs_address": _("address of the image archive (PACS)"),
    "parties": _("parties"),
    "partners_draft": _("partners draft"),
    "person": _("person"),
    "place": _("place"),
    "profession": _("profession"),
    "purpose": _("purpose"),
    "read_back": _("read-back"),
    "role": _("role"),
    "rule_set": _("rule set"),
    "short_name": _("short name"),
    "signatory": _("signatory"),
    "signed_on": _("signed on"),
    "starts_on": _("starts on"),
    "status": _("status"),
    "time_zone": _("time zone"),
    "title": _("title"),
    "valid_from": _("valid from"),
    "valid_until": _("valid until"),
    "version": _("version"),
    "active": _("active"),
    "authority": _("assigning authority"),
    "charset": _("character set"),
    "processing": _("processing id"),
    "receiving_facility": _("receiving facility"),
    "registers": _("registers patients"),
    "sending_facility": _("sending facility"),
}
for kept in (
    Agreement,
    AgreementBoard,
    AgreementParty,
    Board,
    BoardRole,
    Network,
    NetworkMembership,
    Organisation,
    OrganisationRole,
    Person,
    RecordSystem,
):
    for column in (*kept._meta.local_fields, *kept._meta.local_many_to_many):
        column.verbose_name = FIELDS.get(column.name, column.verbose_name)

admin.site.site_header = _("MDO: people, organisations, boards")
admin.site.site_title = "MDO"
admin.site.index_title = _("What the operator keeps")
admin.site.site_url = "/"
# One way to sign in, with its limits and its second factor.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
# What other apps bring along is kept by nobody here: rights come from roles on boards, not from groups.
for foreign in (Group, EmailAddress, Authenticator, SocialAccount, SocialApp, SocialToken):
    if admin.site.is_registered(foreign):
        admin.site.unregister(foreign)


class _Picked(AutocompleteSelect):
    """Django's own raises when it shows an answer again that was no id: such an answer names nothing."""

    def optgroups(self, name: str, value: Sequence[str], attr: dict[str, Any] | None = None) -> Any:
        return super().optgroups(name, [each for each in value if not each or is_id(str(each))], attr)


class _Kept:
    """Rights of the operator and a safe choice of records; for model admins and their inlines alike."""

    def formfield_for_foreignkey(self, db_field: ForeignKey, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.autocomplete_fields:  # type: ignore[attr-defined]
            kwargs["widget"] = _Picked(db_field, admin.site)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.is_authenticated and access.is_operator(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    has_add_permission = has_change_permission = has_view_permission


class OperatorAdmin(_Kept, admin.ModelAdmin):
    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        change_directory(by=request.user, record=obj, how="changed" if change else "added")  # type: ignore[arg-type]

    def save_formset(
        self,
        request: HttpRequest,
        form: ModelForm,
        formset: BaseModelFormSet,
        change: bool,
    ) -> None:
        changed = formset.save(commit=False)
        for record in formset.deleted_objects:
            change_directory(by=request.user, record=record, how="removed")  # type: ignore[arg-type]
        for record in changed:
            how = "added" if record._state.adding else "changed"
            change_directory(by=request.user, record=record, how=how)  # type: ignore[arg-type]


class _Period(BaseInlineFormSet):
    """Each line ends after it begins. ``begins`` and ``ends`` name its two fields."""

    begins, ends = "valid_from", "valid_until"

    def clean(self) -> None:
        super().clean()
        for form in self.forms:
            begin, end = form.cleaned_data.get(self.begins), form.cleaned_data.get(self.ends)
            if begin and end and end < begin:
                form.add_error(self.ends, _("This lies before the beginning."))


class _Membership(_Period):
    begins, ends = "joined_on", "left_on"


class OperatorInline(_Kept, admin.TabularInline):
    extra = 0

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)


# --- people ------------------------------------------------------------------------------------------------------------


class PersonForm(UserChangeForm):
    discipline = forms.ChoiceField(label=_("Discipline"), required=False)

    class Meta:
        model = Person
        fields = "__all__"
        field_classes = {"username": UsernameField}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = dict(DISCIPLINES)
        here = self.instance.discipline
        if here and here not in known:  # older data
            known[here] = here
        self.fields["discipline"].choices = [("", "–"), *known.items()]  # type: ignore[attr-defined]


class NewPersonForm(AdminUserCreationForm):
    class Meta:
        model = Person
        fields = ("username",)
        field_classes = {"username": UsernameField}


class PasswordForm(AdminPasswordChangeForm):
    """A new password, or none: the person has no account then."""

    def save(self, commit: bool = True) -> Person:
        person: Person = super().save(commit=False)
        if commit:
            change_directory(by=current().actor, record=person, how="password")
        return person


class OrganisationRoleInline(OperatorInline):
    model = OrganisationRole
    formset = _Period
    autocomplete_fields = ("organisation",)


class PersonBoardRoleInline(OperatorInline):
    model = BoardRole
    formset = _Period
    autocomplete_fields = ("board", "organisation")


@admin.register(Person)
class PersonAdmin(OperatorAdmin, UserAdmin):
    form = PersonForm
    add_form = NewPersonForm
    change_password_form = PasswordForm
    list_display = ("display_name", "username", "profession", "discipline", "has_account", "is_active", "is_staff")
    list_filter = ("is_active", "is_staff", "profession", "organisation_roles__organisation")
    search_fields = ("username", "first_name", "last_name", "email", "licence_number")
    ordering = ("last_name", "first_name")
    filter_horizontal = ()
    readonly_fields = ("last_login",)
    inlines = (OrganisationRoleInline, PersonBoardRoleInline)
    fieldsets = (
        (None, {"fields": ("title", "first_name", "last_name", "email", "language")}),
        (_("Profession"), {"fields": ("profession", "discipline", "licence_number", "postal_address")}),
        (
            _("Account"),
            {
                "fields": ("username", "password", "is_active", "is_staff", "last_login"),
                "description": _(
                    "Somebody who leaves is made inactive, and signed out within a second. "
                    "“Staff” makes somebody an operator of the site."
                ),
            },
        ),
    )
    add_fieldsets = (
        (None, {"fields": ("title", "first_name", "last_name", "email", "profession", "language")}),
        (_("Account"), {"fields": ("username", "usable_password", "password1", "password2")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Person]:
        """Not the guests of single cases: whose guest somebody is says something about a patient, and they get no account."""
        return super().get_queryset(request).filter(visitor=False)

    @admin.display(boolean=True, description=_("account"))
    def has_account(self, person: Person) -> bool:
        return person.has_usable_password()


# --- organisations and networks ----------------------------------------------------------------------------------------


class RecordSystemInline(OperatorInline):
    model = RecordSystem


@admin.register(Organisation)
class OrganisationAdmin(OperatorAdmin):
    list_display = ("name", "short_name", "kind", "city", "colour")
    list_filter = ("kind", "networks")
    search_fields = ("name", "short_name", "city")
    inlines = (RecordSystemInline,)


class MembershipInline(OperatorInline):
    model = NetworkMembership
    formset = _Membership
    autocomplete_fields = ("organisation",)


@admin.register(Network)
class NetworkAdmin(OperatorAdmin):
    list_display = ("name",)
    search_fields = ("name",)
    inlines = (MembershipInline,)


# --- agreements --------------------------------------------------------------------------------------------------------


class AgreementForm(forms.ModelForm):
    class Meta:
        model = Agreement
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        starts_on, ends_on = cleaned.get("starts_on"), cleaned.get("ends_on")
        if starts_on and ends_on and ends_on < starts_on:
            self.add_error("ends_on", _("This lies before the beginning."))
        return cleaned


class PartyInline(OperatorInline):
    model = AgreementParty
    autocomplete_fields = ("organisation",)


class AgreementBoardInline(OperatorInline):
    model = AgreementBoard
    autocomplete_fields = ("board",)


@admin.register(Agreement)
class AgreementAdmin(OperatorAdmin):
    form = AgreementForm
    list_display = ("title", "version", "network", "status", "starts_on", "ends_on")
    list_filter = ("status", "network")
    search_fields = ("title",)
    inlines = (PartyInline, AgreementBoardInline)


# --- boards ------------------------------------------------------------------------------------------------------------


class BoardForm(forms.ModelForm):
    """A board, its lists as choices and its quorum as fields instead of as data."""

    kind = forms.ChoiceField(label=_("Kind"))
    dossier = forms.ChoiceField(label=_("Dossier"))
    rule_set = forms.ChoiceField(label=_("Rules for billing"))
    time_zone = forms.ChoiceField(label=_("Time zone"))
    quorum_disciplines = forms.IntegerField(label=_("Disciplines needed"), min_value=0, max_value=50, required=False)
    quorum_people = forms.IntegerField(label=_("People needed"), min_value=0, max_value=100, required=False)
    quorum_required = forms.MultipleChoiceField(
        label=_("Disciplines that must be there"),
        required=False,
        choices=list(DISCIPLINES.items()),
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = Board
        exclude = ("quorum",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("kind", "dossier", "rule_set"):
            self.fields[name].choices = catalogue.choices(name)  # type: ignore[attr-defined]
        self.fields["time_zone"].choices = [(zone, zone) for zone in sorted(available_timezones())]  # type: ignore[attr-defined]
        for name in ("disciplines", "people", "required"):
            self.fields[f"quorum_{name}"].initial = self.instance.quorum.get(name)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        minutes, deadline = cleaned.get("minutes_per_item"), cleaned.get("deadline_hours")
        if minutes is not None and not 1 <= minutes <= 240:
            self.add_error("minutes_per_item", ValidationError(_("Between 1 and 240 minutes.")))
        if deadline is not None and deadline > 24 * 60:
            self.add_error("deadline_hours", ValidationError(_("At most 60 days ahead.")))
        return cleaned

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        kept = {name: value for name, value in self.instance.quorum.items() if name not in ("people", "disciplines")}
        asked = {name: self.cleaned_data.get(f"quorum_{name}") or 0 for name in ("disciplines", "people")}
        self.instance.quorum = {
            **kept,
            **{name: number for name, number in asked.items() if number},
            "required": list(self.cleaned_data.get("quorum_required", [])),
        }


class BoardRoleInline(OperatorInline):
    model = BoardRole
    formset = _Period
    autocomplete_fields = ("person", "organisation")


@admin.register(Board)
class BoardAdmin(OperatorAdmin):
    form = BoardForm
    list_display = ("name", "network", "organiser", "kind")
    list_filter = ("network", "organiser")
    search_fields = ("name",)
    autocomplete_fields = ("network", "organiser")
    inlines = (BoardRoleInline,)
    fieldsets = (
        (None, {"fields": ("name", "network", "organiser", "kind", "dossier", "place", "time_zone")}),
        (
            _("Agenda"),
            {
                "fields": (
                    "minutes_per_item",
                    "deadline_hours",
                    "read_back",
                    "delegate_recording",
                    "partners_draft",
                )
            },
        ),
        (_("Picture and sound"), {"fields": ("call", "call_link", "call_dial_in", "call_encrypted")}),
        (_("Quorum"), {"fields": ("quorum_disciplines", "quorum_people", "quorum_required", "rule_set")}),
    )
