"""An HTTP server with scripted responses, for faults that a real server cannot be made to produce."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Handler = Callable[[BaseHTTPRequestHandler], None]


def reply(body: bytes = b"", status: int = 200, **headers: str) -> Handler:
    """Return a handler that reads the request and sends the given response. In header keywords, use `_` for `-`."""
    all_headers = {"Content_Length": str(len(body)), "Content_Type": "application/xml", **headers}

    def respond(request: BaseHTTPRequestHandler) -> None:
        request.rfile.read(int(request.headers.get("Content-Length", 0)))
        request.send_response(status)
        for name, value in all_headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.end_headers()
        request.wfile.write(body)

    return respond


@contextmanager
def scripted_server(**handlers: Handler) -> Iterator[int]:
    """Run a server with one handler per HTTP method, where `ANY` handles all other methods; yield its port."""
    methods = ("HEAD", "GET", "PUT", "POST", "DELETE")
    members: dict[str, object] = {f"do_{method}": handlers.get(method) or handlers["ANY"] for method in methods}
    members |= {"protocol_version": "HTTP/1.1", "log_message": lambda *_: None}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (BaseHTTPRequestHandler,), members))
    server.daemon_threads = True
    Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    try:
        # Use a small receive buffer, so that the sender notices a slow reader.
        server.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
