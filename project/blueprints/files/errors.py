"""What files refuse."""

from project.errors import TooLarge, Unprocessable, Unsupported


class FileTooLarge(TooLarge):
    """The file is larger than this service takes."""

    code = "file-too-large"
    title = "File too large"
    remedy = "Send a smaller file."


class FileTypeNotAllowed(Unsupported):
    """The bytes are of a type that is not taken, whatever the name or the header says."""

    code = "file-type-not-allowed"
    title = "File type not allowed"
    remedy = "Send a file of an allowed type, such as a JPEG, a PDF or plain text."


class ChecksumMismatch(Unprocessable):
    """The bytes that arrived do not have the SHA-256 that came with them."""

    code = "checksum-mismatch"
    title = "Checksum mismatch"
    remedy = "Send the file again."
