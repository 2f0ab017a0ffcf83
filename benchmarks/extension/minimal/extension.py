"""The smallest extension: takes INVOKE events on one raw connection and, if configured, log records on another.

Its own cost must not count as the tool's, so it is one loop without threads. Its environment variables:

* SUBSCRIBE: `logs` or `telemetry`, to get platform and function records; empty for none.
* TIMEOUT_MS: the buffering of the subscription in milliseconds; empty for the default, which is 1000.
* REPORT_PORT: a port of 127.0.0.1 that gets a count after each batch; empty to ignore the records.
"""

from __future__ import annotations

import json
import os
import select
import socket

NAME = "minimal"
READ = 256 * 1024
"""Bytes per read."""
ADDRESS = os.environ["AWS_LAMBDA_RUNTIME_API"]
SUBSCRIBE = os.environ.get("SUBSCRIBE", "")
TIMEOUT_MS = os.environ.get("TIMEOUT_MS", "")
REPORT_PORT = os.environ.get("REPORT_PORT", "")
APIS = {"logs": ("/2020-08-15/logs", "2021-03-18"), "telemetry": ("/2022-07-01/telemetry", "2022-12-13")}
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def content_length(head: bytes) -> int:
    """Return the number of bytes that follow the head of a request or a response."""
    found = head.lower().partition(b"\r\ncontent-length:")[2]
    return int(found.partition(b"\r\n")[0] or 0)


def request(method: str, path: str, body: str = "", identity: str = "") -> bytes:
    """Return the bytes of a request to the tool."""
    lines = f"{method} {path} HTTP/1.1\r\nHost: {ADDRESS}\r\nContent-Length: {len(body)}\r\n{identity}\r\n{body}"
    return lines.encode()


class Messages:
    """Splits the bytes of a connection into messages, of which only the body matters."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.data = bytearray()
        self.end = 0
        self.body = 0

    def read(self) -> bytes | None:
        """Read once; return a body that is complete now. The next request is sent only after this one's response."""
        data = self.connection.recv(READ)
        if not data:
            raise EOFError
        self.data += data
        if not self.end:
            head = self.data.find(b"\r\n\r\n")
            if head < 0:
                return None
            self.body = head + 4
            self.end = self.body + content_length(bytes(self.data[: head + 2]))
        if len(self.data) < self.end:
            return None
        body = bytes(self.data[self.body : self.end])
        self.data.clear()
        self.end = 0
        return body

    def wait(self) -> bytes:
        """Read until a body is complete."""
        while True:
            body = self.read()
            if body is not None:
                return body


class Counter:
    """Counts lines that begin with their number, and reports the figures after each batch."""

    def __init__(self, port: int) -> None:
        self.report = socket.create_connection(("127.0.0.1", port))
        self.lines = self.out_of_order = self.dropped = self.following = 0

    def count(self, batch: bytes) -> None:
        """Count the records of a batch."""
        following, out_of_order = self.following, 0
        records = json.loads(batch)
        for record in records:
            if record["type"] == "function":
                number = int(record["record"][:9])
                out_of_order += number != following
                following = number + 1
                self.lines += 1
            elif record["type"] == "platform.logsDropped":
                self.dropped += record["record"]["droppedRecords"]
        self.following = following
        self.out_of_order += out_of_order
        self.report.sendall(b"%d %d %d\n" % (self.lines, self.out_of_order, self.dropped))


def register(api: socket.socket, answers: Messages) -> str:
    """Register for INVOKE; return the header that identifies the extension from now on."""
    name = f"Lambda-Extension-Name: {NAME}\r\n"
    api.sendall(request("POST", "/2020-01-01/extension/register", json.dumps({"events": ["INVOKE"]}), name))
    head = b""
    while b"\r\n\r\n" not in head:  # only peeked at: `answers` reads it
        head = api.recv(READ, socket.MSG_PEEK)
    answers.wait()
    identifier = head.lower().partition(b"lambda-extension-identifier:")[2].partition(b"\r\n")[0].strip()
    return f"Lambda-Extension-Identifier: {identifier.decode()}\r\n"


def listen() -> tuple[socket.socket, str]:
    """Return a listener for log records, and its host: the environment's own, or loopback without a sandbox."""
    try:
        return socket.create_server(("sandbox.localdomain", 0)), "sandbox.localdomain"
    except socket.gaierror:
        return socket.create_server(("127.0.0.1", 0)), "127.0.0.1"


def main() -> None:
    """Register, subscribe, and serve events and records until killed."""
    host, _, port = ADDRESS.partition(":")
    api = socket.create_connection((host, int(port)))
    api.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    answers = Messages(api)
    identity = register(api, answers)
    poll = select.poll()
    counter = Counter(int(REPORT_PORT)) if REPORT_PORT else None
    listener: socket.socket | None = None
    batches: dict[int, Messages] = {}
    if SUBSCRIBE:
        listener, name = listen()
        poll.register(listener, select.POLLIN)
        path, schema = APIS[SUBSCRIBE]
        subscription = {
            "schemaVersion": schema,
            "types": ["platform", "function"],
            "buffering": {"timeoutMs": int(TIMEOUT_MS)} if TIMEOUT_MS else {},
            "destination": {"protocol": "HTTP", "URI": f"http://{name}:{listener.getsockname()[1]}"},
        }
        api.sendall(request("PUT", path, json.dumps(subscription), identity))
        answer = answers.wait()
        if answer.strip() != b'"OK"':
            raise SystemExit(answer.decode())
    next_event = request("GET", "/2020-01-01/extension/event/next", identity=identity)
    api.sendall(next_event)
    poll.register(api, select.POLLIN)
    events = api.fileno()
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == events:
                if answers.read() is not None:
                    api.sendall(next_event)
            elif descriptor in batches:
                try:
                    batch = batches[descriptor].read()
                except (EOFError, OSError):
                    poll.unregister(descriptor)
                    batches.pop(descriptor).connection.close()
                    continue
                if batch is not None:
                    batches[descriptor].connection.sendall(OK)
                    if counter is not None:
                        counter.count(batch)
            elif listener is not None:
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                batches[connection.fileno()] = Messages(connection)
                poll.register(connection, select.POLLIN)


if __name__ == "__main__":
    try:
        main()
    except EOFError:  # the environment ends
        pass
