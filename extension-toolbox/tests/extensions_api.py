"""A stand-in for Lambda's Extensions, Logs and Telemetry APIs: the same file in every example that has an extension.

It knows one extension at a time, gives it the events that a test has prepared, and remembers each request.
"""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple
from urllib.parse import urlsplit

IDENTIFIER = "5f8c6a2e-3b1d-4c55-9f0e-2d7c1b4a9e63"
PREFIX = "/2020-01-01/extension"
FUNCTION = {"functionName": "HelloFunction", "functionVersion": "$LATEST", "handler": "lambda_function.lambda_handler"}
SECONDS = 30  # how long a test waits for what should happen immediately


class Request(NamedTuple):
    """What the extension asked; names of headers are lower case, and the client's address tells connections apart."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes
    client: Tuple[str, int]


class ExtensionsApi(ThreadingHTTPServer):
    """Listens on a free port of this machine, `address`, while the block of a `with` runs."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server_port}"
        self.requests: List[Request] = []
        self.refusals: Dict[str, Tuple[int, Any]] = {}
        """Status and JSON for paths with these endings, instead of the good response."""
        self.events: queue.Queue[Any] = queue.Queue()
        """The events for `event/next`. None closes the connection instead, as Lambda does when it resets."""
        self.waiting: queue.Queue[None] = queue.Queue()
        """Gets one item each time the extension asks for its next event."""
        self.subscription: Dict[str, Any] = {}
        """What the extension has subscribed to, at the Logs API or the Telemetry API."""
        self.started: List[subprocess.Popen[str]] = []

    def __enter__(self) -> "ExtensionsApi":
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
        for process in self.started:
            process.kill()
            process.communicate()

    def start(self, launcher: Path, **variables: str) -> "subprocess.Popen[str]":
        """Start an extension as Lambda does, in `/`, with the Python that runs this. It ends with the block."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        # On Lambda /opt is read-only, so Python must not keep byte code there for the next start.
        fixed = {"PATH": path, "AWS_LAMBDA_RUNTIME_API": self.address, "PYTHONDONTWRITEBYTECODE": "1"}
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            [str(launcher)], cwd="/", env={**fixed, **variables}, stdout=pipe, stderr=pipe, text=True
        )
        self.started.append(process)
        return process

    def wait_until_asked(self) -> None:
        """Wait until the extension has asked for an event."""
        self.waiting.get(timeout=SECONDS)

    def lines(self) -> List[str]:
        """Method and last part of the path of each request so far."""
        return [f"{request.method} {request.path.rpartition('/')[2]}" for request in self.requests]

    def send(self, batch: Any) -> int:
        """Send a batch of log records to the extension's listener, as JSON unless it is bytes; returns the status."""
        body = batch if isinstance(batch, bytes) else json.dumps(batch).encode()
        request = urllib.request.Request(self.subscription["destination"]["URI"], body, method="POST")
        request.add_header("Content-Type", "application/json")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as response:
            status: int = response.status
        return status


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"  # connections stay open
    server: ExtensionsApi

    def do_POST(self) -> None:
        self.remember()
        self.answer(200 if self.path.startswith(f"{PREFIX}/") else 404, FUNCTION)

    def do_PUT(self) -> None:
        self.server.subscription = json.loads(self.remember())
        target = urlsplit(self.server.subscription["destination"]["URI"])
        socket.create_connection((target.hostname, target.port or 80), timeout=5).close()  # the listener must be there
        self.answer(200, "OK")

    def do_GET(self) -> None:
        self.remember()
        if self.path != f"{PREFIX}/event/next" or self.headers["Lambda-Extension-Identifier"] != IDENTIFIER:
            return self.answer(403, {"errorType": "Extension.UnknownExtensionIdentifier", "errorMessage": "Unknown"})
        self.server.waiting.put(None)
        event = self.server.events.get()
        if event is None:
            self.close_connection = True
        else:
            self.answer(200, event)

    def remember(self) -> bytes:
        """Keep the request for the test; returns its body."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Request(self.command, self.path, headers, body, self.client_address))
        return body

    def answer(self, status: int, content: Any) -> None:
        """Send JSON."""
        refusals = self.server.refusals
        status, content = next((refusals[end] for end in refusals if self.path.endswith(end)), (status, content))
        body = json.dumps(content).encode()
        self.send_response(status)
        if self.path == f"{PREFIX}/register" and status == 200:
            self.send_header("Lambda-Extension-Identifier", IDENTIFIER)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def invoke_event(request_id: str, seconds: float = 30) -> Dict[str, Any]:
    """An INVOKE event as Lambda sends it, with a few seconds left."""
    return {
        "eventType": "INVOKE",
        "deadlineMs": int((time.time() + seconds) * 1000),
        "requestId": request_id,
        "invokedFunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:HelloFunction",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-5f0c2d3e-000000000000000000000000"},
    }


def shutdown_event(reason: str = "spindown", seconds: float = 2) -> Dict[str, Any]:
    """A SHUTDOWN event as Lambda sends it, with two seconds left."""
    deadline = int((time.time() + seconds) * 1000)
    return {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline}
