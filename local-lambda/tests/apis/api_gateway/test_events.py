"""What a function gets of an HTTP request: events of API Gateway's Lambda proxy integration."""

from __future__ import annotations

import pytest

from support.api_gateway import send
from support.tool import Tool


def test_rest_event_has_all_of_the_request(api: Tool) -> None:
    """Format 1.0: last value and list of each header and query parameter, the decoded path, its variables."""
    query = "a=1&a=2&b=%C3%A4"
    reply = send(api, "PUT", f"/orders/A%20B?{query}", b'{"x": 1}', X_Own="yes", Content_Type="application/json")
    event = reply.json
    assert reply.status == 200
    assert (event["httpMethod"], event["path"], event["resource"]) == ("PUT", "/orders/A B", "/orders/{id}")
    assert event["pathParameters"] == {"id": "A B"}
    assert event["queryStringParameters"] == {"a": "2", "b": "ä"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["ä"]}
    assert (event["headers"]["X-Own"], event["multiValueHeaders"]["X-Own"]) == ("yes", ["yes"])
    assert (event["headers"]["X-Forwarded-For"], event["headers"]["X-Forwarded-Port"]) == ("127.0.0.1", str(api.port))
    assert (event["body"], event["isBase64Encoded"]) == ('{"x": 1}', False)
    context = event["requestContext"]
    assert (context["stage"], context["path"], context["resourcePath"]) == ("Prod", "/Prod/orders/A B", "/orders/{id}")
    assert context["identity"]["sourceIp"] == "127.0.0.1"
    assert reply.headers["X-Amzn-Trace-Id"].startswith(event["headers"]["X-Amzn-Trace-Id"] + ";")
    assert "version" not in event


def test_rest_event_says_null_when_the_request_has_nothing(api: Tool) -> None:
    """No body, no query, no variables."""
    event = send(api, "GET", "/orders/fixed").json
    names = ("body", "queryStringParameters", "multiValueQueryStringParameters", "pathParameters", "stageVariables")
    assert [event[name] for name in names] == [None] * 5


def test_http_event_has_all_of_the_request(api: Tool) -> None:
    """Format 2.0: header names in lower case, repeated values joined by commas, cookies apart."""
    reply = send(api, "POST", "/http/7?a=1&a=2", b"{}", X_Own="yes", Cookie="k=v; l=w", Content_Type="application/json")
    event = reply.json
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "ANY /http/{id}", "/http/7")
    assert (event["rawQueryString"], event["queryStringParameters"]) == ("a=1&a=2", {"a": "1,2"})
    assert (event["headers"]["x-own"], event["cookies"]) == ("yes", ["k=v", "l=w"])
    assert "cookie" not in event["headers"]
    assert event["pathParameters"] == {"id": "7"}
    assert (event["body"], event["isBase64Encoded"]) == ("{}", False)
    http = event["requestContext"]["http"]
    assert (http["method"], http["path"], http["sourceIp"]) == ("POST", "/http/7", "127.0.0.1")
    assert event["requestContext"]["stage"] == "$default"


def test_http_event_leaves_out_what_the_request_has_not(api: Tool) -> None:
    """Format 2.0 has no nulls."""
    event = send(api, "GET", "/http/7").json
    assert not {"body", "cookies", "queryStringParameters"} & set(event)
    assert event["rawQueryString"] == ""


@pytest.mark.parametrize(
    ("path", "content_type"), [("/orders/1", "image/png"), ("/http/1", "image/png"), ("/http/1", "application/json")]
)
def test_body_is_base64_when_it_is_no_text(api: Tool, path: str, content_type: str) -> None:
    """Bytes that are not UTF-8 come through whole."""
    event = send(api, "POST", path, b"\xff\x00", Content_Type=content_type).json
    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


def test_http_route_has_the_older_format_when_the_template_says_so(api: Tool) -> None:
    """Format 1.0 of an HTTP API names its version."""
    event = send(api, "POST", "/old", b"x", Content_Type="text/plain").json
    assert (event["version"], event["path"], event["requestContext"]["stage"]) == ("1.0", "/old", "$default")
