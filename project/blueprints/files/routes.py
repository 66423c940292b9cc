"""Uploading, listing, renaming, downloading and deleting files."""

from base64 import b64encode
from typing import Any
from uuid import UUID

from flask import Response, jsonify

from project.blueprints.files import service
from project.blueprints.files.errors import ChecksumMismatch, FileTooLarge, FileTypeNotAllowed
from project.blueprints.files.file_types import INLINE_TYPES, ensure_supported
from project.blueprints.files.schemas import (
    ContentQuery,
    FilePage,
    FileQuery,
    FileResponse,
    FileUpdate,
    UploadFields,
    UploadForm,
)
from project.blueprints.files.thumbnails import SIZES
from project.errors import NotFound, PermissionDenied
from project.http.auth.identity import current_user_id
from project.http.middleware.idempotency import run_once
from project.http.openapi import Blueprint
from project.http.requests.multipart import Upload
from project.http.requests.pagination import page_request, page_response
from project.http.responses.downloads import BINARY, send_content
from project.http.responses.etags import expected_versions
from project.http.routing.access import user
from project.http.routing.rule import CREATES_ANOTHER
from project.infrastructure.storage import StorageUnavailable

blueprint = Blueprint("files", __name__, url_prefix="/files", description="Files and their thumbnails")
_UPLOAD_FIELDS, _FILE = UploadFields(), FileResponse()
blueprint.record_once(lambda state: ensure_supported(state.app.extensions["settings"].allowed_content_types))


@blueprint.post("", access=user, handles_idempotency=True, on_retry=CREATES_ANOTHER)
@blueprint.raises(FileTooLarge, FileTypeNotAllowed, ChecksumMismatch, NotFound, StorageUnavailable)
@blueprint.doc(requestBody={"required": True, "content": {"multipart/form-data": {"schema": UploadForm}}})
@blueprint.response(201, FileResponse)
def upload_file() -> Any:
    """Upload a file.

    The content type is detected from the content. The filename and `Content-Type` sent with the file are not trusted.
    """
    upload = Upload(_UPLOAD_FIELDS)
    with service.receive_upload(
        owner_id=current_user_id(),
        filename=upload.filename,
        chunks=upload.chunks,
        read_options=lambda: service.UploadOptions(**upload.fields()),
    ) as received:
        return run_once(received.content, lambda: _created(service.store_upload(received)))


@blueprint.get("", access=user)
@blueprint.raises(NotFound)
@blueprint.arguments(FileQuery, location="query")
@blueprint.response(200, FilePage)
def list_files(query: dict[str, Any]) -> Any:
    """List your personal files, or the files of an organization."""
    filters = {name: query[name] for name in ("organization_id", "content_type", "status")}
    return page_response(service.list_files(current_user_id(), page_request(query), **filters))


@blueprint.get("/<uuid:file_id>", access=user)
@blueprint.response(200, FileResponse)
def get_file(file_id: UUID) -> Any:
    """Get a file's metadata."""
    return service.get_file(file_id, current_user_id())


@blueprint.patch("/<uuid:file_id>", access=user)
@blueprint.raises(PermissionDenied)
@blueprint.arguments(FileUpdate)
@blueprint.response(200, FileResponse)
def rename_file(changes: dict[str, Any], file_id: UUID) -> Any:
    """Rename a file."""
    return service.update_file(file_id, current_user_id(), versions=expected_versions(), **changes)


@blueprint.delete("/<uuid:file_id>", access=user, exempt={"removal": "kept in the trash"})
@blueprint.raises(PermissionDenied)
@blueprint.response(204)
def delete_file(file_id: UUID) -> Any:
    """Move a file to the trash."""
    service.trash_file(file_id, current_user_id(), versions=expected_versions())


@blueprint.get("/<uuid:file_id>/content", access=user, json=False)
@blueprint.raises(StorageUnavailable)
@blueprint.arguments(ContentQuery, location="query")
@blueprint.response(200, BINARY, content_type="*/*")
def get_content(query: dict[str, Any], file_id: UUID) -> Response:
    """Download a file or a range of it."""
    file, content = service.open_content(file_id, current_user_id())
    inline = query["disposition"] == "inline" and file.content_type in INLINE_TYPES
    named = {"download_name": file.filename, "as_attachment": not inline}
    response = send_content(content, file.content_type, etag=file.sha256, size=file.size, **named)
    response.headers["Repr-Digest"] = f"sha-256=:{b64encode(bytes.fromhex(file.sha256)).decode()}:"
    return response


@blueprint.get(f"/<uuid:file_id>/thumbnails/<any({', '.join(SIZES)}):size>", access=user, json=False)
@blueprint.raises(StorageUnavailable)
@blueprint.response(200, BINARY, content_type="image/webp")
def get_thumbnail(file_id: UUID, size: str) -> Response:
    """Download a thumbnail."""
    file, image = service.open_thumbnail(file_id, current_user_id(), size)
    return send_content(image, "image/webp", etag=f"{file.sha256}-{size}", size=None)


def _created(file: Any) -> Response:
    response = jsonify(_FILE.dump(file))
    response.status_code = 201
    return response
