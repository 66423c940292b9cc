"""Uploading, listing, downloading and deleting files."""

from base64 import b64encode
from typing import Any, BinaryIO
from uuid import UUID

from flask import request, send_file
from werkzeug.exceptions import PreconditionFailed, RequestedRangeNotSatisfiable
from werkzeug.wrappers import Response

from project.blueprints.files import service
from project.blueprints.files.policy import INLINE_TYPES
from project.blueprints.files.schemas import ContentQuery, FilePage, FileQuery, FileResponse, UploadFields
from project.config import current_settings
from project.http.access import user
from project.http.identity import current_user_id
from project.http.multipart import read_upload
from project.http.openapi import Blueprint
from project.http.pagination import page_answer, requested_page

blueprint = Blueprint("files", __name__, url_prefix="/files", description="Files and their thumbnails")

_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
_BINARY = {"type": "string", "format": "binary"}


@blueprint.post("", access=user)
@blueprint.doc(
    requestBody={
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": _BINARY,
                        "organization_id": {"type": "string", "format": "uuid"},
                        "sha256": {"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
                    },
                }
            }
        },
    }
)
@blueprint.response(201, FileResponse)
def upload_file() -> Any:
    """Upload a file, yours or your organization's."""
    file = service.upload(owner_id=current_user_id(), incoming=read_upload(UploadFields))
    return file, 201, {"Location": f"{current_settings().public_url}{request.path}/{file.id}"}


@blueprint.get("", access=user)
@blueprint.arguments(FileQuery, location="query")
@blueprint.response(200, FilePage)
def list_files(query: dict[str, Any]) -> Any:
    """List your files, or those of an organization."""
    filters = {name: query[name] for name in ("organization_id", "content_type", "status")}
    return page_answer(service.list_files(current_user_id(), requested_page(query), **filters))


@blueprint.get("/<uuid:file_id>", access=user)
@blueprint.response(200, FileResponse)
def get_file(file_id: UUID) -> Any:
    """Read what is known of a file."""
    return service.get_file(file_id, current_user_id())


@blueprint.delete("/<uuid:file_id>", access=user)
@blueprint.response(204)
def delete_file(file_id: UUID) -> Any:
    """Put a file into the trash."""
    service.discard(file_id, current_user_id())


@blueprint.get("/<uuid:file_id>/content", access=user, json=False)
@blueprint.arguments(ContentQuery, location="query")
@blueprint.response(200, _BINARY, content_type="application/octet-stream")
def get_content(query: dict[str, Any], file_id: UUID) -> Response:
    """Download a file, or one range of it."""
    file, content = service.open_content(file_id, current_user_id())
    inline = query["disposition"] == "inline" and file.content_type in INLINE_TYPES
    named = {"download_name": file.filename, "as_attachment": not inline}
    response = _sent(content, file.content_type, etag=file.sha256, size=file.size, **named)
    response.headers["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(file.sha256)).decode()}:"
    return response


@blueprint.get("/<uuid:file_id>/thumbnails/<any(small, large):size>", access=user, json=False)
@blueprint.response(200, _BINARY, content_type="image/webp")
def get_thumbnail(file_id: UUID, size: str) -> Response:
    """See a picture in small."""
    file, image = service.open_thumbnail(file_id, current_user_id(), size)
    return _sent(image, "image/webp", etag=f"{file.sha256}-{size}", size=None)


def _sent(content: BinaryIO, mimetype: str, *, etag: str, size: int | None, **named: Any) -> Response:
    """The bytes, by conditions and range (RFC 9110); never as something a browser would run."""
    response = send_file(content, mimetype=mimetype, etag=etag, conditional=False, **named)
    if size is not None:
        response.content_length = size
    response.headers["Content-Security-Policy"] = _SANDBOX
    response.headers["Cache-Control"] = "private, no-cache"
    try:
        response.make_conditional(_conditions(size or 0), accept_ranges=size is not None, complete_length=size)
        if response.status_code == 412:
            raise PreconditionFailed
    except (PreconditionFailed, RequestedRangeNotSatisfiable):
        response.close()
        raise
    return response


def _conditions(size: int) -> dict[str, Any]:
    """The request's environment with what Werkzeug judges otherwise than RFC 9110 put so that it cannot."""
    environ = dict(request.environ)
    if request.if_match.star_tag:
        del environ["HTTP_IF_MATCH"]
    if request.range and any(start < -size for start, _end in request.range.ranges if start is not None):
        environ["HTTP_RANGE"] = "bytes=0-"
    if request.headers.get("If-Range", "").startswith("W/"):
        environ.pop("HTTP_RANGE", None)
    return environ
