"""The addresses below ``/scim/v2/``: a token instead of a session, the door, and refusals as SCIM says them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path, re_path
from django.views.decorators.csrf import csrf_exempt
from ninja.errors import HttpError
from pydantic import ValidationError
from pydantic_core import from_json
from scim2_models import (
    Context,
    Error,
    InvalidSyntaxException,
    ListResponse,
    PatchOp,
    ResourceType,
    Schema,
    SCIMException,
    ScimObject,
    SearchRequest,
)

from mdo.directory import access
from mdo.directory import api as programs
from mdo.directory.actions import provisioning
from mdo.directory.models import ApiToken, DirectoryEntry
from mdo.directory.scim.resources import MOST, POLICY, ToQuery, User, read, service, shown
from mdo.kernel import audit
from mdo.kernel.acting import acting
from mdo.kernel.errors import Denied, Invalid, NotFound, Refused, Unavailable
from mdo.kernel.ids import new_id

MEDIA: Final = "application/scim+json"
PURPOSE: Final = "directory"
LARGEST: Final = 256 * 1024  # bytes of a request
View = Callable[..., HttpResponse]


def addressed(**methods: View) -> View:
    """A view with a function for each method, behind a token, in the program's door."""

    @csrf_exempt
    @login_not_required
    @wraps(next(iter(methods.values())))
    def view(request: HttpRequest, **values: Any) -> HttpResponse:
        try:
            token = _token(request)
            operation = methods.get((request.method or "").lower())
            if operation is None:
                answer = _error(405, "This method does nothing here.")
                answer["Allow"] = ", ".join(sorted(each.upper() for each in methods))
                return answer
            with POLICY, acting(token, token.organisation_id, PURPOSE):
                return operation(request, token, **values)
        except HttpError as error:
            return _error(error.status_code, str(error) or programs.words(error.status_code))
        except SCIMException as error:
            return _error(error.status, error.detail or "", error.scim_type)
        except ValidationError as error:
            return _invalid(error)
        except Refused as refusal:
            return _refused(request, token, refusal)

    return view


def _token(request: HttpRequest) -> ApiToken:
    scheme, _blank, secret = request.headers.get("Authorization", "").partition(" ")
    found = programs.Bearer().authenticate(request, secret.strip()) if scheme.lower() == "bearer" else None
    if found is None:
        raise HttpError(401, "")
    return found


def _refused(request: HttpRequest, token: ApiToken, refusal: Refused) -> HttpResponse:
    if isinstance(refusal, Denied | NotFound):
        try:
            with acting(token, token.organisation_id, PURPOSE):
                audit.refused("scim", refusal.code)
        except Unavailable as unavailable:
            refusal = unavailable
    kind = {"taken": "uniqueness", "invalid": "invalidValue", "id_reused": "uniqueness"}.get(refusal.code, "")
    words = refusal.message or programs.words(refusal.status)
    if isinstance(refusal, Invalid):
        words = "; ".join(f"{field}: {' '.join(sentences)}" for field, sentences in refusal.errors.items())
    status = 400 if refusal.status == 422 else refusal.status
    return _error(status, words, kind)


def _invalid(error: ValidationError) -> HttpResponse:
    """Which attribute, and what is wrong with it; what was sent is not sent back."""
    found = Error.from_validation_error(error.errors(include_input=False, include_url=False)[0])
    return _error(int(found.status or 400), found.detail or programs.words(422), found.scim_type or "invalidValue")


def _error(status: int, detail: str, kind: str = "") -> HttpResponse:
    body = Error(status=status, detail=detail, scim_type=kind or None).model_dump()
    answer = JsonResponse(body, status=status, content_type=MEDIA)
    if status == 401:
        answer["WWW-Authenticate"] = "Bearer"
    if status in (429, 503):
        answer["Retry-After"] = "60" if status == 429 else "5"
    return answer


def _said(body: Any, status: int = 200, location: str = "") -> HttpResponse:
    answer = JsonResponse(body, status=status, content_type=MEDIA)
    answer["Cache-Control"] = "no-store"
    if location:
        answer["Location"] = location
    return answer


def _body(request: HttpRequest) -> dict[str, Any]:
    """What was sent, read once by pydantic's own parser. Raises ``InvalidSyntaxException`` and ``HttpError``."""
    if (request.content_type or "") not in (MEDIA, "application/json"):
        raise HttpError(415, programs.words(415))
    raw = request.read(LARGEST + 1)
    if len(raw) > LARGEST:
        raise HttpError(413, "")
    try:
        found = from_json(raw)
    except ValueError:
        raise InvalidSyntaxException(detail="This is no JSON.") from None
    if not isinstance(found, dict):
        raise InvalidSyntaxException(detail="This is no JSON object.")
    return found


def _asked(request: HttpRequest) -> SearchRequest[User]:
    sent = {key: value for key, value in request.GET.items() if key in _QUERY}
    return SearchRequest[User].model_validate(sent, scim_ctx=Context.SEARCH_REQUEST)


_QUERY: Final = {"filter", "startIndex", "count", "attributes", "excludedAttributes", "sortBy", "sortOrder"}


def _one(entry: DirectoryEntry, asked: SearchRequest[User], context: Context, status: int = 200) -> HttpResponse:
    user = shown(entry)
    body = user.model_dump(scim_ctx=context, response_parameters=asked)
    return _said(body, status, str(user.meta.location) if user.meta else "")


# --- users ------------------------------------------------------------------------------------------------------------------------


def user_list(request: HttpRequest, token: ApiToken) -> HttpResponse:
    """``GET /Users``: the organisation's entries, the oldest first, at most 200 in one answer."""
    return _found(token, _asked(request))


