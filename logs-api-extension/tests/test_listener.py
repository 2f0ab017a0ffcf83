"""The HTTP server, without the rest of the extension."""

import socket
import urllib.request
from typing import Any, Iterator

import listener
import pytest


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[listener.Listener]:
    """A listener at the machine's own address."""
    monkeypatch.setattr(listener.socket, "gethostbyname", lambda _: "127.0.0.1")
    with listener.Listener() as opened:
        yield opened
        opened.shutdown()


def test_address_when_the_name_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """It listens where sandbox.localdomain leads to, and is subscribed under that name, as Lambda demands."""
    monkeypatch.setattr(listener.socket, "gethostbyname", {"sandbox.localdomain": "127.0.0.1"}.__getitem__)
    with listener.Listener() as opened:
        assert opened.uri == f"http://sandbox.localdomain:{opened.server_address[1]}"
        opened.shutdown()


def test_address_when_the_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of a sandbox it is the machine's own address, under that one."""

    def unknown(_: str) -> Any:
        raise socket.gaierror("Name or service not known")

    monkeypatch.setattr(listener.socket, "gethostbyname", unknown)
    with listener.Listener() as opened:
        assert opened.uri == f"http://127.0.0.1:{opened.server_address[1]}"
        opened.shutdown()


def test_port_when_there_are_two(server: listener.Listener) -> None:
    """Each has its own, and never the one that belongs to Lambda."""
    with listener.Listener() as second:
        assert len({server.server_address[1], second.server_address[1], 9001}) == 3
        second.shutdown()


def test_batches_when_sent_over_one_connection(server: listener.Listener) -> None:
    """Each is answered with 200 and kept as it came, in order."""
    with socket.create_connection(server.server_address) as connection:
        answers = connection.makefile("rb")
        for number in (b"1", b"2"):
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n[" + number + b"]")
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            while answers.readline() != b"\r\n":
                pass
        answers.close()
    assert [server.batches.get(timeout=5) for _ in range(2)] == [b"[1]", b"[2]"]


def test_output_when_a_batch_comes(server: listener.Listener, capfd: Any) -> None:
    """The server itself writes nothing: that would be a new record for each batch."""
    with urllib.request.urlopen(f"http://127.0.0.1:{server.server_address[1]}", b"[]", timeout=5) as response:
        assert response.status == 200
    assert capfd.readouterr() == ("", "")


def test_batch_when_the_connection_breaks(server: listener.Listener) -> None:
    """A part of a batch is not kept, because without a response the whole comes again."""
    with socket.create_connection(server.server_address) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n[1")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(100) == b""
    assert server.batches.empty()
