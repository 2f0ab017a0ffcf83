"""What API Gateway makes of a function's answer: tables, a column for each kind of API and payload format.

Sources, with the statuses and headers that AWS gave: test_aws_proxy_response_payload_format_validation and
test_lambda_aws_proxy_response_format in
https://github.com/localstack/localstack/blob/main/tests/aws/services/apigateway/test_apigateway_lambda.py, LocalStack's
tests of HTTP APIs of the same names (_v1, _v2), and the captures of April 2025 in
https://github.com/aws/aws-lambda-dotnet/tree/master/Tools/LambdaTestTool-v2/tests (V1_, V2_ and ToApiGateway... of
Amazon.Lambda.TestTool.IntegrationTests/Snapshots). `cookies` of a REST API: https://github.com/anomalyco/sst/issues/2760;
numbers as header values: https://github.com/CodeGenieApp/serverless-express/pull/474; both kinds of headers at once:
https://github.com/aws/aws-sam-cli/pull/1166.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from local_lambda.apis.api_gateway.malformed import Malformed
from local_lambda.apis.api_gateway.responses import Response, read_response
from local_lambda.apis.api_gateway.routes import Route
from local_lambda.functions.config import ApiRoute

NOWHERE: Any = None
"""The pool of functions that are never called."""
REST = Route(ApiRoute("ANY", "/a", "1.0", True, "Rest"), NOWHERE)
HTTP_1 = Route(ApiRoute("ANY", "/a", "1.0", False, "Http"), NOWHERE)
HTTP_2 = Route(ApiRoute("ANY", "/a", "2.0", False, "Http"), NOWHERE)
KINDS = {"REST": REST, "HTTP 1.0": HTTP_1, "HTTP 2.0": HTTP_2}
NO = "malformed"
"""The function is to blame: 502 from a REST API, 500 from an HTTP API."""


def read(route: Route, answer: object) -> Response:
    """The response, as made from a result that the runtime sends as JSON."""
    return read_response(json.dumps(answer).encode(), route)


def status_of(route: Route, answer: object) -> int | str:
    """The status of the response, or that there is none."""
    try:
        return read(route, answer).status
    except Malformed:
        return NO


STATUSES: list[tuple[object, int | str, int | str, int | str]] = [
    # answer, REST, HTTP 1.0, HTTP 2.0
    ({"statusCode": 200}, 200, 200, 200),
    ({"statusCode": "201"}, 201, 201, 201),
    ({"statusCode": 299}, 299, 299, 299),
    ({"statusCode": 599}, 599, 599, 599),
    ({"statusCode": 0}, NO, NO, NO),
    ({"statusCode": 100}, NO, NO, NO),
    ({"statusCode": 199}, NO, NO, NO),
    ({"statusCode": 600}, NO, NO, NO),
    ({"statusCode": -200}, NO, NO, NO),
    ({"statusCode": 200.5}, NO, NO, NO),
    ({"statusCode": True}, NO, NO, NO),
    ({"statusCode": "test"}, NO, NO, NO),
    ({"statusCode": "٢٠٠"}, NO, NO, NO),
    ({"statusCode": [200]}, NO, NO, NO),
    ({}, 200, NO, 200),
    ({"headers": {"test-header": "value"}}, 200, NO, 200),
    ({"body": "x"}, 200, NO, 200),
    ({"statusCode": None, "body": "x"}, 200, NO, NO),
    ({"statusCode": 200, "wrongValue": "value"}, NO, 200, 200),
    ({"statusCode": 200, "error": "x"}, NO, 200, 200),
    ({"statusCode": 200, "cookies": ["a=b"]}, NO, 200, 200),
    ({"statusCode": 200, "cookies": {"a": "b"}}, NO, NO, NO),
    ({"statusCode": 200, "headers": None}, 200, 200, 200),
    ({"statusCode": 200, "multiValueHeaders": None, "body": None}, 200, 200, 200),
    ({"statusCode": 200, "headers": ["X"]}, NO, NO, NO),
    ({"statusCode": 200, "headers": {"X": True}}, 200, 200, 200),
    ({"statusCode": 200, "headers": {"X": 5}}, NO, 200, 200),
    ({"statusCode": 200, "headers": {"X": ["a"]}}, NO, NO, NO),
    ({"statusCode": 200, "headers": {"X": None}}, NO, NO, NO),
    ({"statusCode": 200, "headers": {"X": "a\r\nX-Evil: b"}}, NO, NO, NO),
    ({"statusCode": 200, "headers": {"X Y": "a"}}, NO, NO, NO),
    ({"statusCode": 200, "multiValueHeaders": {"test-multi": ["value1", "value2"]}}, 200, 200, 200),
    ({"statusCode": 200, "multiValueHeaders": {"test-multi-invalid": "value1"}}, NO, NO, NO),
    ({"statusCode": 200, "body": {}}, NO, NO, NO),
    ({"statusCode": 200, "body": "ä", "isBase64Encoded": True}, NO, NO, NO),
    ("justAString", NO, NO, 200),
    (None, NO, NO, 200),
    ([1, 2], NO, NO, 200),
    ({"errorMessage": "test fake error message"}, NO, NO, NO),
]


@pytest.mark.parametrize(("answer", "statuses"), [(answer, statuses) for answer, *statuses in STATUSES])
def test_status_is_the_captured_one(answer: object, statuses: list[int | str]) -> None:
    """REST APIs know five keys and need none; HTTP APIs ignore others; only format 2.0 can omit the status code."""
    assert [status_of(route, answer) for route in KINDS.values()] == statuses


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'"test"', b"test"),
        (b'"Hello, World!"', b"Hello, World!"),
        (b'""', b""),
        (b'"Special \\"quoted\\" text"', b'Special "quoted" text'),
        ('"café"'.encode(), "café".encode()),
        (b'"errorMessage"', b"errorMessage"),
        (b'{"name": "John Doe", "age": 30}', b'{"name": "John Doe", "age": 30}'),
        (b"[1, 2, 3]", b"[1, 2, 3]"),
        (b"42", b"42"),
        (b"true", b"true"),
        (b"null", b"null"),
        (b'{"name": "John Doe", "age":', b'{"name": "John Doe", "age":'),
        (b"Hello, World!", b"Hello, World!"),
        (b'{"key": 1, "headers": {"content-type": "x/y"}}', b'{"key": 1, "headers": {"content-type": "x/y"}}'),
    ],
)
def test_answer_is_the_body_when_format_2_0_has_no_status_code(payload: bytes, body: bytes) -> None:
    """A string without its quotes, anything else as it is, always as JSON."""
    assert read_response(payload, HTTP_2) == Response(200, [("Content-Type", "application/json")], body)


@pytest.mark.parametrize("kind", ["REST", "HTTP 1.0"])
def test_answer_that_is_no_json_is_malformed_in_format_1_0(kind: str) -> None:
    """Only a runtime that is not Python's can do that."""
    with pytest.raises(Malformed, match="it is not JSON"):
        read_response(b"Not a valid proxy response object", KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("answer", "body"),
    [
        ({}, b""),
        ({"body": "dGVzdC1kYXRh"}, b"dGVzdC1kYXRh"),
        ({"body": "dGVzdC1kYXRh", "isBase64Encoded": True}, b"test-data"),
        ({"body": "ä\ud800"}, b"\xc3\xa4\xed\xa0\x80"),
        ({"body": "x", "statusCode": 204}, b""),
        ({"body": "x", "statusCode": 304}, b""),
        ({"body": "x", "statusCode": 404}, b"x"),
    ],
)
def test_body_is_the_captured_one(kind: str, answer: dict[str, object], body: bytes) -> None:
    """Base64 is decoded; the statuses that have no body get none."""
    assert read(KINDS[kind], {"statusCode": 200, **answer}).body == body


