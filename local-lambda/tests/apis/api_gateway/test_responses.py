"""What the caller of a route gets of a function's answer."""

from __future__ import annotations

import pytest

from support.api_gateway import respond, send
from support.tool import Tool


def test_response_has_status_headers_and_body(api: Tool) -> None:
    """`multiValueHeaders` win over `headers`."""
    answer = {
        "statusCode": "418",
        "headers": {"X-One": "a", "X-Many": "lost", "Content-Length": "7"},
        "multiValueHeaders": {"X-Many": ["b", "c"]},
        "body": "short and stout ä",
    }
    reply = respond(api, "/respond", answer)
    assert (reply.status, reply.body.decode()) == (418, "short and stout ä")
    assert (reply.headers["X-One"], reply.headers.get_all("X-Many")) == ("a", ["b", "c"])
    assert reply.headers["Content-Type"] == "application/json"
    assert reply.headers["x-amzn-RequestId"]


def test_response_is_bytes_when_base64(api: Tool) -> None:
    """Images and the like."""
    assert respond(api, "/respond", {"statusCode": 200, "body": "/wA=", "isBase64Encoded": True}).body == b"\xff\x00"


def test_http_response_sets_cookies(api: Tool) -> None:
    """A header line for each."""
    reply = respond(api, "/http-respond", {"statusCode": 204, "cookies": ["a=1", "b=2"]})
    assert (reply.status, reply.headers.get_all("Set-Cookie")) == (204, ["a=1", "b=2"])


@pytest.mark.parametrize("answer", [{"any": "thing"}, ["list"], "text", 7])
def test_http_response_is_the_answer_when_it_names_no_status(api: Tool, answer: object) -> None:
    """Format 2.0 takes any JSON for a good answer."""
    reply = respond(api, "/http-respond", answer)
    assert (reply.status, reply.headers["Content-Type"], reply.json) == (200, "application/json", answer)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": "x"}, "statusCode is null"),
        ({"statusCode": 42}, "statusCode is 42"),
        ("text", "not a JSON object"),
        ({"statusCode": 200, "body": {}}, "body is not a string; encode it with json.dumps"),
        ({"statusCode": 200, "body": "ä", "isBase64Encoded": True}, "not Base64"),
        ({"statusCode": 200, "headers": ["X"]}, "have to be objects"),
        ({"statusCode": 200, "headers": {"X": "a\r\nX-Evil: b"}}, "no header that can be sent"),
    ],
)
def test_answer_that_is_no_response_is_502(api: Tool, answer: object, reason: str) -> None:
    """The caller is told nothing, whoever runs the tool everything."""
    since = len(api.lines)
    reply = respond(api, "/respond", answer)
    assert (reply.status, reply.json) == (502, {"message": "Internal server error"})
    api.wait_for(f"POST /respond: status 502, .*{reason}", since)


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [("/crash", 502, "Internal server error"), ("/http-crash", 500, "Internal Server Error")],
)
def test_function_error_is_no_business_of_the_caller(api: Tool, path: str, status: int, message: str) -> None:
    """Neither the exception nor the stack trace gets out."""
    reply = send(api, "GET", path)
    assert (reply.status, reply.json) == (status, {"message": message})
