"""Schemas for problem details (RFC 9457) in the API document."""

from marshmallow import INCLUDE, Schema, fields, validate

from project.http.fields import Choice, JsonInteger

MAX_ERRORS = 100


class ProblemError(Schema):
    """One invalid value."""

    pointer = fields.String(
        required=True,
        metadata={
            "description": "JSON Pointer into the body, or `/name` for a parameter.",
            "maxLength": 10_000,
            "example": "/email",
        },
    )
    location = Choice(["body", "query", "path", "header", "form", "files"], required=True)
    detail = fields.String(
        required=True,
        metadata={"description": "Why the value is invalid.", "maxLength": 10_000, "example": "Too long."},
    )


class Problem(Schema):
    """The body of every error response (RFC 9457). Some problems have additional members."""

    class Meta:
        unknown = INCLUDE

    type = fields.URL(
        required=True,
        metadata={
            "format": "uri",
            "description": "URL of a page that explains the problem.",
            "example": "https://example.com/problems",
        },
    )
    title = fields.String(
        required=True, metadata={"description": "The same for every problem with this `code`.", "maxLength": 100}
    )
    status = JsonInteger(400, 599, required=True, metadata={"description": "HTTP status code."})
    detail = fields.String(
        required=True, metadata={"description": "What is wrong with this request.", "maxLength": 10_000}
    )
    instance = fields.String(required=True, metadata={"description": "Path of the request.", "maxLength": 10_000})
    code = fields.String(
        required=True,
        metadata={
            "description": "Stable identifier that programs can check.",
            "maxLength": 100,
            "pattern": "^[a-z]+(-[a-z]+)*$",
        },
    )
    request_id = fields.String(
        required=True, metadata={"description": "Same as the `X-Request-ID` header.", "maxLength": 128}
    )
    errors = fields.List(
        fields.Nested(ProblemError),
        validate=validate.Length(max=MAX_ERRORS),
        metadata={"description": "The invalid values. Present only if `code` is `validation-failed`."},
    )
