"""The route that deletes the caller's account."""

from typing import Any

from project.blueprints.account_deletion import service
from project.blueprints.account_deletion.schemas import AccountDeletionRequest
from project.blueprints.auth.errors import LastAdmin
from project.blueprints.organizations.errors import LastOwner
from project.http.auth.identity import current_user_id
from project.http.openapi import Blueprint
from project.http.routing.access import user
from project.http.routing.limits import PASSWORD_CHECKS

blueprint = Blueprint("account_deletion", __name__, url_prefix="/auth/me", description="Deletion of your account")


@blueprint.post(
    "/deletion",
    access=user,
    limits=(PASSWORD_CHECKS,),
    exempt={"idempotency": "ends the session of the request"},
)
@blueprint.raises(LastAdmin, LastOwner)
@blueprint.arguments(AccountDeletionRequest)
@blueprint.response(204)
def delete_account(body: dict[str, Any]) -> Any:
    """Delete your account immediately and permanently.

    All sessions and memberships end, and your personal files are moved to the trash, from which they are purged. Files
    in organizations stay. The email address can be registered again. A wrong `password` is reported as
    `validation-failed`.
    """
    service.delete_account(current_user_id(), **body)