MULTI = {"headers": {"X": "single", "Y": "y"}, "multiValueHeaders": {"X": ["multi1", "multi2"]}}
TEXT = ("Content-Type", "text/plain; charset=utf-8")
JSON = ("Content-Type", "application/json")
HEADERS: list[tuple[str, dict[str, object], list[tuple[str, str]]]] = [
    ("REST", MULTI, [("X", "multi1"), ("X", "multi2"), ("X", "single"), ("Y", "y"), JSON]),
    ("HTTP 1.0", MULTI, [("X", "single"), ("Y", "y"), ("X", "multi1"), ("X", "multi2"), TEXT]),
    ("HTTP 2.0", MULTI, [("X", "single"), ("Y", "y"), ("X", "multi1"), ("X", "multi2"), TEXT]),
    ("REST", {"headers": {"x": "a"}, "multiValueHeaders": {"X": ["a", "b"]}}, [("X", "a"), ("X", "b"), JSON]),
    ("REST", {"headers": {"header-bool": True, "other": False}}, [("header-bool", "true"), ("other", "false"), JSON]),
    ("HTTP 2.0", {"headers": {"a": True, "b": 5, "c": 1.5}}, [("a", "true"), ("b", "5"), ("c", "1.5"), TEXT]),
    ("REST", {"headers": {"content-type": "text/html"}}, [("content-type", "text/html")]),
    ("HTTP 1.0", {"multiValueHeaders": {"Content-Type": ["a/b"]}}, [("Content-Type", "a/b")]),
    ("HTTP 2.0", {"headers": {"Content-Type": "application/xml"}}, [("Content-Type", "application/xml")]),
    ("HTTP 2.0", {"headers": {"myheader": "test,other"}}, [("myheader", "test,other"), TEXT]),
    ("HTTP 2.0", {"cookies": ["a=1", "b=2"]}, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), TEXT]),
    ("HTTP 2.0", {"headers": {"Connection": "close", "Content-Length": "1", "Transfer-Encoding": "chunked"}}, [TEXT]),
    (
        "HTTP 2.0",
        {"headers": {"Server": "s", "WWW-Authenticate": "Basic"}},
        [("Server", "s"), ("WWW-Authenticate", "Basic"), TEXT],
    ),
]


