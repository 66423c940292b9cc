"""Request and response schemas for files."""

from typing import Any

from flask_smorest.fields import Upload
from marshmallow import fields, validate

from project.blueprints.files.models import FileRow
from project.blueprints.files.thumbnails import SIZES
from project.http.fields import Choice, Id, JsonInteger, Pattern, Sha256, Text, Timestamp
from project.http.requests.schemas import Body, PageQuery, Update, page_of

_MAX_BYTES = 2**53 - 1


class UploadFields(Body):
    organization_id = Id(load_default=None, allow_none=False)
    sha256 = Sha256(
        load_default=None,
        allow_none=False,
        metadata={"description": "SHA-256 checksum of the content. If it does not match, the upload is rejected."},
    )


class UploadForm(UploadFields):
    file = Upload(required=True)


class FileUpdate(Update):
    filename = Text(255, metadata={"example": "engine.jpg"})


class FileQuery(PageQuery):
    organization_id = Id(
        load_default=None,
        allow_none=False,
        metadata={"description": "List the files of this organization. If omitted, your personal files are listed."},
    )
    content_type = Pattern(
        "[a-z]+/[a-z0-9.+-]+",
        127,
        expected="a media type",
        load_default=None,
        allow_none=False,
        metadata={"example": "image/jpeg"},
    )
    status = Choice(["stored", "trashed"], load_default="stored")


class ContentQuery(Body):
    disposition = Choice(["attachment", "inline"], load_default="attachment")


class ThumbnailsResponse(Body):
    status = Choice(["pending", "ready", "failed", "unsupported"], required=True)
    sizes = fields.List(Choice(SIZES), required=True, validate=validate.Length(max=len(SIZES)))


class _Thumbnails(fields.Nested):
    def _serialize(self, nested_obj: Any, attr: Any, obj: FileRow, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        sizes = [size for size in SIZES if size in obj.thumbnail_sizes]
        # An image stays `ready` while a newly added size is being rendered.
        return {"status": "ready" if sizes else obj.thumbnails, "sizes": sizes}


class FileResponse(Body):
    id = Id(required=True)
    filename = fields.String(required=True, metadata={"maxLength": 255, "example": "engine.jpg"})
    content_type = fields.String(required=True, metadata={"maxLength": 127, "example": "image/jpeg"})
    size = JsonInteger(1, _MAX_BYTES, required=True, metadata={"description": "Size in bytes.", "example": 48213})
    sha256 = Sha256(required=True)
    owner_id = Id(required=True)
    organization_id = Id(required=True, allow_none=True)
    status = Choice(["stored", "trashed"], required=True)
    thumbnails = _Thumbnails(ThumbnailsResponse, required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    trashed_at = Timestamp(required=True, allow_none=True)


FilePage = page_of(FileResponse)
