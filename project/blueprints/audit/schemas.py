"""Query and response schemas for the audit trail."""

from marshmallow import fields, validate

from project.http.fields import Choice, Id, Pattern, Text, Timestamp
from project.http.requests.schemas import Body, PageQuery, page_of

_ACTION = {"maxLength": 100, "example": "auth.log_in"}


class OrganizationAuditQuery(PageQuery):
    action = Pattern(
        r"[a-z_]+\.[a-z_]+",
        100,
        expected="the name of an action, such as auth.log_in",
        load_default=None,
        allow_none=False,
        metadata={"description": "Only entries with this action.", "example": "auth.log_in"},
    )
    actor_id = Id(
        load_default=None, allow_none=False, metadata={"description": "Only entries of actions of this user."}
    )


class AuditQuery(OrganizationAuditQuery):
    organization_id = Id(
        load_default=None, allow_none=False, metadata={"description": "Only entries of this organization."}
    )


class ActorResponse(Body):
    id = Id(required=True)
    display_name = Text(
        100,
        required=True,
        allow_none=True,
        metadata={"description": "`null` if the account no longer exists.", "example": "Ada Lovelace"},
    )


class TargetResponse(Body):
    type = fields.String(required=True, metadata={"maxLength": 100, "example": "user"})
    id = Id(required=True)


class AuditEntryResponse(Body):
    id = Id(required=True)
    at = Timestamp(required=True)
    actor = fields.Nested(
        ActorResponse,
        required=True,
        allow_none=True,
        metadata={"description": "`null` if the caller was not authenticated, or if an operator used a command."},
    )
    action = fields.String(required=True, metadata=_ACTION)
    target = fields.Nested(
        TargetResponse,
        required=True,
        allow_none=True,
        metadata={"description": "What was changed. It may no longer exist."},
    )
    organization_id = Id(required=True, allow_none=True)
    ip_address = fields.String(
        required=True, allow_none=True, validate=validate.Length(max=255), metadata={"example": "203.0.113.7"}
    )
    request_id = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "Id of the request, as it appears in the logs.", "maxLength": 128},
    )
    outcome = Choice(["success", "denied"], required=True)


AuditEntryPage = page_of(AuditEntryResponse)
