"""What can be done with files; the only door for neighbours and tasks."""

from project.blueprints.files.service.discarding import discard, sweep
from project.blueprints.files.service.reading import get_file, list_files, open_content, open_thumbnail
from project.blueprints.files.service.renaming import rename
from project.blueprints.files.service.rendering import give_up_thumbnails, make_thumbnails
from project.blueprints.files.service.uploading import receive_upload, store

__all__ = [
    "discard",
    "get_file",
    "give_up_thumbnails",
    "list_files",
    "make_thumbnails",
    "open_content",
    "open_thumbnail",
    "receive_upload",
    "rename",
    "store",
    "sweep",
]
