"""Modules that override library internals have been reviewed against the installed version of each library.

The overrides of `smtplib` and `http.client` are not listed, since the source of these modules differs between Python
versions. Instead, `tests/infrastructure/mail/test_smtp.py` and `tests/infrastructure/storage/test_s3.py` test their
effect.
"""

import inspect
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import version
from pkgutil import resolve_name

import pytest


@dataclass(frozen=True)
class Review:
    """The reviewed version of a library, and the hashes of the members that `module` overrides or depends on."""

    module: str
    library: str
    version: str
    members: dict[str, str]


REVIEWS = [
    Review(
        "project/http/auth/access_tokens.py",
        "flask-jwt-extended",
        "4.7.4",
        {
            "flask_jwt_extended:create_access_token": "0d9762d923b7",
            "flask_jwt_extended:JWTManager._encode_jwt_from_config": "bbbe098f9e3f",
            "flask_jwt_extended:JWTManager._set_error_handler_callbacks": "0b076435b786",
        },
    ),
    Review(
        "project/server/worker.py",
        "gunicorn",
        "27.0.1",
        {
            "gunicorn.workers.base:Worker.handle_error": "75426448389b",
            "gunicorn.workers.gthread:TConn": "e3a2878ba952",
            "gunicorn.workers.gthread:ThreadWorker.__init__": "5681b8b542ea",
            "gunicorn.workers.gthread:ThreadWorker.run": "f92c7394d857",
            "gunicorn.workers.gthread:ThreadWorker.accept": "f8dcead3dce5",
            "gunicorn.workers.gthread:ThreadWorker.enqueue_req": "c9f428953d24",
            "gunicorn.workers.gthread:ThreadWorker.on_pending_socket_readable": "2475f7087832",
            "gunicorn.workers.gthread:ThreadWorker.murder_pending": "7bf11f464542",
            "gunicorn.workers.gthread:ThreadWorker._cap_keepalive": "745c8ac37108",
            "gunicorn.workers.gthread:ThreadWorker.finish_request": "616e7bb15a00",
            "gunicorn.workers.gthread:ThreadWorker.handle": "ca85c9be3df7",
            "gunicorn.workers.gthread:ThreadWorker.handle_request": "6d0de5b91910",
        },
    ),
    Review(
        "project/server/parser.py",
        "gunicorn",
        "27.0.1",
        {
            "gunicorn.http.unreader:Unreader": "84aaa8f91fcd",
            "gunicorn.http.unreader:SocketUnreader": "786a257be09e",
            "gunicorn.http.parser:Parser": "3a9c06e348c7",
            "gunicorn.http.message:Message.should_close": "37c454bfb3e3",
            "gunicorn.http.message:Request.__init__": "f1feb7cdea22",
        },
    ),
    Review(
        "project/infrastructure/database/postgresql.py",
        "psycopg",
        "3.3.9",
        {
            "psycopg:Connection.connect": "5d29b44e534d",
            "psycopg:Connection.wait": "602ce5e47fca",
            "psycopg:Connection._connect_gen": "e1a252ae464e",
        },
    ),
    Review(
        "project/infrastructure/storage/s3_http.py",
        "urllib3",
        "2.8.0",
        {
            "urllib3:HTTPConnectionPool._make_request": "34d8501e40be",
            "urllib3:PoolManager._new_pool": "6b5c00b2084b",
            "urllib3.connection:HTTPConnection.getresponse": "b00fb0a4b235",
        },
    ),
    Review(
        "project/infrastructure/metrics.py",
        "prometheus-client",
        "0.26.0",
        {"prometheus_client.multiprocess:MultiProcessCollector.collect": "86fc50ce2593"},
    ),
    Review(
        "project/cli/run.py",
        "honcho",
        "2.0.0",
        {"honcho.manager:Manager": "00814341129e"},
    ),
    Review(
        "worker/filesystem_broker.py",
        "kombu",
        "5.7.0",
        {
            "kombu.transport.filesystem:Channel.get_table": "347cc4c7c0dd",
            "kombu.transport.filesystem:Channel._get": "ecaf5682c3d5",
            "kombu.transport.filesystem:Channel._put": "a88e2ceb3927",
            "kombu.transport.filesystem:Channel._queue_bind": "ba07d374c2f0",
        },
    ),
    Review(
        "worker/request.py",
        "kombu",
        "5.7.0",
        {"kombu.message:Message.ack_log_error": "92c852ddae29"},
    ),
    Review(
        "worker/request.py",
        "celery",
        "5.7.0",
        {
            "celery.worker.request:Request.__init__": "efdf47149cde",
            "celery.worker.request:Request.acknowledge": "60dad9ce9c39",
        },
    ),
    Review(
        "worker/task_limits.py",
        "celery",
        "5.7.0",
        {"celery.worker.request:Request.on_accepted": "7bd097a863da"},
    ),
]


@pytest.mark.parametrize("review", REVIEWS, ids=lambda review: f"{review.module}-{review.library}")
def test_module_was_reviewed_against_installed_library(review: Review) -> None:
    installed = (version(review.library), {member: source_hash(member) for member in review.members})
    assert installed == (review.version, review.members), (
        f"{review.library} has changed. Review the changes to these members, adapt {review.module} "
        "if necessary, then record the new version and hashes."
    )


def source_hash(member: str) -> str:
    return sha256(inspect.getsource(resolve_name(member)).encode()).hexdigest()[:12]
