"""The client that measures every candidate: blocking keep-alive sockets; every response is checked."""

from __future__ import annotations

import contextlib
import select
import socket
import time

import httptools

TIMEOUT = 60.0
"""Seconds without data after which an invocation counts as failed."""
READ = 64 * 1024
"""Bytes per read. The allocator would map and unmap a larger buffer at each read, which costs 40 µs."""


class WrongAnswer(Exception):
    """The response does not have status 200, is a function error, or is not the event."""


class Connection:
    """A keep-alive connection to the Invoke API of 127.0.0.1:`port` that invokes `function`."""

    def __init__(self, port: int, function: str = "function") -> None:
        self.port = port
        self.path = f"/2015-03-31/functions/{function}/invocations"
        self.open()

    def open(self) -> None:
        """Connect. Raises OSError if the connection is refused."""
        self.socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def reopen(self) -> None:
        """Connect again; if that is refused, the next invocation fails."""
        self.close()
        with contextlib.suppress(OSError):
            self.open()

    def request(self, event: bytes) -> bytes:
        """Return the bytes that invoke the function with `event`."""
        head = f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nContent-Type: application/json\r\n"
        return b"%bContent-Length: %d\r\n\r\n%b" % (head.encode(), len(event), event)

    def invoke(self, request: bytes, event: bytes) -> None:
        """Send a prepared request and wait for its response. Raises WrongAnswer or OSError."""
        self.send(request, event)
        while not self.receive():
            pass

    def send(self, request: bytes, event: bytes) -> None:
        """Send a prepared request and prepare for its response. Raises OSError."""
        self.event = event
        self.chunks: list[bytes] = []
        self.function_error = b""
        self.complete = False
        self.parser = httptools.HttpResponseParser(self)
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Read once. Return True once the response is complete and correct. Raises WrongAnswer or OSError."""
        data = self.socket.recv(READ)
        if not data:
            raise ConnectionResetError("connection closed without a response")
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise WrongAnswer(f"not HTTP: {error}") from error
        if not self.complete:
            return False
        status, body = self.parser.get_status_code(), b"".join(self.chunks)
        if status != 200 or self.function_error or body != self.event:
            raise WrongAnswer(f"{status} {self.function_error.decode()} {body[:200].decode(errors='replace')}")
        return True

    def on_header(self, name: bytes, value: bytes) -> None:  # called by the parser, like the next two
        if name.lower() == b"x-amz-function-error":
            self.function_error = value

    def on_body(self, body: bytes) -> None:
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        self.complete = True


def latencies(connection: Connection, event: bytes, count: int) -> list[float]:
    """Invoke `count` times one after another; return each duration in seconds."""
    request = connection.request(event)
    durations = []
    for _ in range(count):
        begin = time.perf_counter()
        connection.invoke(request, event)
        durations.append(time.perf_counter() - begin)
    return durations


def load(port: int, function: str, event: bytes, clients: int, count: int) -> tuple[float, int]:
    """Invoke `count` times from `clients` connections; each sends its next request after the last response.

    Returns correct responses per second, and how many invocations failed. A failed connection is opened again.
    """
    connections: dict[int, Connection] = {}
    poll = select.epoll()

    def add() -> Connection:
        connection = Connection(port, function)
        connections[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
        return connection

    sent = right = wrong = 0
    begin = time.perf_counter()
    try:
        request = add().request(event)
        while len(connections) < clients:
            add()
        for connection in connections.values():
            connection.send(request, event)
            sent += 1
        while right + wrong < count:
            ready = poll.poll(TIMEOUT)
            if not ready:
                break
            for descriptor, _ in ready:
                connection = connections[descriptor]
                try:
                    if not connection.receive():
                        continue
                    right += 1
                except WrongAnswer:
                    wrong += 1
                except OSError:
                    wrong += 1
                    del connections[descriptor]
                    connection.close()
                    connection = add()
                if sent < count:
                    connection.send(request, event)
                    sent += 1
    except OSError:
        pass  # the connection is lost: missing responses count as failed
    finally:
        seconds = time.perf_counter() - begin
        poll.close()
        for connection in connections.values():
            connection.close()
    return right / seconds, count - right
