"""What the tests share: the folder on the import path, and a stand-in for Lambda's Extensions API."""

import json
import queue
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import pytest

FOLDER = Path(__file__).resolve().parent.parent
# On Lambda the folder of the code is the working directory; here pytest may be started from anywhere.
sys.path.insert(0, str(FOLDER))

IDENTIFIER = "5f8c6a2e-3b1d-4c55-9f0e-2d7c1b4a9e63"


class Request(NamedTuple):
    """What the extension asked; the client's address tells connections apart."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes
    client: Tuple[str, int]


class ExtensionsApi(ThreadingHTTPServer):
    """Knows one internal extension. Listens on a free port of this machine, `address`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server_port}"
        self.requests: List[Request] = []
        self.waiting: queue.Queue[None] = queue.Queue()
        """Has one item for each time the extension has asked for its next event."""
        self.events: queue.Queue[Any] = queue.Queue()
        """What it gets then."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"  # connections stay open
    server: ExtensionsApi

    def do_POST(self) -> None:
        self.remember()
        if "SHUTDOWN" in json.loads(self.server.requests[-1].body)["events"]:
            refusal = "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
            return self.answer(403, {"errorMessage": refusal, "errorType": "Extension.InvalidEventType"})
        self.answer(200, {"functionName": "GracefulFunction"}, {"Lambda-Extension-Identifier": IDENTIFIER})

    def do_GET(self) -> None:
        self.remember()
        self.server.waiting.put(None)
        self.answer(200, self.server.events.get())

    def remember(self) -> None:
        """Keep the request for the test."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers.items()), body, self.client_address)
        self.server.requests.append(request)

    def answer(self, status: int, content: Any, headers: Any = ()) -> None:
        """Send JSON."""
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **dict(headers)}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExtensionsApi]:
    """The Extensions API, with no events yet, at the address that Lambda tells a function."""
    with ExtensionsApi() as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", server.address)
        yield server
        server.shutdown()
