"""The page that asks somebody to show again that it is them, in the middle of what they are doing.

A view whose action answered ``Unproved`` shows it with everything that was sent; it comes back to the same address with a password,
a code or a security key beside it. allauth's own forms check it and keep its limits. Whoever signs in at their organisation goes there
once more instead (``sign_in_again``), and finds everything that was sent waiting.
"""

from collections.abc import Iterable
from typing import Any, cast

from allauth.account.forms import ReauthenticateForm as PasswordForm
from allauth.account.internal.flows.reauthentication import reauthenticate_by_password
from allauth.core import ratelimit
from allauth.mfa.base.forms import ReauthenticateForm as CodeForm
from allauth.mfa.base.internal.flows import post_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import AuthenticateWebAuthnForm, ReauthenticateWebAuthnForm
from allauth.mfa.webauthn.internal.auth import begin_authentication
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from mdo.directory import proofs
from mdo.directory.models import Person
from mdo.directory.signing_in import protocol, providers
from mdo.directory.views import sign_in
from mdo.kernel.errors import NotFound, RuleBroken

KEY, CODE, PASSWORD = "credential", "code", "password"


class SignInKeyForm(AuthenticateWebAuthnForm):
    """A security key's answer; what is none at all is wrong, not a fault of ours."""

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise forms.ValidationError(_("That was no answer of your security key. Try again.")) from error


class KeyForm(SignInKeyForm, ReauthenticateWebAuthnForm):
    """The same, from somebody who is signed in."""


class Asking:
    """Which ways one person has to show that it is them, and what they sent."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.person = cast(Person, request.user)
        kinds = proofs.factors(self.person)
        self.key = Authenticator.Type.WEBAUTHN in kinds
        self.app = Authenticator.Type.TOTP in kinds
        self.code = bool(kinds - {Authenticator.Type.WEBAUTHN})
        self.password = proofs.password_counts(self.person)
        self.provider = providers.to_prove_at(self.person, second=bool(kinds))
        self.form: forms.Form | None = None
        self.status, self.refusals = 401, list[str]()

    def answered(self) -> bool:
        """Whether something was sent that proves it; it then counts from now on. What is wrong stands on the form afterwards."""
        sent = self.request.POST
        if not {KEY, CODE, PASSWORD} & set(sent):
            return False
        if not ratelimit.consume(self.request, action="reauthenticate", user=self.person):
            self.status, self.refusals = 429, [_("Too many tries. Wait a minute and try again.")]
            return False
        if self.key and sent.get(KEY):
            self.form = KeyForm(sent, user=self.person)
        elif self.code and CODE in sent:
            self.form = self._code(sent)
        elif self.password and PASSWORD in sent:
            self.form = self._password(sent)
        else:
            return False
        if not self.form.is_valid():
            self.status, self.refusals = 422, [str(each) for each in self.form.errors.get(KEY, [])]
            return False
        if isinstance(self.form, CodeForm):
            post_authentication(self.request, self.form.authenticator, reauthenticated=True)
        elif isinstance(self.form, KeyForm):
            post_authentication(self.request, self.form.cleaned_data[KEY], reauthenticated=True)
        else:
            reauthenticate_by_password(self.request)
        return True

    def page(
        self,
        *,
        title: str,
        lede: str,
        submit: str,
        refused: str,
        carried: Iterable[tuple[str, str]],
        back: str,
        setting_up: bool = False,
    ) -> HttpResponse:
        """Ask. ``carried`` (name, value) comes back with the answer; ``back`` is where whoever changes their mind goes. ``setting_up``: what
        follows is a page on which a second factor is set up."""
        shown = self.form if isinstance(self.form, CodeForm | PasswordForm) else None
        if shown is None and self.code:
            shown = self._code()
        if shown is None and self.password:
            shown = self._password()
        context: dict[str, Any] = {
            "title": title,
            "lede": lede,
            "submit": submit,
            "errors_title": refused,
            "errors": [{"message": each} for each in self.refusals],
            "carried": list(carried),
            "back_url": back,
            "form": shown,
            "key": {"request_options": begin_authentication(self.person)} if self.key else None,
            "minutes": settings.MDO_PROOF_MINUTES,
            "provider": self.provider,
            "here": self.request.get_full_path(),
            "setting_up": setting_up,
        }
        return render(self.request, "directory/prove.html", context, status=self.status)

    def _code(self, sent: QueryDict | None = None) -> forms.Form:
        form = CodeForm(sent, user=self.person)
        words = _("Code of your authenticator app"), _("Without your telephone: one of your recovery codes.")
        return _dressed(form, CODE, *(words if self.app else (_("Recovery code"), "")))

    def _password(self, sent: QueryDict | None = None) -> forms.Form:
        return _dressed(PasswordForm(sent, user=self.person), PASSWORD, _("Password"))


def before_setting_up(request: HttpRequest) -> HttpResponse:
    """Ask somebody whom no password and no second factor shows, before they set up what does: they go to their organisation for it."""
    return Asking(request).page(
        title=_("Show that it is you"),
        lede=_("What you are about to do concerns the safety of your account."),
        submit=_("Continue"),
        refused="",
        carried=(),
        back=reverse("mfa_index"),
        setting_up=True,
    )


def _dressed(form: forms.Form, name: str, label: str, help_text: str = "") -> forms.Form:
    """allauth's form with the words of this house."""
    field = form.fields[name]
    field.label, field.help_text = label, help_text
    field.widget.attrs.pop("placeholder", None)
    field.widget.attrs["autofocus"] = True
    return form


SENT_MOST = 200_000  # characters that wait in the session while somebody is at their organisation's sign-in


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_again(request: HttpRequest) -> HttpResponse:
    """``/sign-in-again/``: a POST takes what was sent along to the organisation's sign-in; whoever comes back finds it here, to be sent."""
    person = cast(Person, request.user)
    if request.method != "POST":
        waiting = request.session.pop(sign_in.PROVED, None)
        if waiting is None:
            return HttpResponseRedirect(reverse("today"))
        return render(request, "directory/proved.html", waiting)
    row = providers.to_prove_at(person, second=bool(proofs.factors(person)))
    to = request.POST.get("to", "")
    if row is None or str(row.pk) != request.POST.get("provider") or not to.startswith("/") or not is_safe(to):
        raise NotFound()
    if not ratelimit.consume(request, action="reauthenticate", user=person):
        raise RuleBroken(_("Too many tries. Wait a minute and try again."))
    ours = {"csrfmiddlewaretoken", "provider", "to", "label", "setting_up"}
    carried = [(name, value) for name, values in request.POST.lists() if name not in ours for value in values]
    if sum(len(name) + len(value) for name, value in carried) > SENT_MOST:
        raise RuleBroken(_("This is too large."))
    label = request.POST.get("label", "")[:80]
    setting_up = "setting_up" in request.POST
    sent = {"person": str(person.pk), "to": to, "carried": carried, "label": label, "setting_up": setting_up}
    return sign_in.leave(request, row, protocol.PROVE, reverse("sign_in_again"), **sent)


def is_safe(address: str) -> bool:
    """Whether an address is one of this site's own."""
    return url_has_allowed_host_and_scheme(address, allowed_hosts=None)
