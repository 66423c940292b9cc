"""Uploading, listing, renaming, downloading and deleting files: the public interface of the blueprint."""

from project.blueprints.files.service.downloads import open_content, open_thumbnail
from project.blueprints.files.service.metadata import get_file, list_files, update_file
from project.blueprints.files.service.thumbnails import add_thumbnails, make_thumbnails, mark_thumbnails_failed
from project.blueprints.files.service.trash import purge_files, trash_file, trash_personal_files
from project.blueprints.files.service.uploads import UploadOptions, receive_upload, store_upload

__all__ = [
    "UploadOptions",
    "add_thumbnails",
    "get_file",
    "list_files",
    "make_thumbnails",
    "mark_thumbnails_failed",
    "open_content",
    "open_thumbnail",
    "purge_files",
    "receive_upload",
    "store_upload",
    "trash_file",
    "trash_personal_files",
    "update_file",
]
