"""A small stand-in for Lambda's Extensions API, for the tests and for measure_start.py.

It knows one extension at a time, gives it the events it was told to give, and remembers each request.
"""

import json
import queue
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

IDENTIFIER = "5f8c6a2e-3b1d-4c55-9f0e-2d7c1b4a9e63"
PREFIX = "/2020-01-01/extension"
FUNCTION = {"functionName": "HelloFunction", "functionVersion": "$LATEST", "handler": "lambda_function.lambda_handler"}
FORBIDDEN = {"errorType": "Extension.InvalidExtensionName", "errorMessage": "Empty extension name"}


class Request(NamedTuple):
    """What the extension asked; the client's address tells connections apart."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes
    client: Tuple[str, int]


class ExtensionsApi(ThreadingHTTPServer):
    """Listens on a free port of this machine, `address`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server_port}"
        self.requests: List[Request] = []
        self.refuses = False
        """Whether registration is answered with an error."""
        self.waiting: queue.Queue[None] = queue.Queue()
        """Has one item for each time the extension has asked for its next event."""
        self.events: queue.Queue[Any] = queue.Queue()
        """What it gets then. None cuts the connection instead, as Lambda does when it resets an environment."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection's requests."""

    protocol_version = "HTTP/1.1"  # connections stay open
    server: ExtensionsApi

    def do_POST(self) -> None:
        self.remember()
        if self.path != f"{PREFIX}/register" or self.server.refuses:
            return self.answer(403, FORBIDDEN)
        self.answer(200, FUNCTION, {"Lambda-Extension-Identifier": IDENTIFIER})

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


@contextmanager
def serving() -> Iterator[ExtensionsApi]:
    """Serve while the block runs."""
    with ExtensionsApi() as api:
        threading.Thread(target=api.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield api
        finally:
            api.shutdown()
