"""Request and response schemas for the administration of users."""

from project.blueprints.auth.schemas import UserResponse
from project.http.fields import Choice, Email
from project.http.requests.schemas import PageQuery, Update, page_of


class UserQuery(PageQuery):
    email = Email(load_default=None, allow_none=False)
    role = Choice(["user", "admin"], load_default=None, allow_none=False)
    status = Choice(["active", "disabled"], load_default=None, allow_none=False)


class UserAccessUpdate(Update):
    role = Choice(["user", "admin"])
    status = Choice(["active", "disabled"])


UserPage = page_of(UserResponse)
