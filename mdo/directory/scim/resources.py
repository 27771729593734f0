"""What a user of SCIM is here: the attributes that are kept, and no others; and the service as it describes itself."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Final

from django.conf import settings
from django.db.models import Q
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    InvalidFilterException,
    InvalidValueException,
    Meta,
    Patch,
    Required,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)
from scim2_models.path.visitor import FilterVisitor

from mdo.directory.actions.provisioning import Employee
from mdo.directory.middleware import is_id
from mdo.directory.models import DirectoryEntry

BASE: Final = "/scim/v2"
MOST: Final = 200  # resources in one answer


class Name(ComplexAttribute):
    """The two names of a person."""

    family_name: str | None = None
    given_name: str | None = None


class Email(ComplexAttribute):
    """An address. The primary one, else the first, is where the person's mail goes."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class User(Resource[Any]):
    """Somebody who works at the organisation, as its directory says."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """By which the directory knows them; nobody signs in here with it."""

    name: Name | None = None
    """Their names."""

    active: bool | None = None
    """Whether they still belong to the organisation."""

    emails: list[Email] | None = None
    """Their addresses, at most five."""

    preferred_language: str | None = None
    """The language of pages and mails: nl, fr, de or en, with or without a country."""

    Name: ClassVar[type[ComplexAttribute]] = Name


# Directories send more than is kept, and Microsoft Entra ID patches in its own way.
POLICY: Final = ScimPolicy(
    unknown=ScimPolicy.Unknown.ignore,
    remove_value_as_filter=ScimPolicy.RemoveValue.apply,
    unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
)


def service() -> ScimProvider:
    """The service as its three addresses of discovery describe it."""
    origin = settings.MDO_ORIGINS[0]
    config = ServiceProviderConfig(
        documentation_uri=None,
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MOST),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=False),
        authentication_schemes=[
            AuthenticationScheme(
                name="Bearer",
                description="A token of the organisation with the scope scim",
                type=AuthenticationScheme.Type.oauthbearertoken,
            )
        ],
        meta=Meta(resource_type="ServiceProviderConfig", location=f"{origin}{BASE}/ServiceProviderConfig"),
    )
    user = ResourceType.model_validate(
        {
            "id": "User",
            "name": "User",
            "endpoint": "/Users",
            "description": "People of the organisation",
            "schema": str(User.__schema__),
            "meta": {"resourceType": "ResourceType", "location": f"{origin}{BASE}/ResourceTypes/User"},
        }
    )
    return ScimProvider(models=[User], resource_types=[user], config=config, policy=POLICY)


def shown(entry: DirectoryEntry) -> User:
    """An entry as a resource."""
    names = Name(family_name=entry.family_name or None, given_name=entry.given_name or None)
    return User(
        id=str(entry.pk),
        external_id=entry.external_id or None,
        user_name=entry.user_name,
        name=names if entry.family_name or entry.given_name else None,
        active=entry.active,
        emails=[Email(**mail) for mail in entry.mails] or None,
        preferred_language=entry.language or None,
        meta=Meta(
            resource_type="User",
            created=entry.made_at,
            last_modified=entry.changed_at,
            location=f"{settings.MDO_ORIGINS[0]}{BASE}/Users/{entry.pk}",
        ),
    )


def read(user: User) -> Employee:
    """What a resource says of somebody. Raises ``InvalidValueException`` for what could not be stored."""
    name = user.name or Name()
    mails = [
        {"value": each.value, "type": each.type, "primary": each.primary} for each in user.emails or [] if each.value
    ]
    found = Employee(
        user_name=user.user_name or "",
        external_id=user.external_id or "",
        given_name=name.given_name or "",
        family_name=name.family_name or "",
        mails=tuple({key: value for key, value in mail.items() if value is not None} for mail in mails),
        language=user.preferred_language or "",
        active=user.active is not False,
    )
    texts = [*found.texts(), *(text for mail in mails for text in mail.values() if isinstance(text, str))]
    if any(not text.isprintable() for text in texts):
        raise InvalidValueException(detail="A text holds a character that is none.")
    return found


class ToQuery(FilterVisitor[Q]):
    """A filter as a question to the table: ``eq`` on what directories look people up by, alone or joined by ``and`` and ``or``."""

    _ASKED: ClassVar[dict[str, Callable[[Any], Q]]] = {
        "username": lambda value: Q(user_name__iexact=value),
        "externalid": lambda value: Q(external_id=value),
        "active": lambda value: Q(active=value),
        "id": lambda value: Q(pk=is_id(value)),
        "emails.value": lambda value: Q(mails__contains=[{"value": value}]),
        "emails": lambda value: Q(mails__contains=[{"value": value}]),
    }

    def visit_comparison(self, node: Any) -> Q:
        asked = self._ASKED.get(str(node.attr_path).rpartition("User:")[2].lower())
        if asked is None or str(node.op).lower() != "eq":
            raise InvalidFilterException(detail="Only eq, on userName, externalId, active, id and emails.value.")
        wanted = bool if asked is self._ASKED["active"] else str
        if not isinstance(node.value, wanted) or not str(node.value).isprintable():  # as what is stored (read)
            raise InvalidFilterException(detail="The value has another type than the attribute.")
        return asked(node.value)

    def visit_logical_expr(self, node: Any) -> Q:
        found = [self.visit(term) for term in node.terms]
        joined = found[0]
        for each in found[1:]:
            joined = joined & each if str(node.op).lower() == "and" else joined | each
        return joined

    def _refuse(self, node: Any) -> Q:
        raise InvalidFilterException(detail="Only eq, joined by and, or.")

    visit_present = visit_not = visit_value_path = _refuse
