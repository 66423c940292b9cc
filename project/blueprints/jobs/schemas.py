"""Request and response schemas for jobs."""

from marshmallow import fields

from project.http.fields import Choice, Id, JsonInteger, Pattern, Timestamp
from project.http.requests.schemas import Body, PageQuery, page_of
from project.infrastructure.jobs import MAX_ERROR_LENGTH, STATUSES

_MAX_INTEGER = 2**31 - 1
_NAME = "files.make_thumbnails"
_ARGUMENTS = {"file_id": "01a1e2c4-7f3a-7c11-9d0e-3f5b8a6c2d41"}
_ERROR = "StorageUnavailable: The file storage is down, full or too slow."


class JobQuery(PageQuery):
    status = Choice(STATUSES, load_default="dead")
    name = Pattern(
        r"[a-z0-9_]+(\.[a-z0-9_]+)*",
        100,
        expected="a job name",
        load_default=None,
        allow_none=False,
        metadata={"example": _NAME},
    )


class JobResponse(Body):
    id = Id(required=True)
    name = fields.String(required=True, metadata={"maxLength": 100, "example": _NAME})
    arguments = fields.Dict(
        keys=fields.String(),
        required=True,
        metadata={"description": "Job arguments. All values are ids.", "maxProperties": 20, "example": _ARGUMENTS},
    )
    status = Choice(
        STATUSES,
        required=True,
        metadata={"description": "`dead` jobs have failed permanently and are retried only on request."},
    )
    attempts = JsonInteger(
        0, _MAX_INTEGER, required=True, metadata={"description": "Number of attempts started.", "example": 8}
    )
    transient_failures = JsonInteger(
        0,
        _MAX_INTEGER,
        required=True,
        metadata={"description": "Attempts that failed because a dependency was unavailable.", "example": 0},
    )
    due_at = Timestamp(required=True)
    finished_at = Timestamp(required=True, allow_none=True)
    last_error = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Error from the last failed attempt.",
            "maxLength": MAX_ERROR_LENGTH,
            "example": _ERROR,
        },
    )
    request_id = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": "Id of the request that enqueued the job, as it appears in the logs.",
            "maxLength": 128,
        },
    )
    trace_id = fields.String(required=True, allow_none=True, metadata={"maxLength": 32})
    created_at = Timestamp(required=True)
    updated_at = Timestamp(required=True)


JobPage = page_of(JobResponse)
