"""Parses uploaded forms as a stream, with fields in any order. Files are neither buffered nor spooled to disk."""

from collections.abc import Iterator
from typing import Any

from flask import request
from marshmallow import Schema, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from project.http.requests.json_body import ensure_unencoded
from project.http.responses.problems import MalformedRequest, PayloadTooLarge, UnsupportedMediaType, validation_failed

_CHUNK_BYTES = 256 * 1024
_MAX_FIELD_BYTES = 16 * 1024
_MAX_PARTS = 10


class Upload:
    """One file and the other fields of the form. Read `chunks` to the end before you call `fields()`."""

    def __init__(self, schema: Schema) -> None:
        """Read the form in the body of the current request, up to the file. `schema` validates its other fields.

        Raises ValidationFailed if the form contains no file, and UnsupportedMediaType if the body is not a form. Like
        `chunks` and `fields()`, raises MalformedRequest or PayloadTooLarge if the form cannot be parsed.
        """
        self._schema = schema
        self._values: dict[str, str] = {}
        self._events = _events()
        filename = self._next_file()
        if filename is None:
            raise validation_failed({"files": {"file": "Required: send one file in the field `file`."}})
        self.filename = filename

    @property
    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the file as they arrive."""
        yield from self._data()

    def fields(self) -> dict[str, Any]:
        """Return the fields before and after the file. Raises ValidationFailed."""
        if self._next_file() is not None:
            raise validation_failed({"files": {"file": "Send only one file."}})
        try:
            loaded: dict[str, Any] = self._schema.load(self._values)
        except ValidationError as error:
            raise validation_failed({"form": error.messages}) from error
        return loaded

    def _next_file(self) -> str | None:
        for event in self._events:
            if isinstance(event, File) and event.name == "file":
                return event.filename
            if isinstance(event, File):
                raise validation_failed({"files": {event.name: "Unknown field."}})
            if isinstance(event, Field):
                self._read_field(event)
        return None

    def _read_field(self, field: Field) -> None:
        value = bytearray()
        for data in self._data():
            value += data
            if len(value) > _MAX_FIELD_BYTES:
                raise PayloadTooLarge(f"The form field {field.name!r} is too long.")
        if field.name in self._values:
            raise validation_failed({"form": {field.name: "Given more than once."}})
        try:
            self._values[field.name] = value.decode()
        except UnicodeDecodeError as error:
            raise MalformedRequest("A form field is not valid UTF-8.") from error

    def _data(self) -> Iterator[bytes]:
        for event in self._events:
            if isinstance(event, Data):
                yield bytes(event.data)
                if not event.more_data:
                    return


def _events() -> Iterator[Event]:
    decoder = MultipartDecoder(_boundary(), max_form_memory_size=2 * _CHUNK_BYTES, max_parts=_MAX_PARTS)
    try:
        yield from _decoded(decoder)
    except RequestEntityTooLarge as error:
        raise PayloadTooLarge("The form has too many parts, or the headers of a part are too large.") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise MalformedRequest("The form is malformed or has no closing boundary.") from error


def _decoded(decoder: MultipartDecoder) -> Iterator[Event]:
    while True:
        event = decoder.next_event()
        if isinstance(event, NeedData):
            decoder.receive_data(request.stream.read(_CHUNK_BYTES) or None)
            continue
        if isinstance(event, Field | File) and not isinstance(event.name, str):
            raise ValueError("a form part has no name")
        yield event
        if isinstance(event, Epilogue):
            return


def _boundary() -> bytes:
    ensure_unencoded(request)
    if request.mimetype != "multipart/form-data":
        raise UnsupportedMediaType("Send the file as `multipart/form-data`.")
    boundary = request.mimetype_params.get("boundary", "")
    if not 1 <= len(boundary) <= 70:
        raise MalformedRequest("The `Content-Type` header has no valid boundary.")
    return boundary.encode()
