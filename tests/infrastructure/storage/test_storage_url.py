"""Parsing of storage URLs."""

from pathlib import Path

import pytest

from project.infrastructure.storage import open_storage
from project.infrastructure.storage.local import LocalStorage
from project.infrastructure.storage.s3 import S3Storage
from project.infrastructure.storage.url import Bucket, parse_bucket, parse_directory

SECRET = "tops3cret"


def test_file_url_is_parsed_into_folder_path() -> None:
    assert parse_directory("file:///srv/my%20files") == Path("/srv/my files")


def test_all_parts_of_s3_url_are_parsed() -> None:
    bucket = parse_bucket("s3://k%2Fey:s%2Fe%2Bc%40r+t@store.example:9000/files?secure=false&region=eu-west-1")
    assert bucket == Bucket("files", "store.example:9000", "k/ey", "s/e+c@r+t", secure=False, region="eu-west-1")


def test_s3_connection_is_secure_by_default() -> None:
    assert parse_bucket("s3://k:s@store.example/files") == Bucket(
        "files", "store.example", "k", "s", secure=True, region=None
    )


def test_open_storage_selects_implementation_by_url_scheme_without_connecting() -> None:
    assert isinstance(open_storage("file:///nowhere/yet"), LocalStorage)
    assert isinstance(open_storage(f"s3://k:{SECRET}@[::1]:1/files"), S3Storage)


def test_repr_of_bucket_hides_secret() -> None:
    assert SECRET not in repr(parse_bucket(f"s3://k:{SECRET}@store.example/files"))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/srv/files",
        "http://store.example/files",
        "file://relative/folder",
        "file:///",
        "file:relative",
        "file:///srv/files?x=1",
        "file:///srv/files#x",
        "file:///srv/%00",
        "s3://store.example/files",
        f"s3://:{SECRET}@store.example/files",
        "s3://k@store.example/files",
        f"s3://k:{SECRET}@/files",
        f"s3://k:{SECRET}@store.example",
        f"s3://k:{SECRET}@store.example/",
        f"s3://k:{SECRET}@store.example/files/below",
        f"s3://k:{SECRET}@store.example/UPPER",
        f"s3://k:{SECRET}@store.example/a..b",
        f"s3://k:{SECRET}@store.example/192.168.0.1",
        f"s3://k:{SECRET}@store.example:port/files",
        f"s3://k:{SECRET}@store.example:99999/files",
        f"s3://k:{SECRET}@store.example:0/files",
        f"s3://k:{SECRET}@st_ore!.example/files",
        f"s3://k:{SECRET}@store.example/files?secure=yes",
        f"s3://k:{SECRET}@store.example/files?secure=",
        f"s3://k:{SECRET}@store.example/files?region=",
        f"s3://k:{SECRET}@store.example/files?region=a%20b",
        f"s3://k:{SECRET}@store.example/files?other=1",
        f"s3://k:{SECRET}@store.example/files?secure",
        f"s3://k:{SECRET}/with/slash@store.example/files",
        f"s3://k:{SECRET}#hash@store.example/files",
        f"s3://k:{SECRET}@[::1/files",
        f"s3://k:{SECRET}\u2100@store.example/files",
    ],
)
def test_error_for_invalid_url_is_one_line_and_does_not_contain_secret(url: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as raised:
        open_storage(url)
    assert SECRET not in str(raised.value)
    assert raised.value.__suppress_context__ or raised.value.__context__ is None