@pytest.mark.parametrize(("kind", "answer", "headers"), HEADERS)
def test_headers_are_the_captured_ones(kind: str, answer: dict[str, object], headers: list[tuple[str, str]]) -> None:
    """Single and repeated values are merged, and there is always a content type."""
    assert read(KINDS[kind], {"statusCode": 200, **answer}).headers == headers


TABLE = {
    # The column Response for Lambda integrations of the table in
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html; Content-Length and
    # x-amzn-RequestId as captured in LocalStack's test_apigateway_http.snapshot.json.
    "Age": "Age",
    "Accept": "Accept",
    "Authorization": "x-amzn-Remapped-Authorization",
    "Connection": "x-amzn-Remapped-Connection",
    "Content-Encoding": "Content-Encoding",
    "content-length": "x-amzn-Remapped-content-length",
    "Content-MD5": "x-amzn-Remapped-Content-MD5",
    "Date": "x-amzn-Remapped-Date",
    "Expect": None,
    "Host": None,
    "Max-Forwards": "x-amzn-Remapped-Max-Forwards",
    "Pragma": "Pragma",
    "Proxy-Authenticate": None,
    "Range": "Range",
    "Referer": "Referer",
    "Server": "x-amzn-Remapped-Server",
    "TE": None,
    "Transfer-Encoding": None,
    "Trailer": None,
    "Upgrade": None,
    "User-Agent": "x-amzn-Remapped-User-Agent",
    "Via": None,
    "Warn": "Warn",
    "www-authenticate": "x-amzn-Remapped-www-authenticate",
    "x-amzn-RequestId": "x-amzn-Remapped-x-amzn-RequestId",
}


@pytest.mark.parametrize(("name", "sent"), TABLE.items())
def test_header_of_a_rest_api_is_remapped_or_dropped_as_documented(name: str, sent: str | None) -> None:
    """What the function says about the connection is not what the caller hears about it."""
    headers = read(REST, {"headers": {name: "v"}}).headers
    assert headers == ([(sent, "v")] if sent else []) + [JSON]
