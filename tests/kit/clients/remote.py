"""A client for servers in other processes, for use by `Api`, and a function that sends requests concurrently."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Barrier
from typing import Any

import urllib3
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response


class Remote:
    """A client with the interface of Flask's test client that sends requests to each of `urls` in turn."""

    def __init__(self, *urls: str) -> None:
        self._urls = cycle(urls)
        self._http = urllib3.PoolManager(maxsize=64, retries=False, timeout=30)

    def open(self, path: str, *, buffered: bool = True, **options: Any) -> Response:
        """Send a request and return the complete response."""
        assert buffered
        url = next(self._urls)
        request = EnvironBuilder(path, base_url=url, **options).get_request()
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        response = self._http.request(request.method, f"{url}{path}", body=request.get_data(), headers=headers)
        return Response(response.data, response.status, dict(response.headers))


def run_concurrently(actions: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all actions at the same moment, each in its own thread; return their results in order."""
    barrier = Barrier(len(actions))

    def run(number: int) -> Any:
        barrier.wait()
        return actions[number]()

    with ThreadPoolExecutor(len(actions)) as pool:
        return list(pool.map(run, range(len(actions))))
