"""`Location`: the URL of a created resource, if a `GET` route can read it."""

import pytest
from werkzeug.routing import Map

from project.config import Settings
from project.http.routing.access import public
from project.http.routing.rule import ContractRule
from tests.kit.clients.api import Api, success
from tests.kit.fixtures.apps import application

PUBLIC_URL = "https://api.example.com/base"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_location_begins_with_the_public_url_and_its_path(settings: Settings) -> None:
    with application(settings.model_copy(update={"public_url": PUBLIC_URL})) as app:
        response = Api(app.test_client()).as_new_user().post("/organizations", {"name": "Analytical Engines"})
    assert response.headers["Location"] == f"{PUBLIC_URL}/api/v1/organizations/{success(response)['id']}"


def test_created_resource_without_a_get_route_has_no_location(shared_api: Api) -> None:
    account = {"email": "grace@example.com", "password": "seven unlikely herons"}
    response = shared_api.post("/auth/register", account)
    assert response.status_code == 201
    assert "Location" not in response.headers


def test_rejected_post_has_no_location(ada: Api) -> None:
    assert "Location" not in ada.post("/organizations", {}).headers


@pytest.mark.parametrize(
    ("collection", "item", "is_found"),
    [
        ("/v1/notes", "/v1/notes/<note_id>", True),
        ("/v1/notes", "/v1/old/notes/<note_id>", False),
        ("/v1/notes", "/v1/notes/<slug>", False),
        ("/v1/users/<user_id>/notes", "/v1/users/<user_id>/notes/<note_id>", True),
        ("/v1/users/<user_id>/notes", "/v1/notes/<note_id>", True),
        ("/v1/users/<user_id>/notes", "/v2/notes/<note_id>", False),
        ("/v1/users/<user_id>/notes", "/notes/<note_id>", False),
        ("/v1/users/<user_id>/notes", "/v1/groups/notes/<note_id>", False),
    ],
)
def test_created_resource_is_read_below_its_collection_with_or_without_the_parent(
    collection: str, item: str, *, is_found: bool
) -> None:
    create = ContractRule(collection, access=public, methods=["POST"], endpoint="notes.create")
    read = ContractRule(item, access=public, methods=["GET"], endpoint="notes.read")
    Map([create, read])
    assert create.created_path == (read.template if is_found else None)


def test_created_resource_is_not_read_by_another_blueprint() -> None:
    create = ContractRule("/notes", access=public, methods=["POST"], endpoint="notes.create")
    read = ContractRule("/notes/<note_id>", access=public, methods=["GET"], endpoint="search.read")
    Map([create, read])
    assert create.created_path is None
