"""`Location`: the URL of a created resource, if a `GET` route can read it."""

import pytest

from project.config import Settings
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
