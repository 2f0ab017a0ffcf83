"""A runtime that streams: it asks Lambda for events, and sends on what the handler yields, piece by piece.

It takes the place of the runtime interface client, awslambdaric, which cannot stream yet. All it needs is the Runtime
API: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html
"""

import base64
import importlib
import json
import os
import sys
import traceback
from http.client import HTTPConnection
from types import SimpleNamespace
from typing import Any, Callable, Dict, Iterator, Union

Piece = Union[Dict[str, Any], str, bytes]
RUNTIME = "/2018-06-01/runtime"
HTTP_RESPONSE = "application/vnd.awslambda.http-integration-response"


def main(api: HTTPConnection, handler_name: str) -> None:
    """Import the handler, then serve one event after the other for as long as the environment exists."""
    try:
        module, _, function = handler_name.rpartition(".")
        handler = getattr(importlib.import_module(module), function)
    except Exception as error:
        report(api, f"{RUNTIME}/init/error", error)
        sys.exit(1)
    while True:
        serve(api, handler)


def serve(api: HTTPConnection, handler: Callable[[Any, Any], Iterator[Piece]]) -> None:
    """Wait for an event, and send what the handler makes of it."""
    api.request("GET", f"{RUNTIME}/invocation/next")  # the response may take hours, so there is no timeout
    response = api.getresponse()
    event, request_id = json.load(response), response.headers["Lambda-Runtime-Aws-Request-Id"]
    path = f"{RUNTIME}/invocation/{request_id}"
    try:
        pieces = handler(event, SimpleNamespace(aws_request_id=request_id))
        if not isinstance(pieces, Iterator):
            raise TypeError(f"the handler has to yield its response, and returned {type(pieces).__name__}")
        first = next(pieces, "")
        kind = HTTP_RESPONSE if isinstance(first, dict) else "application/octet-stream"
        chunk = write_prelude(first) if isinstance(first, dict) else encode(first)
    except Exception as error:
        return report(api, f"{path}/error", error)  # nothing is sent yet, so this is an error like any other
    stream(api, f"{path}/response", kind, chunk, pieces)


def stream(api: HTTPConnection, path: str, kind: str, first: bytes, rest: Iterator[Piece]) -> None:
    """Send the pieces as the chunks of one HTTP request. An error comes too late for a status, so it ends the body."""
    api.putrequest("POST", path)
    api.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    api.putheader("Content-Type", kind)
    api.putheader("Transfer-Encoding", "chunked")
    api.putheader("Trailer", "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body")
    api.endheaders()
    send(api, first)
    trailers = ""
    try:
        for piece in rest:
            send(api, encode(piece))
    except Exception as error:
        body = base64.b64encode(describe(error)).decode()
        trailers = f"Lambda-Runtime-Function-Error-Type: {type(error).__name__}\r\n"
        trailers += f"Lambda-Runtime-Function-Error-Body: {body}\r\n"
    api.send(f"0\r\n{trailers}\r\n".encode())
    api.getresponse().read()


def send(api: HTTPConnection, data: bytes) -> None:
    """Send one chunk: its length in hexadecimal, then the bytes."""
    if data:  # an empty chunk would be the end
        api.send(b"%x\r\n%b\r\n" % (len(data), data))


def write_prelude(head: Dict[str, Any]) -> bytes:
    """Status and headers for a function URL. Eight zero bytes separate them from the body."""
    if unknown := sorted(set(head) - {"statusCode", "headers", "cookies"}):
        raise TypeError(f"a dict as the first piece is the prelude, which has no {unknown[0]}: yield json.dumps(...)")
    return json.dumps(head).encode() + bytes(8)


def encode(piece: Piece) -> bytes:
    """A piece of the body as bytes. TypeError if it is neither text nor bytes."""
    if isinstance(piece, str):
        return piece.encode()
    if isinstance(piece, bytes):
        return piece
    raise TypeError(f"yield text or bytes, not {type(piece).__name__}; only the first piece may be a dict, the prelude")


def report(api: HTTPConnection, path: str, error: Exception) -> None:
    """Tell Lambda that the handler failed before its first piece, or cannot be imported."""
    api.request("POST", path, describe(error), {"Lambda-Runtime-Function-Error-Type": type(error).__name__})
    api.getresponse().read()


def describe(error: Exception) -> bytes:
    """An error as Lambda's runtimes describe it, and in the log."""
    traceback.print_exception(type(error), error, error.__traceback__)
    lines = traceback.format_tb(error.__traceback__)
    return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error), "stackTrace": lines}).encode()


if __name__ == "__main__":
    # An image names the handler as an argument, Lambda's own runtimes in a variable.
    main(HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"]), *(sys.argv[1:] or [os.environ["_HANDLER"]]))
