"""Listing audit entries: all of them, or those of an organization."""

from typing import Any
from uuid import UUID

from project.blueprints.audit import service
from project.blueprints.audit.schemas import AuditEntryPage, AuditQuery, OrganizationAuditQuery
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_request, page_response
from project.http.routing.access import admin, member

blueprint = Blueprint("audit", __name__, description="The audit trail")


@blueprint.get("/audit", access=admin)
@blueprint.arguments(AuditQuery, location="query")
@blueprint.response(200, AuditEntryPage)
def list_audit_entries(query: dict[str, Any]) -> Any:
    """List audit entries, of all organizations or one, by action and by actor.

    An entry is written in the same transaction as its action. Entries with the outcome `denied` are failed logins, and
    requests that were rejected with 403, whose action is the operation.
    """
    filters = {name: query[name] for name in ("organization_id", "action", "actor_id")}
    return page_response(service.list_entries(page_request(query), **filters))


@blueprint.get("/organizations/<uuid:organization_id>/audit", access=member("admin"))
@blueprint.arguments(OrganizationAuditQuery, location="query")
@blueprint.response(200, AuditEntryPage)
def list_organization_audit_entries(query: dict[str, Any], organization_id: UUID) -> Any:
    """List the audit entries of an organization, by action and by actor."""
    filters = {name: query[name] for name in ("action", "actor_id")}
    return page_response(service.list_entries(page_request(query), organization_id=organization_id, **filters))
