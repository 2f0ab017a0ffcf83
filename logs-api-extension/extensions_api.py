"""A small stand-in for Lambda's Extensions, Logs and Telemetry API, for the tests and for measure_start.py.

It knows one extension at a time, gives it the events it was told to give, and sends the batches it was told to send.
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
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

FOLDER = Path(__file__).resolve().parent
LAUNCHER = FOLDER / "extensions/logs-api-extension"
IDENTIFIER = "5f1c2d3e-0000-4000-8000-0123456789ab"
FUNCTION = {"functionName": "Function", "functionVersion": "$LATEST", "handler": "app.handler"}


class Call(NamedTuple):
    """A request of the extension, and the port it came from, which tells one connection from another."""

    line: str
    headers: Dict[str, str]
    body: bytes
    port: int


class ExtensionsApi:
    """Answers on a free port of this machine while the block runs; `calls` holds all requests.

    `event/next` is answered with what is put into `events`, and `asked` gets an item each time it is called. A
    subscription is answered with `subscription_status`, but only after a connection to its destination was possible.
    """

    def __init__(self) -> None:
        self.calls: List[Call] = []
        self.events: queue.Queue[Dict[str, Any]] = queue.Queue()
        self.asked: queue.Queue[None] = queue.Queue()
        self.subscription_status = 200
        self.subscription: Dict[str, Any] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), make_handler(self))
        self._server.daemon_threads = True

    def __enter__(self) -> "ExtensionsApi":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def lines(self) -> List[str]:
        """Method and last part of the path of each request so far."""
        return [f"{call.line.split()[0]} {call.line.rpartition('/')[2]}" for call in self.calls]

    def send(self, batch: Any) -> int:
        """Send a batch to the listener, as JSON unless it is bytes; returns the status of its answer."""
        body = batch if isinstance(batch, bytes) else json.dumps(batch).encode()
        request = urllib.request.Request(self.subscription["destination"]["URI"], body, method="POST")
        request.add_header("Content-Type", "application/json")
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=10) as response:
            status: int = response.status
        return status

    def start(self, launcher: Path = LAUNCHER, **variables: str) -> "subprocess.Popen[str]":
        """Start the extension with the Python that runs this, in `/` as Lambda does; its listener gets a free port."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        address = f"127.0.0.1:{self._server.server_port}"
        # Nobody can write to /opt on Lambda, so Python must not keep byte code there for the next start.
        fixed = {"PATH": path, "AWS_LAMBDA_RUNTIME_API": address, "PYTHONDONTWRITEBYTECODE": "1", "LOGS_PORT": "0"}
        output = subprocess.PIPE
        return subprocess.Popen(
            [str(launcher)], cwd="/", env={**fixed, **variables}, stdout=output, stderr=output, text=True
        )


def make_handler(api: ExtensionsApi) -> type:
    """The class that answers one connection's requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # connections stay open

        def do_POST(self) -> None:
            self.remember()
            known = self.path.startswith("/2020-01-01/extension/")
            self.answer(200 if known else 404, FUNCTION, IDENTIFIER)

        def do_PUT(self) -> None:
            api.subscription = json.loads(self.remember())
            socket.create_connection(destination_address(api.subscription), timeout=5).close()
            content = "OK" if api.subscription_status == 200 else {"errorMessage": "because the test says so"}
            self.answer(api.subscription_status, content)

        def do_GET(self) -> None:
            self.remember()
            api.asked.put(None)
            self.answer(200, api.events.get())

        def remember(self) -> bytes:
            """Keep the request for the test; returns its body."""
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            api.calls.append(Call(f"{self.command} {self.path}", headers, body, self.client_address[1]))
            return body

        def answer(self, status: int, content: Any, identifier: Optional[str] = None) -> None:
            """Send JSON."""
            body = json.dumps(content).encode()
            self.send_response(status)
            if identifier is not None:
                self.send_header("Lambda-Extension-Identifier", identifier)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    return Handler


def destination_address(subscription: Dict[str, Any]) -> Tuple[str, int]:
    """Host and port of the subscription's destination."""
    host, _, port = subscription["destination"]["URI"][len("http://") :].partition(":")
    return host, int(port)


def invoke_event(request_id: str, seconds: float = 30) -> Dict[str, Any]:
    """An INVOKE event as Lambda sends it, with some seconds left."""
    return {
        "eventType": "INVOKE",
        "deadlineMs": int((time.time() + seconds) * 1000),
        "requestId": request_id,
        "invokedFunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:Function",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-5f0c2d3e-000000000000000000000000"},
    }


def shutdown_event(seconds: float = 2) -> Dict[str, Any]:
    """A SHUTDOWN event as Lambda sends it, with two seconds left."""
    deadline = int((time.time() + seconds) * 1000)
    return {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": deadline}


def record(kind: str, content: Any) -> Dict[str, Any]:
    """A record as Lambda sends it."""
    return {"time": "2026-03-01T10:00:00.000Z", "type": kind, "record": content}


def function_records(lines: Sequence[str]) -> List[Dict[str, Any]]:
    """Records of lines that the function has written."""
    return [record("function", f"{line}\n") for line in lines]


def runtime_done(request_id: str) -> Dict[str, Any]:
    """The record that says that the function is through with a request."""
    return record("platform.runtimeDone", {"requestId": request_id, "status": "success"})
