"""Files: a photograph of one's own, and a text for an organization."""

import hashlib
from pathlib import Path
from typing import Any

from tests.verify.checks import Failed, a_time_in_utc, an_id, expect
from tests.verify.client import Answer
from tests.verify.flow import step
from tests.verify.mailbox import wait_for
from tests.verify.steps.accounts import log_in_again
from tests.verify.steps.organizations import accept, stranger
from tests.verify.webp import pixel_size
from tests.verify.world import Person, World

_PHOTO = Path(__file__).parents[2] / "data" / "photos" / "grace_hopper.jpg"
_PHOTO_SIZES = {"small": (218, 256), "large": (512, 600)}
_NOTE = "Käse & Brot\n".encode()


@step("201, what is known of a photograph", after=(log_in_again,))
def upload(world: World) -> None:
    answer = _upload(world.owner, "Grace Hopper.jpg", _PHOTO.read_bytes(), "image/jpeg")
    answer.succeeded(201, organization_id=None, created_at=a_time_in_utc, trashed_at=None)
    world.photo_id = answer["id"]
    path = f"/api/v1/files/{world.photo_id}"
    if not answer.headers.get("Location", "").endswith(path):
        raise Failed("upload: Location", f"…{path}", answer.headers.get("Location"))


@step("one's own files, and the photograph is among them", after=(upload,))
def listing(world: World) -> None:
    answer = world.owner.get("/files").succeeded(200, next_cursor=None)
    expect("listed files", [world.photo_id], [file["id"] for file in answer["items"]])


@step("the same bytes, with a strong ETag, as an attachment", after=(upload,))
def download(world: World) -> None:
    answer = _content(world).succeeded(200).sent(Content_Type="image/jpeg")
    expect("downloaded SHA-256", _sha256(_PHOTO.read_bytes()), _sha256(answer.content))
    _etag(answer)
    expect("download: Content-Disposition", "attachment", _header(answer, "Content-Disposition")[:10])


@step("206, and just those bytes", after=(upload,))
def range_of_bytes(world: World) -> None:
    photo = _PHOTO.read_bytes()
    answer = _content(world, Range="bytes=1000-1999").succeeded(206)
    answer.sent(Content_Range=f"bytes 1000-1999/{len(photo)}")
    expect("SHA-256 of the range", _sha256(photo[1000:2000]), _sha256(answer.content))


@step("304, without the bytes, for the ETag one has", after=(download,))
def not_modified(world: World) -> None:
    etag = _etag(_content(world))
    answer = _content(world, If_None_Match=etag).succeeded(304)
    expect("bytes with the 304", 0, len(answer.content))


@step("made by a job, within the time allowed", after=(upload,))
def thumbnails(world: World) -> None:
    def look() -> dict[str, Any] | None:
        made: dict[str, Any] = world.owner.get(f"/files/{world.photo_id}").succeeded(200)["thumbnails"]
        return made if made["status"] != "pending" else None

    made = wait_for("thumbnails", look, patience_seconds=world.patience_seconds)
    expect("thumbnails", {"status": "ready", "sizes": ["small", "large"]}, made)


@step("WebP, 256 pixels at its longest edge", after=(thumbnails,))
def small_thumbnail(world: World) -> None:
    _ensure_thumbnail(world, "small")


@step("WebP, no larger than the photograph", after=(thumbnails,))
def large_thumbnail(world: World) -> None:
    _ensure_thumbnail(world, "large")


@step("201 for an organization, and a colleague finds and reads it", after=(accept,))
def shared_file(world: World) -> None:
    answer = _upload(world.owner, "Note.txt", _NOTE, "text/plain", organization_id=world.organization_id)
    world.shared_file_id = answer.succeeded(201, organization_id=world.organization_id)["id"]
    listed = world.colleague.get(f"/files?organization_id={world.organization_id}").succeeded(200)
    expect("the colleague's listing", [world.shared_file_id], [file["id"] for file in listed["items"]])
    read = world.colleague.get(f"/files/{world.shared_file_id}/content").succeeded(200)
    expect("SHA-256 as the colleague reads it", _sha256(_NOTE), _sha256(read.content))


@step("404 to a stranger: what is known of it, its bytes, the list", after=(shared_file, stranger))
def hidden_file(world: World) -> None:
    path = f"/files/{world.shared_file_id}"
    for hidden in (path, f"{path}/content", f"/files?organization_id={world.organization_id}"):
        world.stranger.get(hidden).refused(404, "not-found")


@step("204; then 404 for its bytes, and the list without it", after=(upload,))
def delete_file(world: World) -> None:
    world.owner.delete(f"/files/{world.photo_id}").succeeded(204)
    _content(world).refused(404, "not-found")
    expect("files still listed", [], world.owner.get("/files").succeeded(200)["items"])


def _upload(person: Person, name: str, content: bytes, content_type: str, **fields: str) -> Answer:
    form = {**fields, "file": (name, content, content_type)}
    return person.post("/files", fields=form).succeeded(
        201,
        id=an_id,
        filename=name,
        content_type=content_type,
        size=len(content),
        sha256=_sha256(content),
        owner_id=person.id,
        status="stored",
    )


def _content(world: World, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.owner.get(f"/files/{world.photo_id}/content", headers=sent)


def _etag(answer: Answer) -> str:
    etag = _header(answer, "ETag")
    if len(etag) < 3 or etag[0] != '"':
        raise Failed(f"{answer.request}: ETag", 'a strong one, "…"', etag)
    return etag


def _header(answer: Answer, name: str) -> str:
    return answer.headers.get(name) or "none"


def _ensure_thumbnail(world: World, size: str) -> None:
    answer = world.owner.get(f"/files/{world.photo_id}/thumbnails/{size}").succeeded(200)
    answer.sent(Content_Type="image/webp")
    expect(f"pixels of the {size} thumbnail", _PHOTO_SIZES[size], pixel_size(answer.content))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
