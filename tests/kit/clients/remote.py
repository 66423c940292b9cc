"""A client of servers that run elsewhere, for `Api`, and many requests at the same moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Barrier
from typing import Any

import urllib3
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response


class Remote:
    """Takes requests in the way of Flask's test client, and sends them to each of `urls` in turn."""

    def __init__(self, *urls: str) -> None:
        self._urls = cycle(urls)
        self._http = urllib3.PoolManager(maxsize=64, retries=False, timeout=30)

    def open(self, path: str, *, buffered: bool = True, **options: Any) -> Response:
        """The answer, whole."""
        assert buffered
        url = next(self._urls)
        request = EnvironBuilder(path, base_url=url, **options).get_request()
        sent = {name: value for name, value in request.headers.items() if name != "Host"}
        answer = self._http.request(request.method, f"{url}{path}", body=request.get_data(), headers=sent)
        return Response(answer.data, answer.status, dict(answer.headers))


def run_concurrently(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each act returns; they are begun at the same moment."""
    barrier = Barrier(len(acts))

    def act(number: int) -> Any:
        barrier.wait()
        return acts[number]()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(act, range(len(acts))))
