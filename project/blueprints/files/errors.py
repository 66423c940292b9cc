"""Errors raised by the files blueprint."""

from project.errors import TooLarge, Unprocessable, Unsupported


class FileTooLarge(TooLarge):
    """The file exceeds the maximum size."""

    code = "file-too-large"
    title = "File too large"
    remedy = "Upload a smaller file."


class FileTypeNotAllowed(Unsupported):
    """This file type is not allowed. The type is detected from the content."""

    code = "file-type-not-allowed"
    title = "File type not allowed"
    remedy = "Upload a file of an allowed type, such as JPEG, PDF or plain text."


class ChecksumMismatch(Unprocessable):
    """The uploaded content does not match the given SHA-256 checksum."""

    code = "checksum-mismatch"
    title = "Checksum mismatch"
    remedy = "Upload the file again."
