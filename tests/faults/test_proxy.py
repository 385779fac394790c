"""The proxy does to bytes what its weather says, and nothing else."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.faults.proxy import Proxy
from tests.system.plant import until

CHUNK = b"0123456789" * 100


@pytest.fixture
def echo() -> Iterator[int]:
    """Give the port of a server that sends back what it gets."""
    server = socket.create_server(("127.0.0.1", 0))

    def answer(peer: socket.socket) -> None:
        with peer:
            try:
                while got := peer.recv(65_536):
                    peer.sendall(got)
            except OSError:
                return

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(peer,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield int(server.getsockname()[1])
    server.close()


@pytest.fixture
def proxy(echo: int) -> Iterator[Proxy]:
    proxy = Proxy(echo, seed=1)
    proxy.start()
    yield proxy
    proxy.end()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as client:
        assert answered(client) == CHUNK
        yield client


def answered(client: socket.socket) -> bytes:
    client.sendall(CHUNK)
    return received(client, len(CHUNK))


def received(client: socket.socket, size: int) -> bytes:
    """Return what comes, up to a size, or up to the end of the connection."""
    got = b""
    while len(got) < size:
        try:
            more = client.recv(size - len(got))
        except ConnectionResetError:
            break
        if not more:
            break
        got += more
    return got


def test_a_slow_network_keeps_every_chunk_for_its_time(proxy: Proxy, client: socket.socket) -> None:
    proxy.weather.latency_s = 3_600
    client.sendall(CHUNK)
    client.settimeout(0.3)

    with pytest.raises(TimeoutError):
        client.recv(1)


@pytest.mark.parametrize("direction", ["is_up_stalled", "is_down_stalled"])
def test_what_stalls_one_way_arrives_when_it_clears(proxy: Proxy, client: socket.socket, direction: str) -> None:
    setattr(proxy.weather, direction, True)
    client.sendall(CHUNK)
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.settimeout(60)
    proxy.weather.clear()

    assert received(client, len(CHUNK)) == CHUNK


def test_a_cut_ends_a_connection_in_the_middle_of_a_chunk(proxy: Proxy, client: socket.socket) -> None:
    proxy.cut()
    client.sendall(CHUNK)
    got = received(client, 2 * len(CHUNK))

    assert len(got) < len(CHUNK)
    assert proxy.faults == 1


def test_a_reset_ends_every_connection_and_new_ones_are_refused_until_it_clears(
    proxy: Proxy, client: socket.socket
) -> None:
    proxy.weather.is_refusing = True
    proxy.reset()

    assert received(client, 1) == b""
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as refused:
        assert received(refused, 1) == b""
    proxy.weather.clear()
    until(lambda: _is_answered(proxy), "an answer")


def _is_answered(proxy: Proxy) -> bool:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=60) as client:
        try:
            return answered(client) == CHUNK
        except OSError:
            return False
