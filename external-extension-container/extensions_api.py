"""A small stand-in for Lambda's Extensions API, for the tests and for measure_start.py.

It knows one extension, which it starts, and gives it the events it was told to give.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

FOLDER = Path(__file__).resolve().parent
LAUNCHER = FOLDER / "opt/extensions/container-extension"
IDENTIFIER = "5f1c2d3e-0000-4000-8000-0123456789ab"


class Call(NamedTuple):
    """A request of the extension, and the port it came from, which tells one connection from another."""

    line: str
    headers: Dict[str, str]
    body: bytes
    port: int


class ExtensionsApi:
    """Answers `register`, and `event/next` with the events that were put into `events`; `calls` holds all requests.

    `refuse` names a path that is answered with 403. `ready` is set when the first `event/next` arrives.
    """

    def __init__(self) -> None:
        self.calls: List[Call] = []
        self.events: queue.Queue[Dict[str, Any]] = queue.Queue()
        self.refuse = ""
        self.ready = threading.Event()
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"  # so that a connection can be used again

            def do_GET(self) -> None:
                api.answer(self)

            def do_POST(self) -> None:
                api.answer(self)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    def __enter__(self) -> "ExtensionsApi":
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Note one request and answer it."""
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.calls.append(Call(f"{request.command} {request.path}", headers, body, request.client_address[1]))
        content: Dict[str, Any] = {"functionName": "Function", "functionVersion": "$LATEST", "handler": "app.handler"}
        status = 200
        if self.refuse and request.path.endswith(self.refuse):
            status, content = 403, {"errorType": "Extension.Refused", "errorMessage": "because the test says so"}
        elif request.path.endswith("/event/next"):
            self.ready.set()
            content = self.events.get()
        answer = json.dumps(content).encode()
        request.send_response(status)
        request.send_header("Lambda-Extension-Identifier", IDENTIFIER)
        request.send_header("Content-Length", str(len(answer)))
        request.end_headers()
        request.wfile.write(answer)

    def start(self, launcher: Path = LAUNCHER, **variables: str) -> "subprocess.Popen[str]":
        """Start the extension with the Python that runs this, in `/` as Lambda does."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        address = f"127.0.0.1:{self._server.server_port}"
        # Nobody can write to /opt on Lambda, so Python must not keep byte code there for the next start.
        environment = {"PATH": path, "AWS_LAMBDA_RUNTIME_API": address, "PYTHONDONTWRITEBYTECODE": "1", **variables}
        output = subprocess.PIPE
        return subprocess.Popen([str(launcher)], cwd="/", env=environment, stdout=output, stderr=output, text=True)


def invoke_event(request_id: str) -> Dict[str, Any]:
    """An INVOKE event as Lambda sends it, with three seconds left."""
    return {
        "eventType": "INVOKE",
        "deadlineMs": int((time.time() + 3) * 1000),
        "requestId": request_id,
        "invokedFunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:Function",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-5f0c2d3e-000000000000000000000000"},
    }


def shutdown_event(reason: str = "spindown") -> Dict[str, Any]:
    """A SHUTDOWN event as Lambda sends it, with two seconds left."""
    return {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": int((time.time() + 2) * 1000)}
