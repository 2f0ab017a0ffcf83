"""What a function gets of an HTTP request: events of API Gateway's Lambda proxy integration.

Captured events: test_lambda_aws_proxy_integration in
https://github.com/localstack/localstack/blob/main/tests/aws/services/apigateway/test_apigateway_lambda.snapshot.json
(REST) and V1_UnicodeCharactersInPathHttpV1, BinaryContentHttpV1 and V2_SpecialCharactersInPath in
https://github.com/aws/aws-lambda-dotnet/tree/master/Tools/LambdaTestTool-v2/tests/ (Snapshots).
"""

from __future__ import annotations

import pytest

from support.api_gateway import send
from support.tool import Tool


def test_rest_event_has_all_of_the_request(api: Tool) -> None:
    """Format 1.0: last value and list of each header and query parameter, the path and its variables as sent."""
    query = "a=1&a=2&b=%C3%A4"
    reply = send(api, "PUT", f"/orders/A%20B?{query}", b'{"x": 1}', X_Own="yes", Content_Type="application/json")
    event = reply.json
    assert reply.status == 200
    assert (event["httpMethod"], event["path"], event["resource"]) == ("PUT", "/orders/A%20B", "/orders/{id}")
    assert event["pathParameters"] == {"id": "A%20B"}
    assert event["queryStringParameters"] == {"a": "2", "b": "ä"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["ä"]}
    assert (event["headers"]["X-Own"], event["multiValueHeaders"]["X-Own"]) == ("yes", ["yes"])
    assert (event["headers"]["X-Forwarded-For"], event["headers"]["X-Forwarded-Port"]) == ("127.0.0.1", str(api.port))
    assert (event["body"], event["isBase64Encoded"]) == ('{"x": 1}', False)
    context = event["requestContext"]
    assert (context["stage"], context["path"], context["resourcePath"]) == (
        "Prod",
        "/Prod/orders/A%20B",
        "/orders/{id}",
    )
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


REST_HEADERS = [
    # as sent, in the event (None: not there); the column Request for Lambda integrations of the table in
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-known-issues.html, and as captured
    ("tEsT-HEADeR", "tEsT-HEADeR"),
    ("authorization", "Authorization"),
    ("aUThorization", "Authorization"),
    ("user-Agent", "User-Agent"),
    ("accept", "accept"),
    ("Content-MD5", None),
    ("Max-Forwards", None),
    ("Proxy-Authenticate", None),
    ("Server", None),
    ("WWW-Authenticate", None),
    ("Via", "Via"),
    ("Referer", "Referer"),
]


@pytest.mark.parametrize(("sent", "name"), REST_HEADERS)
def test_header_reaches_a_function_behind_a_rest_api_as_documented(api: Tool, sent: str, name: str | None) -> None:
    """Names are as the client wrote them, but for two; some headers stay in API Gateway."""
    event = api.request("POST", "/orders/1", b"x", {sent: "v"}).json
    found = {key: value for key, value in event["headers"].items() if key.lower() == sent.lower()}
    assert found == ({name: "v"} if name else {})
    assert {key: values for key, values in event["multiValueHeaders"].items() if key.lower() == sent.lower()} == (
        {name: ["v"]} if name else {}
    )


def test_length_of_the_body_reaches_a_function_only_behind_an_http_api(api: Tool) -> None:
    """As captured: REST APIs keep `Content-Length`, HTTP APIs pass it on."""
    rest, old, http = (send(api, "POST", path, b"abc").json["headers"] for path in ("/orders/1", "/old", "/http/1"))
    assert "content-length" not in {name.lower() for name in rest}
    assert {name.lower(): value for name, value in old.items()}["content-length"] == "3"
    assert http["content-length"] == "3"


def test_query_is_decoded_as_captured(api: Tool) -> None:
    """Plus signs are spaces; the last value stands alone in format 1.0; format 2.0 has them raw as well."""
    query = "at=10.1+00:00&email=test%2Balias@gmail.com&tag=C%23%20Programming&tag=.NET%20Core&empty="
    rest, http = send(api, "GET", f"/orders/1?{query}").json, send(api, "GET", f"/http/1?{query}").json
    values = {"at": "10.1 00:00", "email": "test+alias@gmail.com", "empty": ""}
    assert rest["queryStringParameters"] == {**values, "tag": ".NET Core"}
    assert rest["multiValueQueryStringParameters"]["tag"] == ["C# Programming", ".NET Core"]
    assert http["queryStringParameters"] == {**values, "tag": "C# Programming,.NET Core"}
    assert http["rawQueryString"] == query


def test_path_is_encoded_as_captured(api: Tool) -> None:
    """REST keeps the encoding everywhere; format 1.0 of an HTTP API in the path alone, format 2.0 nowhere."""
    sent = "/%E2%98%95%20Coffee"
    rest, old, http = (send(api, "POST", f"{path}{sent}").json for path in ("/orders", "/old", "/http"))
    assert (rest["path"], rest["pathParameters"]) == (f"/orders{sent}", {"id": sent[1:]})
    assert rest["requestContext"]["path"] == f"/Prod/orders{sent}"
    assert (old["path"], old["pathParameters"]) == (f"/old{sent}", {"id": "☕ Coffee"})
    assert old["requestContext"]["path"] == "/old/☕ Coffee"
    assert (http["rawPath"], http["pathParameters"]) == ("/http/☕ Coffee", {"id": "☕ Coffee"})
    assert http["requestContext"]["http"]["path"] == "/http/☕ Coffee"


@pytest.mark.parametrize(
    ("sent", "path", "in_context"),
    [
        ("/files/a/", "/files/a/", "/Prod/files/a/"),
        ("//files/a", "/files/a", "/Prod//files/a"),
        ("/files/a//b", "/files/a//b", "/Prod/files/a//b"),
    ],
)
def test_slashes_of_a_rest_path_are_as_captured(api: Tool, sent: str, path: str, in_context: str) -> None:
    """The path has one slash at the beginning, however many there were, and keeps the others."""
    event = send(api, "GET", sent).json
    assert (event["path"], event["requestContext"]["path"]) == (path, in_context)


def test_identity_has_nulls_where_no_authorizer_was_asked(api: Tool) -> None:
    """Code that looks for a caller finds the key."""
    rest, old = send(api, "GET", "/orders/1").json, send(api, "POST", "/old").json
    nobody = dict.fromkeys(
        "accessKey accountId caller cognitoAuthenticationProvider cognitoAuthenticationType cognitoIdentityId "
        "cognitoIdentityPoolId principalOrgId user userArn".split()
    )
    assert rest["requestContext"]["identity"] == {**nobody, "sourceIp": "127.0.0.1", "userAgent": None}
    assert old["requestContext"]["identity"] == {**nobody, "sourceIp": "127.0.0.1", "userAgent": ""}


def test_body_is_base64_in_an_http_api_when_its_type_is_not_text(api: Tool) -> None:
    """The type decides, not the bytes, in both formats."""
    for path in ("/old", "/http/1"):
        event = send(api, "POST", path, bytes((1, 2, 3, 4, 5)), Content_Type="application/octet-stream").json
        assert (event["body"], event["isBase64Encoded"]) == ("AQIDBAU=", True)
