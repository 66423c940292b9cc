"""Response schemas for health checks and public keys."""

from marshmallow import fields, validate

from project.http.fields import Choice
from project.http.requests.schemas import Body

_MAX_KEYS = 100
_BASE64URL = {"maxLength": 64, "pattern": "^[A-Za-z0-9_-]+$", "example": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


class LivenessResponse(Body):
    status = Choice(["ok"], required=True)


class ChecksResponse(Body):
    database = Choice(["ok", "failing"], required=True)
    migrations = Choice(["ok", "failing"], required=True)
    storage = Choice(["ok", "failing"], required=True)
    broker = Choice(["ok", "failing"], required=True)


class ReadinessResponse(Body):
    status = Choice(
        ["ok", "degraded"], required=True, metadata={"description": "`degraded` if only the broker is unavailable."}
    )
    checks = fields.Nested(ChecksResponse, required=True)


class KeyResponse(Body):
    kty = Choice(["OKP"], required=True)
    crv = Choice(["Ed25519"], required=True)
    x = fields.String(required=True, metadata=_BASE64URL)
    kid = fields.String(required=True, metadata=_BASE64URL)
    use = Choice(["sig"], required=True)
    alg = Choice(["EdDSA"], required=True)


class KeySetResponse(Body):
    keys = fields.List(fields.Nested(KeyResponse), required=True, validate=validate.Length(max=_MAX_KEYS))
