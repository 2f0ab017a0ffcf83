"""Tool 1: a cache for parameters and secrets, which the function asks over HTTP on localhost.

It speaks a part of the language of AWS's own extension for this, so a function that uses this part can change from one
to the other: https://docs.aws.amazon.com/lambda/latest/dg/with-secrets-manager.html
"""

import json
import os
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, Dict, List, Tuple
from urllib.parse import parse_qsl, urlsplit

from aws_call import call_aws
from cache import Cache
from lambda_api import Extension, number, plural, serve


def fetch(key: str) -> bytes:
    """Ask AWS. The key is the path and the query of the function's request."""
    parts = urlsplit(key)
    service, target, fields = operation(parts.path, parse_qsl(parts.query))
    headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
    return call_aws(service, "POST", "/", json.dumps(fields).encode(), headers)


def operation(path: str, query: List[Tuple[str, str]]) -> Tuple[str, str, Dict[str, Any]]:
    """Return the service, its operation, and the fields of the request."""
    names, values = sorted(name for name, _ in query), dict(query)
    if path == "/systemsmanager/parameters/get" and names in (["name"], ["name", "withDecryption"]):
        decrypt = values.get("withDecryption", "false").lower() == "true"
        return "ssm", "AmazonSSM.GetParameter", {"Name": values["name"], "WithDecryption": decrypt}
    if path == "/secretsmanager/get" and names == ["secretId"]:
        return "secretsmanager", "secretsmanager.GetSecretValue", {"SecretId": values["secretId"]}
    # AWS's extension has more, such as versionStage. What this one does not know it must not ignore.
    raise OSError(f"400 not served: {path}?{'&'.join(names)}")


class Handler(BaseHTTPRequestHandler):
    """Answers the function."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the body waits 40 ms until the headers are acknowledged
    cache: Cache

    def do_GET(self) -> None:
        # A page that the function fetches must not be able to read secrets: it does not know this header.
        if self.headers["X-Aws-Parameters-Secrets-Token"] != os.environ.get("AWS_SESSION_TOKEN", ""):
            return self.answer(401, b'{"message": "the header with the token is missing"}', 0)
        try:
            self.answer(200, *self.cache.get(self.path))
        except OSError as error:
            self.answer(400, json.dumps({"message": str(error)}).encode(), 0)

    def answer(self, status: int, body: bytes, age: float) -> None:
        """Send a response; the header Age is that of any HTTP cache, in whole seconds."""
        self.send_response_only(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Age", str(int(age)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""


def main(events: List[str]) -> None:
    """Serve until SHUTDOWN."""
    cache = Handler.cache = Cache(fetch, number("CACHE_SECONDS", 300))
    if os.environ.get("CACHE_REFRESH") == "timer":
        threading.Thread(target=cache.refresh_in_background, daemon=True).start()
    serve("config-cache", Handler)
    extension = Extension("config-cache", events)
    extension.next_event()  # there is only one
    extension.say(f"leaving: {plural(cache.misses, 'call')} of AWS, {cache.hits} saved")


if __name__ == "__main__":
    # Not INVOKE: Lambda then waits for this extension at no invocation, and answering the function needs no event.
    main(["SHUTDOWN"])
