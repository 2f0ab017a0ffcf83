"""The checks of an invocation's payload and client context, whichever way they came in.

Specification: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html.
"""

from __future__ import annotations

import base64
import binascii
import json
from itertools import accumulate
from json import JSONDecoder

import msgspec

from local_lambda.errors import ApiError
from local_lambda.limits import MAX_ASYNC_EVENT_BYTES, MAX_CLIENT_CONTEXT_BYTES, MAX_EVENT_BYTES

MAX_NESTING = 900
"""How deep arrays and objects may be nested. The service documents no limit; this one is the same on every Python:
interpreters before 3.12 read a little more, later ones 65,000 levels and more."""

_NOT_STRUCTURE = bytes(set(range(256)) - set(b'"[]{}'))
_STEPS = {byte: 1 if byte in b"[{" else -1 for byte in b"[]{}"}


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_check = msgspec.json.Decoder(type=msgspec.Raw).decode
"""Reads a document without creating objects for it: twelve times as fast as `json` for a large one."""
_STRICT = JSONDecoder(parse_constant=_refuse_constant, parse_int=str)


def check_size(size: int, *, asynchronous: bool) -> None:
    """Raises ApiError RequestTooLargeException (413) when a payload of `size` bytes is too large for its kind."""
    kind, limit = ("Event", MAX_ASYNC_EVENT_BYTES) if asynchronous else ("RequestResponse", MAX_EVENT_BYTES)
    if size > limit:
        raise ApiError(
            413,
            "RequestTooLargeException",
            f"{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)",
        )


def check_json(payload: bytes) -> None:
    """Raises ApiError InvalidRequestContentException (400) when a payload is neither empty nor JSON.

    Numbers of any length and lone surrogates are valid JSON. A document nested deeper than `MAX_NESTING` is refused.
    """
    if nested_too_deeply(payload):
        raise invalid_content("it is nested too deeply")
    try:
        if payload:
            _check(payload)
            if not payload.isascii():
                payload.decode("utf-8")
    except (ValueError, RecursionError):
        try:  # the standard library describes the problem better, and its verdict decides
            _STRICT.decode(payload.decode("utf-8"))
        except RecursionError:
            raise invalid_content("it is nested too deeply") from None
        except ValueError as error:
            raise invalid_content(str(error)) from None


def nested_too_deeply(document: bytes) -> bool:
    """Whether a JSON document is nested deeper than `MAX_NESTING`. Any answer may be given for invalid JSON."""
    if document.count(b"[") + document.count(b"{") <= MAX_NESTING:
        return False
    if b"\\" in document:
        document = document.replace(b"\\\\", b"").replace(b'\\"', b"")
    structure = document.translate(None, _NOT_STRUCTURE).replace(b'""', b"")  # keeps strings with brackets only
    outside = b"".join(structure.split(b'"')[::2])
    shallow = outside
    for removed in range(1, 33):  # an ordinary large document is soon gone, at a tenth of the cost of counting
        shallow = shallow.replace(b"{}" if removed % 2 else b"[]", b"")  # takes one level at most
        if len(shallow) // 2 + removed <= MAX_NESTING:
            return False
    return max(accumulate(map(_STEPS.__getitem__, outside)), default=0) > MAX_NESTING


def invalid_content(reason: str) -> ApiError:
    """The service's response to a payload that is not JSON."""
    return ApiError(
        400,
        "InvalidRequestContentException",
        f"Could not parse request body into json: Could not parse payload into json: {reason}",
    )


def client_context(encoded: bytes) -> str:
    """The JSON text in an `X-Amz-Client-Context` header, on one line."""
    if len(encoded) > MAX_CLIENT_CONTEXT_BYTES:
        raise ApiError(
            400,
            "InvalidRequestContentException",
            f"Client context must be no more than {MAX_CLIENT_CONTEXT_BYTES} bytes when base64-encoded.",
        )
    try:
        document = base64.b64decode(encoded, validate=True)
        if nested_too_deeply(document):
            raise ValueError("nested too deeply")
        return json.dumps(json.loads(document))
    except (binascii.Error, ValueError, RecursionError):
        raise ApiError(
            400, "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object."
        ) from None
