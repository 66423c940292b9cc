"""The fault proxy: each fault has a distinct effect on clients."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.kit.faults.proxy import FaultProxy, fault_proxy
from tests.kit.servers.process import eventually


@pytest.fixture
def received() -> bytearray:
    """The bytes that the server has received."""
    return bytearray()


@pytest.fixture
def proxy(received: bytearray) -> Iterator[FaultProxy]:
    """A proxy in front of an echo server that sends `bye` when the client closes its side."""
    with socket.create_server(("127.0.0.1", 0)) as listener, fault_proxy(listener.getsockname()[1]) as proxy:
        threading.Thread(target=_serve, args=[listener, received], daemon=True).start()
        yield proxy


def _serve(listener: socket.socket, received: bytearray) -> None:
    while True:
        try:
            connection, _address = listener.accept()
        except OSError:
            return
        threading.Thread(target=_echo, args=[connection, received], daemon=True).start()


def _echo(connection: socket.socket, received: bytearray) -> None:
    with connection:
        try:
            while data := connection.recv(1000):
                received.extend(data)
                connection.sendall(data)
            connection.sendall(b"bye")
        except OSError:
            return


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    """A connection over which data has already been sent."""
    with connect(proxy) as client:
        assert echo(client, b"before") == b"before"
        yield client


def connect(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=1)


def echo(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    return client.recv(1000)


def read_to_end(client: socket.socket) -> bytes:
    return b"".join(iter(lambda: client.recv(1000), b""))


def test_proxy_without_faults_forwards_data_and_end_of_stream(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)
    assert read_to_end(client) == b"bye"


def test_shutdown_resets_open_connections_and_rejects_new_ones(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.shut_down()
    with pytest.raises(ConnectionResetError):
        client.recv(1000)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)


def test_stalled_proxy_forwards_nothing_on_open_or_new_connections(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.stall()
    with connect(proxy) as another:
        for each in (client, another):
            with pytest.raises(TimeoutError):
                echo(each, b"anyone?")


def test_data_withheld_by_stalled_proxy_is_delivered_after_proxy_is_healed(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.stall()
    client.sendall(b"late")
    proxy.heal()
    assert client.recv(1000) == b"late"


def test_delay_applies_in_both_directions(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.delay(0.2)
    started = time.monotonic()
    assert echo(client, b"slow") == b"slow"
    assert time.monotonic() - started >= 0.4


def test_connection_is_reset_after_given_number_of_bytes_from_server(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.reset_after(4, "server")
    assert echo(client, b"seven letters") == b"seve"
    with pytest.raises(ConnectionResetError):
        client.recv(1000)


def test_connection_is_reset_after_given_number_of_bytes_from_client(
    proxy: FaultProxy, client: socket.socket, received: bytearray
) -> None:
    proxy.reset_after(4, "client")
    client.sendall(b"seven letters")
    with pytest.raises(ConnectionResetError):
        list(iter(lambda: client.recv(1000), b""))
    assert received == b"beforeseve"


def test_bytes_sent_before_limit_is_set_do_not_count_toward_the_limit(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.reset_after(6, "client")
    assert echo(client, b"three") == b"three"
    proxy.reset_after(6, "client")
    assert echo(client, b"three") == b"three"


def test_half_closed_connection_still_delivers_data_from_client(
    proxy: FaultProxy, client: socket.socket, received: bytearray
) -> None:
    proxy.half_close()
    assert client.recv(1000) == b""
    client.sendall(b" and after")
    eventually(lambda: received == b"before and after")


def test_reset_connections_affects_only_open_connections(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.reset_connections()
    with pytest.raises(ConnectionResetError):
        client.recv(1000)
    with connect(proxy) as another:
        assert echo(another, b"new") == b"new"


@pytest.mark.parametrize("fault", ["shut_down", "stall", "half_close", "reset_connections"])
def test_new_connections_work_after_proxy_is_healed(proxy: FaultProxy, fault: str) -> None:
    getattr(proxy, fault)()
    proxy.heal()
    with connect(proxy) as client:
        assert echo(client, b"well") == b"well"
