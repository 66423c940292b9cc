"""Records the requests of authenticated callers that are denied (403) in the audit trail."""

from uuid import UUID

from flask import Flask, Response, g, request

from project.errors import ServiceUnavailable
from project.http.routing.rule import current_rule
from project.infrastructure import audit
from project.infrastructure.database import transaction
from project.infrastructure.logging import logger


def init_app(app: Flask) -> None:
    """Record denied requests of `app`, after their transactions have been rolled back."""
    app.after_request(_record)


def _record(response: Response) -> Response:
    if response.status_code == 403 and "principal" in g:
        try:
            _record_denial()
        except ServiceUnavailable as error:
            logger.warning("audit.denial_not_recorded", exc_info=error)
    return response


def _record_denial() -> None:
    """Record the operation. Its target is the resource that the last id in the path identifies."""
    rule, path = current_rule(), request.view_args or {}
    ids = [(name.removesuffix("_id"), value) for name, value in path.items() if isinstance(value, UUID)]
    # Otherwise, the caller may not belong to the organization, and could fill its audit trail.
    is_member = rule is not None and rule.access.kind == "member"
    with transaction():
        audit.record(
            str(request.endpoint),
            actor_id=g.principal.user_id,
            target=ids[-1] if ids else None,
            organization_id=path["organization_id"] if is_member else None,
            outcome="denied",
        )
