"""Downloads: range and conditional requests (RFC 9110), filenames (RFC 8187), and headers that prevent execution."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.blueprints.files.raw_forms import file_part, send
from tests.kit.clients.api import Api, problem, success

CONTENT = b"0123456789"
TAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
PNG = (Path(__file__).parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"
# Ranges that are invalid or that ten bytes of content cannot satisfy.
MANY_RANGES = ",".join(f"{at}-{at}" for at in range(200))
UNUSABLE_RANGES = ["10-", "11-12", "-0", "5-2", "a-b", "", "-", "--1", "0-1-2", "1", MANY_RANGES]


@pytest.fixture(scope="module")
def ada(shared_api: Api) -> Api:
    return shared_api.as_new_user()


@pytest.fixture(scope="module")
def path(ada: Api) -> str:
    """The path of a file's content."""
    return f"/files/{success(ada.upload(CONTENT))['id']}/content"


def fetch(api: Api, path: str, method: str = "GET", **headers: str) -> Any:
    """Send a request, read the whole body, and return the response. In header keywords, write `_` instead of `-`."""
    response = api(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response.get_data()
    response.close()
    return response


def test_download_returns_uploaded_content(ada: Api, path: str) -> None:
    response = fetch(ada, path)
    assert (response.status_code, response.data, response.mimetype) == (200, CONTENT, "text/plain")
    assert response.headers["ETag"] == TAG
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Repr-Digest"] == f"sha-256=:{b64encode(hashlib.sha256(CONTENT).digest()).decode()}:"


def test_download_headers_prevent_execution_in_browser(ada: Api, path: str) -> None:
    headers = fetch(ada, path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("headers", [{}, {"If_None_Match": TAG}])
def test_head_response_has_same_headers_as_get_response(ada: Api, path: str, headers: dict[str, str]) -> None:
    get, head = (fetch(ada, path, method, X_Request_ID="same", **headers) for method in ("GET", "HEAD"))
    assert head.data == b""
    assert (head.status, _without_date(head)) == (get.status, _without_date(get))


@pytest.mark.parametrize(
    ("requested", "content", "served"),
    [
        ("0-0", b"0", "0-0"),
        ("2-4", b"234", "2-4"),
        ("8-", b"89", "8-9"),
        ("8-99", b"89", "8-9"),
        ("-3", b"789", "7-9"),
        ("-99", CONTENT, "0-9"),
        ("0-99999999999999999999", CONTENT, "0-9"),
    ],
)
def test_single_range_is_served(ada: Api, path: str, requested: str, content: bytes, served: str) -> None:
    response = fetch(ada, path, Range=f"bytes={requested}")
    assert (response.status_code, response.data) == (206, content)
    assert response.headers["Content-Range"] == f"bytes {served}/10"
    assert response.headers["Content-Length"] == str(len(content))
    assert response.headers["ETag"] == TAG


@pytest.mark.parametrize("requested", UNUSABLE_RANGES, ids=lambda requested: requested[:10])
def test_unusable_range_is_either_ignored_or_rejected(ada: Api, path: str, requested: str) -> None:
    response = fetch(ada, path, Range=f"bytes={requested}")
    if response.status_code == 200:
        assert response.data == CONTENT
    else:
        problem(response, 416, "range-not-satisfiable")
        assert response.headers["Content-Range"] == "bytes */10"


@pytest.mark.parametrize("requested", ["10-", "-0", "99-100"])
def test_unsatisfiable_range_is_rejected(ada: Api, path: str, requested: str) -> None:
    problem(fetch(ada, path, Range=f"bytes={requested}"), 416, "range-not-satisfiable")


@pytest.mark.parametrize("tags", [TAG, f"W/{TAG}", f'"other", {TAG}', "*"])
def test_matching_if_none_match_returns_304(ada: Api, path: str, tags: str) -> None:
    response = fetch(ada, path, If_None_Match=tags)
    assert (response.status_code, response.data, response.headers["ETag"]) == (304, b"", TAG)


@pytest.mark.parametrize("tags", ['"other"', TAG.strip('"')[:-1], 'W/"x"'])
def test_non_matching_if_none_match_returns_content(ada: Api, path: str, tags: str) -> None:
    assert fetch(ada, path, If_None_Match=tags).status_code == 200


@pytest.mark.parametrize("tags", [TAG, "*", f'"other", {TAG}'])
def test_matching_if_match_returns_content(ada: Api, path: str, tags: str) -> None:
    assert fetch(ada, path, If_Match=tags).data == CONTENT


@pytest.mark.parametrize("tags", ['"other"', f"W/{TAG}"])
def test_non_matching_if_match_is_rejected(ada: Api, path: str, tags: str) -> None:
    problem(fetch(ada, path, If_Match=tags), 412, "precondition-failed")


@pytest.mark.parametrize(("tag", "status"), [(TAG, 206), ('"other"', 200), (f"W/{TAG}", 200)])
def test_range_with_if_range_is_served_only_if_etag_matches(ada: Api, path: str, tag: str, status: int) -> None:
    response = fetch(ada, path, Range="bytes=0-0", If_Range=tag)
    assert (response.status_code, response.data) == (status, b"0" if status == 206 else CONTENT)


@pytest.mark.parametrize(
    ("content", "filename", "query", "disposition"),
    [
        (PNG, "cat.png", "", "attachment"),
        (PNG, "cat.png", "?disposition=attachment", "attachment"),
        (PNG, "cat.png", "?disposition=inline", "inline"),
        (PDF, "plan.pdf", "?disposition=inline", "attachment"),
        (b"hello", "cat.png", "?disposition=inline", "attachment"),
    ],
)
def test_only_images_are_served_inline(ada: Api, content: bytes, filename: str, query: str, disposition: str) -> None:
    file = success(ada.upload(content, filename))
    response = fetch(ada, f"/files/{file['id']}/content{query}")
    assert response.headers["Content-Disposition"] == f"{disposition}; filename={filename}"


@pytest.mark.parametrize("query", ["disposition=", "disposition=Inline", "x=1"])
def test_unknown_disposition_or_query_parameter_is_rejected(ada: Api, path: str, query: str) -> None:
    problem(fetch(ada, f"{path}?{query}"), 422, "validation-failed")


@pytest.mark.parametrize(
    ("filename", "encoded"),
    [
        ("a b.txt", 'filename="a b.txt"'),
        ("a;b=c.txt", 'filename="a;b=c.txt"'),
        ("na\u00efve.txt", "filename=naive.txt; filename*=UTF-8''na%C3%AFve.txt"),
        ("李 👩.txt", f"filename=\" .txt\"; filename*=UTF-8''{quote('李 👩.txt')}"),
    ],
)
def test_filename_is_encoded_according_to_rfc_8187(ada: Api, filename: str, encoded: str) -> None:
    file = success(send(ada, file_part(filename=filename)))
    assert fetch(ada, f"/files/{file['id']}/content").headers["Content-Disposition"] == f"attachment; {encoded}"


def test_download_requires_authentication(shared_api: Api, path: str) -> None:
    problem(shared_api.get(path), 401, "authentication-required")


def _without_date(response: Any) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name != "Date"}
