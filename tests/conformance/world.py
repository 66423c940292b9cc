"""Test users and resources, and valid requests for any operation, generated from the OpenAPI document."""

from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from flask import Flask
from werkzeug.test import TestResponse

from project.http.routing.access import Access
from project.infrastructure import signing
from tests.conformance import samples
from tests.conformance.contract import creator, missing_recipes, recipes
from tests.conformance.operation import Operation, operations_of
from tests.kit.clients.api import Api, form, success
from tests.kit.clients.response_checker import checker_for
from tests.kit.fixtures.administrators import create_administrator


@dataclass(frozen=True)
class Case:
    """A request that should succeed: the caller, the path values, the body and additional headers."""

    actor: Api
    path: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] | None = None
    form: tuple[bytes, str] | None = None
    headers: dict[str, str] = field(default_factory=dict)


class World:
    """An application with two organizations of the same owner, and users of every role.

    `member` and `admin` belong to the first organization, and `other_user` to a third. The owner also has a second
    invitation and a second file in each status, so that a query that lacks a condition selects the wrong row.

    `operations` omits those with missing recipes, which `test_every_operation.py` reports.
    """

    def __init__(self, app: Flask) -> None:
        self.app = app
        operations = operations_of(app)
        missing = missing_recipes(operations)
        self.operations = [each for each in operations if each.name not in missing]
        self.anonymous = Api(app.test_client())
        self.owner, self.member, self.admin, self.other_user = (self.anonymous.as_new_user() for _ in range(4))
        self.organization_id, self.other_organization_id = (self.owner.organization()["id"] for _ in range(2))
        self.administrator, self.other_administrator = (create_administrator(app, self.anonymous) for _ in range(2))
        self._join(self.member, "member")
        self._join(self.admin, "admin")
        self.other_user.organization()
        self.owner.invitation(self.organization_id, "second@example.com")
        _stored, trashed = (success(self.owner.upload(b"second"))["id"] for _ in range(2))
        self.owner.delete(f"/files/{trashed}")

    def case(self, operation: Operation) -> Case:
        """Return a new request that should succeed, built by the operation's recipe if it has one."""
        recipe = recipes().get(operation.name)
        return recipe(self, operation) if recipe else self.plain(operation)

    def full_case(self, operation: Operation) -> Case:
        """Return a new request with all members in its JSON body, including the optional ones."""
        case = self.case(operation)
        return replace(case, body={**samples.full_body(operation, operation.body_schema or {}), **(case.body or {})})

    def plain(self, operation: Operation) -> Case:
        """Return a request derived from the document, with ids of new resources and a body of sample values."""
        schema = operation.body_schema
        return Case(
            actor=self.actor(operation.rule.access),
            path=self.path_values(operation),
            body=None if schema is None else samples.body(operation, schema),
            form=form(f"sample {uuid4()}".encode(), "sample.txt") if operation.accepts_form else None,
        )

    def actor(self, access: Access) -> Api:
        """Return a client that is authorized for `access`."""
        kinds = {"public": self.anonymous, "admin": self.administrator}
        return kinds.get(access.kind, self.owner)

    def other_actor(self, access: Access) -> Api:
        """Return another client that is authorized for `access`. The access must not depend on the path."""
        return self.other_administrator if access.kind == "admin" else self.other_user

    def path_values(self, operation: Operation) -> dict[str, str]:
        """Return a value for each variable in the path, creating the resources it identifies."""
        values: dict[str, str] = {}
        for name in operation.path_names:
            values[name] = self._path_value(operation, name, values)
        return values

    def send(self, operation: Operation, case: Case, **options: Any) -> TestResponse:
        """Send the request and return the response. `options` override parts of the request."""
        headers = {**case.headers, **options.pop("headers", {})}
        if case.actor.tokens:
            headers.setdefault("Authorization", f"Bearer {case.actor.tokens['access_token']}")
        if case.form is not None and "data" not in options:
            options.update(data=case.form[0], content_type=case.form[1])
        elif case.body is not None and not {"data", "json"} & set(options):
            options["json"] = case.body
        path = options.pop("path", operation.path).format(**case.path)
        # A client that manages cookies would replace the header.
        client = self.app.test_client(use_cookies=False)
        return client.open(path, method=operation.method, headers=headers, buffered=True, **options)

    def succeed(self, operation: Operation, case: Case | None = None, **options: Any) -> TestResponse:
        """Send the request and return the response, which must be a documented success."""
        response = self.send(operation, case or self.case(operation), **options)
        assert response.status_code in operation.successes, (
            f"{operation}: {response.get_data(as_text=True)} If the generated values are not valid, add a recipe to "
            f"{operation.contract_file}, or a `format` to the field."
        )
        checker_for(self.app).check(response)
        return response

    def create_operation(self, path: str) -> Operation | None:
        """Return the operation that creates resources in the collection at `path`, or `None` if there is none."""
        found = [each for each in self.operations if each.method == "POST" and each.path == path]
        return found[0] if found else None

    def read_operation(self, operation: Operation) -> Operation | None:
        """Return the operation that reads the resource that `operation` changes, or `None` if there is none."""
        found = [each for each in self.operations if each.method == "GET" and each.path == operation.path]
        return found[0] if found else None

    def _path_value(self, operation: Operation, name: str, known: dict[str, str]) -> str:
        if name == "organization_id":
            return self.organization_id
        if name not in operation.id_names:
            schema = next(each["schema"] for each in operation.parameters if each["name"] == name)
            return str(schema["enum"][0])
        create = creator(operation, name, self.operations)
        assert create is not None, f"{operation}: no POST creates a {name}"
        case = self.case(create)
        return str(self.succeed(create, replace(case, path={**case.path, **known})).json["id"])

    def _join(self, user: Api, role: str) -> None:
        success(user.post("/invitations/accept", {"token": self.invitation_token(user.user["email"], role)}))

    def invitation_token(self, email: str, role: str = "member") -> str:
        """Create an invitation to `email` and return the token that its email contains."""
        invitation = self.owner.invitation(self.organization_id, email, role)
        with self.app.app_context():
            return signing.issue("invitation", UUID(invitation["id"]), 1)
