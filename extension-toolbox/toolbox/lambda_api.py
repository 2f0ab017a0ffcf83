"""What the extensions of this folder share: registering, asking for the next event, settings, a server on localhost."""

import contextlib
import json
import os
import sys
import tempfile
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, List, Type


class Extension:
    """An external extension, known to Lambda by the name of its launcher in /opt/extensions."""

    def __init__(self, name: str, events: List[str]) -> None:
        self.name = name
        # Without a timeout: the next event may take hours. One connection stays open for all calls.
        self.lambda_api = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
        self.headers = {"Lambda-Extension-Name": name}
        # Lambda starts the function when all extensions have registered: what the function needs must be ready by now.
        self.call("POST", "/2020-01-01/extension/register", {"events": events})

    def next_event(self) -> Any:
        """Say that we are done with the last event, and wait for the next one."""
        return json.loads(self.call("GET", "/2020-01-01/extension/event/next"))

    def call(self, method: str, path: str, content: Any = None) -> bytes:
        """Call an API of Lambda; a refusal ends this process, and with it the environment."""
        body = None if content is None else json.dumps(content)
        self.lambda_api.request(method, path, body, {**self.headers, "Content-Type": "application/json"})
        response = self.lambda_api.getresponse()
        answer = response.read()
        if response.status != 200:
            sys.exit(f"[{self.name}] {method} {path}: {response.status} {answer.decode().strip()}")
        if "Lambda-Extension-Identifier" in response.headers:
            self.headers = {"Lambda-Extension-Identifier": response.headers["Lambda-Extension-Identifier"]}
        return answer

    def say(self, text: str) -> None:
        """Write a line to the function's log."""
        print(f"[{self.name}] {text}", flush=True)


def number(name: str, default: float) -> float:
    """A number among the function's variables. Anything else ends this process, before it has registered."""
    text = os.environ.get(name) or str(default)
    with contextlib.suppress(ValueError):
        if float(text) >= 0:
            return float(text)
    sys.exit(f"{name} is {text!r}, but must be a number that is not negative")


def plural(count: int, thing: str) -> str:
    """The number with its noun."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def serve(name: str, handler: Type[BaseHTTPRequestHandler]) -> None:
    """Serve in threads, on a free port that the function finds in `/tmp/NAME.port`.

    On Lambda a fixed port would do, because each environment has its own network. On your machine they share one.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    Path(tempfile.gettempdir(), f"{name}.port").write_text(str(server.server_address[1]))
    threading.Thread(target=server.serve_forever, daemon=True).start()
