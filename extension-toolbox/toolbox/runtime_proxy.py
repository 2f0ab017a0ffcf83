"""Tool 4: a proxy between the function and Lambda, which sees and changes events and responses.

The exec wrapper `use-proxy` gives the runtime this address in place of Lambda's. The function needs no change.
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import os
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler
from typing import Optional

from changes import change_event, change_response
from lambda_api import Extension, number, serve

# What belongs to one connection, and not to the message.
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


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
