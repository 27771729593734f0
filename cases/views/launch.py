"""From the hospital's record system to the patient's case, by a signed form.

The form comes from another site's page, so it carries no cookie of ours (``SameSite=Lax``) and no token against forged requests: its
signature is what counts, and taking it shows nothing and opens nothing. The browser then follows to an address of ours that holds a random id
only; there the person is signed in, or signs in, and must be the one whom the record system named.
"""

from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from cases import access
from cases.actions.launching import accept_launch, open_launch
from cases.exchange.launch import InvalidLaunch, issuer, read_launch
from cases.queries import cases_of
from cases.views.new import new_case_form, new_case_page
from mdo.directory import tokens
from mdo.directory.access import token_for
from mdo.directory.middleware import FOR, ORGANISATION
from mdo.directory.models import Person
from mdo.kernel import audit
from mdo.kernel.acting import System, acting
from mdo.kernel.clock import now
from mdo.kernel.digits import digits_of
from mdo.kernel.errors import Denied, NotFound, Refused
from mdo.kernel.ids import new_id

HOUSE: Final = System("launch")


@csrf_exempt
@login_not_required
@never_cache
@require_POST
def accept(request: HttpRequest) -> HttpResponse:
    """``POST /hooks/launch/`` with ``token``: taken once, then on to ``/launch/<id>/``. 403 for what cannot be believed, 409 for what
    was used before."""
    token, organisation_id, launch_id = request.POST.get("token", ""), None, new_id()
    try:
        client = token_for(issuer(token), "launch")
        if client is None:
            raise InvalidLaunch("signature")
        organisation_id = client.organisation_id
        audience = f"{settings.MDO_ORIGINS[0]}{reverse('cases:launch_accept')}"
        claims = read_launch(token, key=tokens.signing_key(client.pk), audience=audience, at=now())
        with acting(HOUSE, organisation_id, "care"):
            accept_launch(by=HOUSE, launch_id=launch_id, claims=claims)
    except InvalidLaunch as error:
        _trace(organisation_id, error.why)
        raise Denied(
            _("The record system's form cannot be believed, or it has run out. Open the patient there again.")
        ) from None
    except Refused as refusal:
        _trace(organisation_id, refusal.code)
        raise
    tokens.note_use(client)
    address = f"{reverse('cases:launch', args=[launch_id])}?{FOR}={organisation_id}"
    return HttpResponseRedirect(address, status=303)


def _trace(organisation_id: UUID | None, outcome: str) -> None:
    with acting(HOUSE, organisation_id, "care"):
        audit.refused("launch.accept", outcome)


@never_cache
@require_safe
def launch(request: HttpRequest, launch_id: UUID) -> HttpResponse:
    """``GET /launch/<id>/``: the newest case of that patient which the person may read, else a new case that begins with the patient."""
    by: Person = request.user  # type: ignore[assignment]
    found = access.visible_launches(by).filter(pk=launch_id).first()
    if found is None:
        raise NotFound()
    identity: dict[str, str] = found.identity
    open_launch(by=by, launch_id=launch_id)
    request.session[ORGANISATION] = str(found.hospital_id)  # what follows is that hospital's, without choosing it first
    patient = access.find_patient(
        by,
        national_number=digits_of(identity.get("national_number", "")) or "",
        other_identifier=identity.get("other_identifier", ""),
    )
    cases = cases_of(by, patient) if patient else []
    if cases:
        if len(cases) > 1:
            messages.info(request, _("This patient has more than one case. This is the newest."))
        return HttpResponseRedirect(reverse("cases:detail", args=[cases[0].pk]))
    if not access.may_bring_in(by):
        raise NotFound()
    typed = QueryDict(mutable=True)
    typed.update(identity)
    if identity.get("national_number"):
        typed["record_number"] = identity.get("other_identifier", "")
    else:
        typed["no_number"] = "on"
        typed["other_identifier_reason"] = _("The record system gave the hospital's own number.")
    form = new_case_form(request, typed)
    form.look()
    return new_case_page(request, form)
