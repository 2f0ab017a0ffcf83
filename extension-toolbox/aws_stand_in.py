"""Stands in for three services of AWS, so that the example runs offline: `python aws_stand_in.py [--quiet]`.

Systems Manager has one parameter, which stays the same. Secrets Manager has one secret, which is new at each call. S3
counts what it gets and forgets it. Each call takes 50 ms, as one over a network does, and is printed if not `--quiet`.
"""

import contextlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List


class AWS(ThreadingHTTPServer):
    """Listens on a free port."""

    daemon_threads = True

    def __init__(self, seconds: float = 0.0, quiet: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seconds, self.quiet, self.secrets = seconds, quiet, 0
        self.calls: List[str] = []
        self.objects: Dict[str, bytes] = {}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """Knows three operations."""

    protocol_version = "HTTP/1.1"
    server: AWS

    def do_POST(self) -> None:
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        target = self.headers["X-Amz-Target"].rpartition(".")[2]
        time.sleep(self.server.seconds)
        if request.get("Name") == "/toolbox/greeting":
            self.answer(200, f"{target} {request['Name']}", {"Parameter": {**request, "Value": "Hello", "Version": 1}})
        elif request.get("SecretId") == "toolbox/coupon":
            self.server.secrets += 1
            content = {"Name": request["SecretId"], "SecretString": f"coupon-{self.server.secrets}"}
            self.answer(200, f"{target} {request['SecretId']}: coupon-{self.server.secrets}", content)
        else:
            self.answer(400, f"{target} refused", {"__type": "ParameterNotFound"})

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        time.sleep(self.server.seconds)
        if "form" in self.headers.get("Content-Type", ""):
            # S3 keeps it, but other stand-ins read such a body as a form and keep an empty object.
            return self.answer(400, "PutObject refused: this is the type of a form", {"__type": "InvalidRequest"})
        self.server.objects[self.path] = body
        records = body.count(b"\n")
        self.answer(200, f"PutObject {self.path}: {records} record{'s' * (records != 1)}, {len(body)} bytes", None)

    def answer(self, status: int, call: str, content: Any) -> None:
        """Send a response, if the call was signed, and say what was called."""
        if not self.headers.get("Authorization", "").startswith("AWS4-HMAC-SHA256 Credential="):
            status, content = 403, {"__type": "MissingAuthenticationToken"}
        self.server.calls.append(call)
        if not self.server.quiet:
            print(f"aws | {call}", file=sys.stderr, flush=True)
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response_only(status)
        self.send_header("Content-Length", str(len(body)))
        with contextlib.suppress(ConnectionError):  # an environment that has ended waits for no response
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""


if __name__ == "__main__":
    server = AWS(0.05, quiet="--quiet" in sys.argv)
    print(f"aws | listening on {server.url}", file=sys.stderr, flush=True)
    # with_service.py closes standard input when it is gone.
    threading.Thread(target=lambda: (sys.stdin.read(), server.shutdown()), daemon=True).start()
    server.serve_forever()
