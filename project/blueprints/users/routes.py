"""Listing users, changing their roles and statuses, and ending their sessions."""

from typing import Any
from uuid import UUID

from project.blueprints.auth import service
from project.blueprints.auth.errors import LastAdmin
from project.blueprints.auth.schemas import UserResponse
from project.blueprints.users.schemas import UserAccessUpdate, UserPage, UserQuery
from project.http.auth.identity import current_user_id
from project.http.openapi import Blueprint
from project.http.requests.pagination import page_request, page_response
from project.http.responses.etags import expected_versions
from project.http.routing.access import admin

blueprint = Blueprint("users", __name__, url_prefix="/users", description="Users, for administrators")


@blueprint.get("", access=admin)
@blueprint.arguments(UserQuery, location="query")
@blueprint.response(200, UserPage)
def list_users(query: dict[str, Any]) -> Any:
    """List all users, or those with an email address, a role or a status."""
    filters = {name: query[name] for name in ("email", "role", "status")}
    return page_response(service.list_profiles(page_request(query), **filters))


@blueprint.get("/<uuid:user_id>", access=admin)
@blueprint.response(200, UserResponse)
def get_user(user_id: UUID) -> Any:
    """Get a user."""
    return service.get_profile(user_id)


@blueprint.patch("/<uuid:user_id>", access=admin)
@blueprint.raises(LastAdmin)
@blueprint.arguments(UserAccessUpdate)
@blueprint.response(200, UserResponse)
def update_user(changes: dict[str, Any], user_id: UUID) -> Any:
    """Change the role or the status of a user.

    The change applies from the user's next request. Disabling also ends all sessions of the user; enabling does not
    restore them. The last active admin can be neither demoted nor disabled.
    """
    return service.update_access(user_id, actor_id=current_user_id(), versions=expected_versions(), **changes)


@blueprint.delete(
    "/<uuid:user_id>/sessions",
    access=admin,
    exempt={"if-match": "sessions have no versions", "removal": "already idempotent"},
)
@blueprint.response(204)
def end_user_sessions(user_id: UUID) -> Any:
    """End all sessions of a user immediately."""
    service.end_user_sessions(user_id, actor_id=current_user_id())
