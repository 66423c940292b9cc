"""Wire shapes of files."""

from typing import Any

from marshmallow import fields, validate

from project.blueprints.files.thumbnails import SIZES
from project.http.fields import Text, Timestamp
from project.http.schemas import Body, PageQuery, page_of

_SHA256 = validate.Regexp(r"[0-9a-fA-F]{64}\Z", error="Must be a SHA-256 in hex.")


class UploadFields(Body):
    organization_id = fields.UUID(load_default=None)
    sha256 = fields.String(load_default=None, validate=_SHA256)


class FileQuery(PageQuery):
    organization_id = fields.UUID(load_default=None)
    content_type = Text(127, load_default=None)
    status = fields.String(load_default="stored", validate=validate.OneOf(["stored", "trashed"]))


class ContentQuery(Body):
    disposition = fields.String(load_default="attachment", validate=validate.OneOf(["attachment", "inline"]))


class ThumbnailsResponse(Body):
    status = fields.String(required=True, validate=validate.OneOf(["pending", "ready", "failed", "unsupported"]))
    sizes = fields.List(fields.String(validate=validate.OneOf(list(SIZES))), required=True)


class FileResponse(Body):
    id = fields.UUID(required=True)
    filename = fields.String(required=True)
    content_type = fields.String(required=True)
    size = fields.Integer(required=True, metadata={"description": "Bytes."})
    sha256 = fields.String(required=True)
    owner_id = fields.UUID(required=True)
    organization_id = fields.UUID(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(["stored", "trashed"]))
    thumbnails = fields.Method("_thumbnails", required=True)
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)
    trashed_at = Timestamp(required=True, allow_none=True)

    def _thumbnails(self, file: Any) -> dict[str, Any]:
        return {"status": file.thumbnails, "sizes": list(SIZES) if file.thumbnails == "ready" else []}


FilePage = page_of(FileResponse)
