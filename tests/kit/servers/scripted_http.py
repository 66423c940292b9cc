"""An HTTP server that answers as a test tells it to, for faults that no real server can be brought to."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Answer = Callable[[BaseHTTPRequestHandler], None]


def reply(body: bytes = b"", status: int = 200, **headers: str) -> Answer:
    sent = {"Content_Length": str(len(body)), "Content_Type": "application/xml", **headers}

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("Content-Length", 0)))
        request.send_response(status)
        for name, value in sent.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return answer


@contextmanager
def server_answering(**answers: Answer) -> Iterator[int]:
    """The port of a server that answers each HTTP method as told, and the others with `ANY`."""
    methods = ("HEAD", "GET", "PUT", "POST", "DELETE")
    members: dict[str, object] = {f"do_{method}": answers.get(method) or answers["ANY"] for method in methods}
    members |= {"protocol_version": "HTTP/1.1", "log_message": lambda *_: None}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (BaseHTTPRequestHandler,), members))
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        # Little is on its way, so that a slow reader is felt by the sender.
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
