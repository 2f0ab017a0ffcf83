"""The floor: the smallest server that `awslambdaric` and a caller can talk to. It is a baseline, not a tool.

It serves three requests: the caller's invoke, and the runtime's next and response (Runtime API 2018-06-01). It has no
events, log lines, deadlines or checks. Everything that a real execution environment does comes on top of this.

    python -m benchmarks.floor --port PORT [--environments N] -- COMMAND...   N runtimes, each with its own socket
    python -m benchmarks.floor --port PORT --runtime-port PORT                the runtime is started by hand

Every choice was measured and the fastest was kept: uvloop; requests parsed by hand (a request has a Content-Length body
or none, and the next one comes after its response: true for awslambdaric's client and for `client.py`); one write for a
small response; large bodies passed on in the pieces they arrived in; the response to the caller sent before that to the
runtime, because the caller is waiting.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
from collections import deque
from typing import cast

EVENT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    b"Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n"
    b"Lambda-Runtime-Deadline-Ms: 4102444800000\r\n"
    b"Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:function\r\n"
)
ACCEPTED = b'HTTP/1.1 202 Accepted\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n{"status":"OK"}\n'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
FUNCTION_ERROR = ANSWER + b"X-Amz-Function-Error: Unhandled\r\n"


class Connection(asyncio.Protocol):
    """One keep-alive connection: assembles requests and responds to them in order."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.head = b""
        self.body: list[bytes] = []
        self.missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self.missing:
            self.body.append(data)
            self.missing -= len(data)
        else:
            self.head += data
            end = self.head.find(b"\r\n\r\n") + 4
            if end == 3:
                return
            rest = self.head[end:]
            self.body = [rest] if rest else []
            if not self.head.startswith(b"GET"):
                name = self.head[:end].lower().find(b"content-length:")
                self.missing = int(self.head[name + 15 : self.head.find(b"\r", name)]) - len(rest)
        if not self.missing:
            head, self.head = self.head, b""
            self.received(head, self.body)

    def received(self, head: bytes, body: list[bytes]) -> None:
        """Handle a complete request: its head (which may include the first piece of the body) and its body as read."""
        raise NotImplementedError

    def send(self, headers: bytes, body: list[bytes]) -> None:
        """Send a response."""
        if len(body) == 1:
            self.transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (headers, len(body[0]), body[0]))
        else:
            self.transport.write(b"%bContent-Length: %d\r\n\r\n" % (headers, sum(map(len, body))))
            self.transport.writelines(body)


class Caller(Connection):
    """A client of the Invoke API; it waits for one response at a time."""

    def received(self, head: bytes, body: list[bytes]) -> None:
        if idle:
            idle.popleft().invoke(self, body)
        else:
            waiting.append((self, body))


class Runtime(Connection):
    """A function's runtime: idle, or working for one caller."""

    caller: Caller | None = None

    def received(self, head: bytes, body: list[bytes]) -> None:
        if head.startswith(b"GET"):
            if waiting:
                self.invoke(*waiting.popleft())
            else:
                idle.append(self)
            return
        if self.caller:  # None if the runtime failed to start
            failed = b"/error HTTP/1.1\r\n" in head[:150]
            self.caller.send(FUNCTION_ERROR if failed else ANSWER, body)
            self.caller = None
        self.transport.write(ACCEPTED)

    def invoke(self, caller: Caller, event: list[bytes]) -> None:
        """Respond to the pending next with the event."""
        self.caller = caller
        self.send(EVENT, event)

    def connection_lost(self, error: Exception | None) -> None:
        if self in idle:
            idle.remove(self)
        if self.caller:
            self.caller.transport.abort()


idle: deque[Runtime] = deque()
waiting: deque[tuple[Caller, list[bytes]]] = deque()


def listen(port: int) -> socket.socket:
    """Return a socket that listens on loopback; port 0 lets the system choose."""
    return socket.create_server(("127.0.0.1", port), backlog=128)


async def serve(invoke_socket: socket.socket, runtime_sockets: list[socket.socket]) -> None:
    """Serve callers and runtimes until SIGINT or SIGTERM."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    await loop.create_server(Caller, sock=invoke_socket)
    for runtime_socket in runtime_sockets:
        await loop.create_server(Runtime, sock=runtime_socket)
    await stopped.wait()


def main() -> None:
    """Bind, start the runtimes and serve; stop the runtimes at the end."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.floor", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8080, help="port of the Invoke API (default 8080)")
    parser.add_argument("--environments", type=int, default=1, metavar="N", help="runtimes to start (default 1)")
    parser.add_argument(
        "--runtime-port", type=int, default=0, metavar="PORT", help="port for a runtime that is started by hand"
    )
    parser.add_argument("command", nargs="*", metavar="COMMAND", help="the runtime, after --")
    options = parser.parse_args()

    invoke_socket = listen(options.port)
    runtime_sockets = [listen(options.runtime_port) for _ in range(1 if options.runtime_port else options.environments)]
    runtimes = []
    try:
        for runtime_socket in runtime_sockets if options.command else []:
            api = f"127.0.0.1:{runtime_socket.getsockname()[1]}"
            runtimes.append(subprocess.Popen(options.command, env=os.environ | {"AWS_LAMBDA_RUNTIME_API": api}))
        import uvloop  # while the runtimes start

        uvloop.run(serve(invoke_socket, runtime_sockets))
    finally:
        for runtime in runtimes:
            runtime.kill()
            runtime.wait()


if __name__ == "__main__":
    main()
