"""What can be done with files; the only door for neighbours and tasks."""

from project.blueprints.files.service.downloads import get_file, list_files, open_content, open_thumbnail
from project.blueprints.files.service.renaming import rename
from project.blueprints.files.service.thumbnails import give_up_thumbnails, make_thumbnails
from project.blueprints.files.service.trash import discard, sweep
from project.blueprints.files.service.uploads import receive_upload, store

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
