"""Tool 4: a proxy between the function and Lambda, which sees and changes events and responses.

The exec wrapper `use-proxy` gives the runtime this address in place of Lambda's. The function needs no change.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import json
import os
import re
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from typing import Any, Match, Optional

from lambda_api import Extension, number, serve

# What belongs to one connection, and not to the message.
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}
# The texts in a JSON document; and in a text, the words, and escapes such as \n, whose letters are not part of a word.
TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
ESCAPE_OR_WORD = re.compile(rb"\\u[0-9a-fA-F]{4}|\\.|\w+")


def change_event(event: bytes, request_id: str) -> bytes:
    """Put a field in front of those of a JSON object, unless it has that one; all other bytes stay as they are."""
    try:
        content: Any = json.loads(event.decode())
    except (ValueError, RecursionError):
        return event
    if not isinstance(content, dict) or "correlation" in content:
        return event
    before, brace, fields = event.partition(b"{")
    field = b'"correlation": ' + json.dumps(request_id).encode()
    return before + brace + field + (b", " if content else b"") + fields


def change_response(response: bytes) -> bytes:
    """Hide the card numbers in texts. Digits of other values stay: stars in a number would not be JSON."""
    # Not json.loads and json.dumps: they make floats of exact numbers, and six bytes of a letter such as é.
    return TEXT.sub(lambda text: ESCAPE_OR_WORD.sub(hide, text[0]), response)


def hide(word: Match[bytes]) -> bytes:
    """The word, or stars and four digits if it is a card number."""
    return b"*" * 12 + word[0][12:] if len(word[0]) == 16 and word[0].isdigit() else word[0]


class Handler(BaseHTTPRequestHandler):
    """Takes the requests of one connection of the runtime, and passes them on over one to Lambda."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or each body waits 40 ms until its headers are acknowledged
    # No timeout, because the next event may take hours. A naive client has one, and ends the function with it.
    timeout_of_lambda: Optional[float] = None

    def setup(self) -> None:
        super().setup()
        self.lambda_api = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"], timeout=self.timeout_of_lambda)

    def forward(self) -> None:
        """Pass a request on, and its response back."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return self.send_error(501, "streamed responses are not supported by this proxy")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.endswith("/response"):
            body = change_response(body)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        try:
            self.lambda_api.request(self.command, self.path, body, headers)
            response = self.lambda_api.getresponse()
            content = response.read()
        except (OSError, HTTPException) as error:
            print(f"[runtime-proxy] {self.command} {self.path}: {error or type(error).__name__}", flush=True)
            return self.send_error(504)
        if self.path.endswith("/invocation/next") and response.status == 200:
            content = change_event(content, response.headers["Lambda-Runtime-Aws-Request-Id"])
        self.send_response_only(response.status, response.reason)
        for name, value in response.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = forward

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""


def main() -> None:
    """Serve until SHUTDOWN. That comes after the runtime's end, so nothing is lost."""
    Handler.timeout_of_lambda = number("PROXY_TIMEOUT", 0) or None
    serve("runtime-proxy", Handler)  # before registering: Lambda starts the runtime when that is done
    extension = Extension("runtime-proxy", ["SHUTDOWN"])
    extension.next_event()
    extension.say("leaving")


if __name__ == "__main__":
    main()
