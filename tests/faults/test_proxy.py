"""The proxy itself: each fault is one that a client can tell from the others."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.kit.faults.proxy import FaultProxy, fault_proxy
from tests.kit.servers.process import eventually


@pytest.fixture
def heard() -> bytearray:
    """All that the server was told."""
    return bytearray()


@pytest.fixture
def proxy(heard: bytearray) -> Iterator[FaultProxy]:
    """A proxy before a server that repeats what it is told, until it is told no more, and then says `bye`."""
    with socket.create_server(("127.0.0.1", 0)) as listener, fault_proxy(listener.getsockname()[1]) as proxy:
        threading.Thread(target=_repeat_each, args=[listener, heard], daemon=True).start()
        yield proxy


def _repeat_each(listener: socket.socket, heard: bytearray) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=_repeat, args=[connection, heard], daemon=True).start()


def _repeat(connection: socket.socket, heard: bytearray) -> None:
    with connection:
        try:
            while told := connection.recv(1000):
                heard.extend(told)
                connection.sendall(told)
            connection.sendall(b"bye")
        except OSError:
            return


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    """A connection that has been used before."""
    with connected(proxy) as client:
        assert said(client, b"before") == b"before"
        yield client


def connected(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=1)


def said(client: socket.socket, words: bytes) -> bytes:
    client.sendall(words)
    return client.recv(1000)


def rest(client: socket.socket) -> bytes:
    """All that still comes before the end."""
    return b"".join(iter(lambda: client.recv(1000), b""))


def test_without_a_fault_it_passes_on_everything_both_ends_included(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)
    assert rest(client) == b"bye"


def test_refusing_resets_what_is_open_and_takes_nothing_new(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        client.recv(1000)
    with pytest.raises(ConnectionRefusedError):
        connected(proxy)


def test_swallowing_leaves_old_and_new_connections_without_an_answer(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.swallow()
    with connected(proxy) as another:
        for each in (client, another):
            with pytest.raises(TimeoutError):
                said(each, b"anyone?")


def test_what_was_swallowed_arrives_when_it_heals(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.swallow()
    client.sendall(b"late")
    proxy.heal()
    assert client.recv(1000) == b"late"


def test_a_delay_counts_for_each_direction(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.delay(0.2)
    began = time.monotonic()
    assert said(client, b"slow") == b"slow"
    assert time.monotonic() - began >= 0.4


def test_the_server_is_cut_off_after_so_many_bytes(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.reset_after(4, "server")
    assert said(client, b"seven letters") == b"seve"
    with pytest.raises(ConnectionResetError):
        client.recv(1000)


def test_the_client_is_cut_off_after_so_many_bytes(proxy: FaultProxy, client: socket.socket, heard: bytearray) -> None:
    proxy.reset_after(4, "client")
    client.sendall(b"seven letters")
    with pytest.raises(ConnectionResetError):
        list(iter(lambda: client.recv(1000), b""))
    assert heard == b"beforeseve"


def test_a_limit_counts_from_the_moment_it_is_set(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.reset_after(6, "client")
    assert said(client, b"three") == b"three"
    proxy.reset_after(6, "client")
    assert said(client, b"three") == b"three"


def test_a_half_closed_connection_still_takes_what_is_sent(
    proxy: FaultProxy, client: socket.socket, heard: bytearray
) -> None:
    proxy.half_close()
    assert client.recv(1000) == b""
    client.sendall(b" and after")
    eventually(lambda: heard == b"before and after")


def test_a_cut_ends_what_is_open_and_serves_what_is_new(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        client.recv(1000)
    with connected(proxy) as another:
        assert said(another, b"new") == b"new"


@pytest.mark.parametrize("fault", ["refuse", "swallow", "half_close", "cut"])
def test_a_new_connection_is_well_after_each_fault(proxy: FaultProxy, fault: str) -> None:
    getattr(proxy, fault)()
    proxy.heal()
    with connected(proxy) as client:
        assert said(client, b"well") == b"well"
