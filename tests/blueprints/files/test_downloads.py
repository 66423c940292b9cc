"""Downloading: the bytes, by ranges and conditions (RFC 9110), under a name, and never as something that runs."""

import hashlib
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.blueprints.files.raw_forms import file_part, send
from tests.kit.clients.api import Api, created, problem

CONTENT = b"0123456789"
TAG = f'"{hashlib.sha256(CONTENT).hexdigest()}"'
PNG = (Path(__file__).parents[2] / "data" / "photos" / "chelsea.png").read_bytes()
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\n"
# Ranges that name nothing, or nothing sensible, of ten bytes.
TWO_HUNDRED = ",".join(f"{at}-{at}" for at in range(200))
NOTHING = ["10-", "11-12", "-0", "5-2", "a-b", "", "-", "--1", "0-1-2", "1", TWO_HUNDRED]


@pytest.fixture(scope="module")
def ada(shared_api: Api) -> Api:
    return shared_api.signed_in()


@pytest.fixture(scope="module")
def path(ada: Api) -> str:
    """Where the content of a file is."""
    return f"/files/{created(ada.upload(CONTENT))['id']}/content"


def fetch(api: Api, path: str, method: str = "GET", **headers: str) -> Any:
    """The whole answer; underscores stand for hyphens in the names of headers."""
    answer = api(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    answer.get_data()
    answer.close()
    return answer


def test_content_comes_as_it_was_sent(ada: Api, path: str) -> None:
    answer = fetch(ada, path)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, CONTENT, "text/plain")
    assert answer.headers["ETag"] == TAG
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Repr-Digest"] == f"sha-256=:{b64encode(hashlib.sha256(CONTENT).digest()).decode()}:"


def test_content_can_never_run(ada: Api, path: str) -> None:
    headers = fetch(ada, path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in headers["Content-Security-Policy"]
    assert headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("headers", [{}, {"If_None_Match": TAG}])
def test_head_has_the_headers_of_get(ada: Api, path: str, headers: dict[str, str]) -> None:
    got, head = (fetch(ada, path, method, X_Request_ID="same", **headers) for method in ("GET", "HEAD"))
    assert head.data == b""
    assert (head.status, _undated(head)) == (got.status, _undated(got))


@pytest.mark.parametrize(
    ("asked", "content", "range_"),
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
def test_one_range_is_served(ada: Api, path: str, asked: str, content: bytes, range_: str) -> None:
    answer = fetch(ada, path, Range=f"bytes={asked}")
    assert (answer.status_code, answer.data) == (206, content)
    assert answer.headers["Content-Range"] == f"bytes {range_}/10"
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["ETag"] == TAG


@pytest.mark.parametrize("asked", NOTHING, ids=lambda asked: asked[:10])
def test_range_that_cannot_be_had_says_how_much_there_is(ada: Api, path: str, asked: str) -> None:
    answer = fetch(ada, path, Range=f"bytes={asked}")
    if answer.status_code == 200:
        assert answer.data == CONTENT
    else:
        problem(answer, 416, "range-not-satisfiable")
        assert answer.headers["Content-Range"] == "bytes */10"


@pytest.mark.parametrize("asked", ["10-", "-0", "99-100"])
def test_range_past_the_end_is_refused(ada: Api, path: str, asked: str) -> None:
    problem(fetch(ada, path, Range=f"bytes={asked}"), 416, "range-not-satisfiable")


@pytest.mark.parametrize("tags", [TAG, f"W/{TAG}", f'"other", {TAG}', "*"])
def test_content_that_the_client_has_is_not_sent_again(ada: Api, path: str, tags: str) -> None:
    answer = fetch(ada, path, If_None_Match=tags)
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", TAG)


@pytest.mark.parametrize("tags", ['"other"', TAG.strip('"')[:-1], 'W/"x"'])
def test_content_that_the_client_has_not_is_sent(ada: Api, path: str, tags: str) -> None:
    assert fetch(ada, path, If_None_Match=tags).status_code == 200


@pytest.mark.parametrize("tags", [TAG, "*", f'"other", {TAG}'])
def test_content_that_is_still_the_expected_is_sent(ada: Api, path: str, tags: str) -> None:
    assert fetch(ada, path, If_Match=tags).data == CONTENT


@pytest.mark.parametrize("tags", ['"other"', f"W/{TAG}"])
def test_content_that_is_not_the_expected_is_refused(ada: Api, path: str, tags: str) -> None:
    problem(fetch(ada, path, If_Match=tags), 412, "precondition-failed")


@pytest.mark.parametrize(("tag", "status"), [(TAG, 206), ('"other"', 200), (f"W/{TAG}", 200)])
def test_range_is_served_if_it_is_of_the_same_content(ada: Api, path: str, tag: str, status: int) -> None:
    answer = fetch(ada, path, Range="bytes=0-0", If_Range=tag)
    assert (answer.status_code, answer.data) == (status, b"0" if status == 206 else CONTENT)


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
def test_only_what_is_safe_is_shown_inline(
    ada: Api, content: bytes, filename: str, query: str, disposition: str
) -> None:
    file = created(ada.upload(content, filename))
    answer = fetch(ada, f"/files/{file['id']}/content{query}")
    assert answer.headers["Content-Disposition"] == f"{disposition}; filename={filename}"


@pytest.mark.parametrize("query", ["disposition=", "disposition=Inline", "x=1"])
def test_unknown_disposition_is_refused(ada: Api, path: str, query: str) -> None:
    problem(fetch(ada, f"{path}?{query}"), 422, "validation-failed")


@pytest.mark.parametrize(
    ("filename", "written"),
    [
        ("a b.txt", 'filename="a b.txt"'),
        ("a;b=c.txt", 'filename="a;b=c.txt"'),
        ("na\u00efve.txt", "filename=naive.txt; filename*=UTF-8''na%C3%AFve.txt"),
        ("李 👩.txt", f"filename=\" .txt\"; filename*=UTF-8''{quote('李 👩.txt')}"),
    ],
)
def test_name_is_written_as_rfc_8187_has_it(ada: Api, filename: str, written: str) -> None:
    file = created(send(ada, file_part(filename=filename)))
    assert fetch(ada, f"/files/{file['id']}/content").headers["Content-Disposition"] == f"attachment; {written}"


def test_content_is_for_signed_in_users(shared_api: Api, path: str) -> None:
    problem(shared_api.get(path), 401, "authentication-required")


def _undated(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "Date"}
