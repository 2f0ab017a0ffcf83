"""What the caller of a route gets of a function's answer."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection

import pytest

from support.api_gateway import respond, send
from support.tool import DEADLINE_SECONDS, Tool


def test_response_has_status_headers_and_body(api: Tool) -> None:
    """Values of `multiValueHeaders` and of `headers` both get there."""
    answer = {
        "statusCode": "418",
        "headers": {"X-One": "a", "X-Many": "a", "Content-Length": "7"},
        "multiValueHeaders": {"X-Many": ["b", "c"]},
        "body": "short and stout ä",
    }
    reply = respond(api, "/respond", answer)
    assert (reply.status, reply.body.decode()) == (418, "short and stout ä")
    assert (reply.headers["X-One"], reply.headers.get_all("X-Many")) == ("a", ["b", "c", "a"])
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
    body = answer if isinstance(answer, str) else reply.json
    assert (reply.status, reply.headers["Content-Type"], body) == (200, "application/json", answer)
    assert reply.body.decode() == (answer if isinstance(answer, str) else json.dumps(answer))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"statusCode": None, "error": "x"}, '"error" is not one of isBase64Encoded, statusCode'),
        ({"statusCode": 200, "cookies": []}, '"cookies" is not one of'),
        ({"statusCode": 100}, "statusCode is 100, not a number from 200 to 599"),
        ({"statusCode": 42}, "statusCode is 42"),
        ("text", "not a JSON object"),
        ({"statusCode": 200, "body": {}}, "body is not a string; encode it with json.dumps"),
        ({"statusCode": 200, "body": "ä", "isBase64Encoded": True}, "not Base64"),
        ({"statusCode": 200, "headers": ["X"]}, "have to be objects"),
        ({"statusCode": 200, "headers": {"X": "a\r\nX-Evil: b"}}, "not a header that can be sent"),
    ],
)
def test_answer_that_is_no_response_is_502(api: Tool, answer: object, reason: str) -> None:
    """The caller learns nothing, but you do if you run the tool."""
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


@pytest.mark.parametrize("path", ["/respond", "/http-respond"])
@pytest.mark.parametrize("status", [204, 304])
def test_next_response_is_whole_when_a_function_gives_a_body_where_none_belongs(
    api: Tool, path: str, status: int
) -> None:
    """Bytes behind 204 or 304 would be read as the beginning of the response that follows on the connection."""
    connection = HTTPConnection(api.host, api.port, timeout=DEADLINE_SECONDS)
    for answer in ({"statusCode": status, "body": "not for sending"}, {"statusCode": 200, "body": "second"}):
        connection.request("POST", path, json.dumps(answer), {"Content-Type": "application/json"})
        response = connection.getresponse()
        read = response.status, response.read()
        assert read == (answer["statusCode"], b"" if answer["statusCode"] == status else b"second")
    connection.close()


@pytest.mark.parametrize("status", [200, 208, 299, 418, 511, 599])
def test_status_gets_there_when_it_is_from_200_to_599(api: Tool, status: int) -> None:
    """Those without a name too."""
    assert respond(api, "/respond", {"statusCode": status}).status == status


SHORT_ID = r"[A-Za-z0-9_-]{15}="
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.mark.parametrize("path", ["/orders/1", "/crash", "/respond"])
def test_response_of_a_rest_api_has_its_ids(api: Tool, path: str) -> None:
    """A UUID, a short id and, with a function's response, the trace; the formats are those of the captures."""
    headers = send(api, "GET" if path == "/crash" else "POST", path, b"[]").headers
    assert re.fullmatch(UUID, headers["x-amzn-RequestId"])
    assert re.fullmatch(SHORT_ID, headers["x-amz-apigw-id"])
    assert ("X-Amzn-Trace-Id" in headers, headers["x-amzn-ErrorType"]) == (
        (True, None) if path == "/orders/1" else (False, "InternalServerErrorException")
    )
    assert "Apigw-Requestid" not in headers


@pytest.mark.parametrize("path", ["/http/1", "/http-crash", "/nowhere"])
def test_response_of_an_http_api_has_its_id(api: Tool, path: str) -> None:
    """One short id, that is all; whatever became of the request."""
    headers = send(api, "GET", path).headers
    assert re.fullmatch(SHORT_ID, headers["Apigw-Requestid"])
    assert not {"x-amzn-requestid", "x-amz-apigw-id", "x-amzn-trace-id"} & {name.lower() for name in headers}


def test_ids_of_a_response_are_those_of_the_event(api: Tool) -> None:
    """What a function logs can be found again by what the caller got."""
    rest, http, old = send(api, "GET", "/orders/1"), send(api, "GET", "/http/1"), send(api, "POST", "/old")
    context = rest.json["requestContext"]
    assert context["requestId"] == rest.headers["x-amzn-RequestId"]
    assert context["extendedRequestId"] == rest.headers["x-amz-apigw-id"]
    assert http.json["requestContext"]["requestId"] == http.headers["Apigw-Requestid"]
    assert old.json["requestContext"]["requestId"] == old.headers["Apigw-Requestid"]
    assert old.json["requestContext"]["extendedRequestId"] == old.headers["Apigw-Requestid"]


def test_response_has_one_date(api: Tool) -> None:
    """That of a REST API's function is remapped, that of an HTTP API's function stays."""
    answer = {"statusCode": 200, "headers": {"Date": "yesterday"}}
    rest, http = respond(api, "/respond", answer).headers, respond(api, "/http-respond", answer).headers
    assert rest["x-amzn-Remapped-Date"] == "yesterday"
    assert [value.endswith("GMT") for value in rest.get_all("Date")] == [True]
    assert http.get_all("Date") == ["yesterday"]
    for path in ("/crash", "/http-crash", "/nowhere"):
        assert [value.endswith("GMT") for value in send(api, "GET", path).headers.get_all("Date")] == [True]