def user_search(request: HttpRequest, token: ApiToken) -> HttpResponse:
    """``POST /.search`` and ``POST /Users/.search``: the same, with what is asked in the body, where no log of an address keeps it (RFC 7644
    §3.4.3)."""
    access.provisions(token)
    return _found(token, SearchRequest[User].model_validate(_body(request), scim_ctx=Context.SEARCH_REQUEST))


def _found(token: ApiToken, asked: SearchRequest[User]) -> HttpResponse:
    entries = access.visible_entries(token)
    if asked.filter:
        entries = entries.filter(ToQuery().visit(asked.filter.ast))
    total, start = entries.count(), max(asked.start_index or 1, 1)
    count = MOST if asked.count is None else min(max(asked.count, 0), MOST)
    found = [shown(each) for each in entries[start - 1 : start - 1 + count]] if start <= total else []
    answer = ListResponse[User](total_results=total, start_index=start, items_per_page=len(found), resources=found)
    body = answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked)
    return _said(body)


def user_add(request: HttpRequest, token: ApiToken) -> HttpResponse:
    """``POST /Users``: somebody joins."""
    access.provisions(token)
    user = User.model_validate(_body(request), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
    employee = read(user)
    provisioning.join(by=token, entry_id=new_id(), employee=employee)
    entry = access.visible_entries(token).get(user_name=employee.user_name)
    return _one(entry, _asked(request), Context.RESOURCE_CREATION_RESPONSE, 201)


def user_show(request: HttpRequest, token: ApiToken, entry_id: UUID) -> HttpResponse:
    """``GET /Users/<id>``."""
    entry = access.access_entry_for_provisioning(token, entry_id)
    return _one(entry, _asked(request), Context.RESOURCE_QUERY_RESPONSE)


def user_replace(request: HttpRequest, token: ApiToken, entry_id: UUID) -> HttpResponse:
    """``PUT /Users/<id>``: as a whole. ``active`` that is not sent stays as it is."""
    entry = access.access_entry_for_provisioning(token, entry_id)
    user = User.model_validate(_body(request), scim_ctx=Context.RESOURCE_REPLACEMENT_REQUEST)
    return _amended(request, token, entry, user, Context.RESOURCE_REPLACEMENT_RESPONSE)


def user_patch(request: HttpRequest, token: ApiToken, entry_id: UUID) -> HttpResponse:
    """``PATCH /Users/<id>``. ``active`` cannot be taken away: it stays as it is."""
    entry = access.access_entry_for_provisioning(token, entry_id)
    user = shown(entry)
    patch = PatchOp[User].model_validate(_body(request), scim_ctx=Context.RESOURCE_PATCH_REQUEST)
    patch.patch(user)
    return _amended(request, token, entry, user, Context.RESOURCE_PATCH_RESPONSE)


def _amended(
    request: HttpRequest, token: ApiToken, entry: DirectoryEntry, user: User, context: Context
) -> HttpResponse:
    if user.active is None:
        user.active = entry.active
    provisioning.amend(by=token, entry_id=entry.pk, employee=read(user))
    return _one(access.visible_entries(token).get(pk=entry.pk), _asked(request), context)


def user_remove(request: HttpRequest, token: ApiToken, entry_id: UUID) -> HttpResponse:
    """``DELETE /Users/<id>``: somebody left."""
    provisioning.leave(by=token, entry_id=entry_id)
    return HttpResponse(status=204)


# --- what the service is like -----------------------------------------------------------------------------------------------------


def configuration(request: HttpRequest, token: ApiToken) -> HttpResponse:
    """``GET /ServiceProviderConfig``."""
    access.provisions(token)
    config = service().config
    return _said(config.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE) if config else {})


def described(kind: type[ScimObject], found: Callable[[], list[Any]]) -> tuple[View, View]:
    """The list of what the service describes of a kind, and one of it by its id."""

    def every(request: HttpRequest, token: ApiToken) -> HttpResponse:
        access.provisions(token)
        if "filter" in request.GET:  # RFC 7644 §4
            raise HttpError(403, "These are not filtered.")
        all_of = found()
        answer = ListResponse[kind](  # type: ignore[valid-type]
            total_results=len(all_of), start_index=1, items_per_page=len(all_of), resources=all_of
        )
        return _said(answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))

    def one(request: HttpRequest, token: ApiToken, name: str) -> HttpResponse:
        access.provisions(token)
        which = next((each for each in found() if name in (each.id, getattr(each, "name", None))), None)
        if which is None:
            raise NotFound()
        return _said(which.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE))

    return every, one


def nothing(request: HttpRequest, token: ApiToken, rest: str = "") -> HttpResponse:
    """Any other address, answered as SCIM says it."""
    raise HttpError(404, "")


_ANY: Final = {"get": nothing, "post": nothing, "put": nothing, "patch": nothing, "delete": nothing}
_types, _type = described(ResourceType, lambda: list(service().resource_types))
_schemas, _schema = described(Schema, lambda: list(service().schemas))
app_name = "scim"
urlpatterns = [
    path(".search", addressed(post=user_search), name="search"),
    path("Users/.search", addressed(post=user_search), name="users_search"),
    path("Users", addressed(get=user_list, post=user_add), name="users"),
    path(
        "Users/<uuid:entry_id>",
        addressed(get=user_show, put=user_replace, patch=user_patch, delete=user_remove),
        name="user",
    ),
    path("ServiceProviderConfig", addressed(get=configuration), name="configuration"),
    path("ResourceTypes", addressed(get=_types), name="types"),
    path("ResourceTypes/<str:name>", addressed(get=_type), name="type"),
    path("Schemas", addressed(get=_schemas), name="schemas"),
    path("Schemas/<str:name>", addressed(get=_schema), name="schema"),
    re_path(r"^(?P<rest>.*)$", addressed(**_ANY), name="nothing"),
]
