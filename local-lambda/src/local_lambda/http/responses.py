"""The bytes of responses, and the one format of the server's own responses."""

from __future__ import annotations

import json
from http import HTTPStatus

from local_lambda.http.headers import Pairs

CLOSE = b"Connection: close\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
END = b"\r\n"
KEEP = b"Connection: keep-alive\r\n\r\n"

BEGINNINGS = {
    status.value: b"HTTP/1.1 %d %s\r\n" % (status.value, status.phrase.encode("ascii"))
    for status in HTTPStatus
    if status >= 200
}
"""The status lines of all final responses with a registered status."""


def beginning(status: int) -> bytes:
    """The status line. Raises ValueError if `status` is not that of a final response."""
    line = BEGINNINGS.get(status)
    if line is None:
        if not 200 <= status <= 599:
            raise ValueError(f"{status} is not the status of a response")
        line = b"HTTP/1.1 %d \r\n" % status
    return line


def refusal(status: int, reason: str) -> bytes:
    """The server's own response to input that no application sees; the connection is closed afterwards."""
    body = json.dumps({"message": reason}).encode()
    head = (beginning(status), len(body), CLOSE, body)
    return b"%bContent-Type: application/json\r\nContent-Length: %d\r\n%b%b" % head


def forbidden(reason: str) -> tuple[bytes, Pairs]:
    """Body and headers of a 403 in the format that clients of the Lambda API read."""
    body = json.dumps({"Type": "User", "message": reason}).encode()
    return body, (("Content-Type", "application/json"), ("x-amzn-ErrorType", "AccessDeniedException"))
