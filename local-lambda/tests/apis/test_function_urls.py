"""Function URLs: events, responses, CORS, signatures and streams, on `start`."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from conftest import MakeProject
from support.streaming import make_wrapper
from support.tool import DEADLINE_SECONDS, Gate, Reply, Tool

CODE = """
def echo(event, context):
    event["request id"] = context.aws_request_id
    return event

def answer(event, context):
    return event["body"] and __import__("json").loads(event["body"])

def fail(event, context):
    raise ValueError("no")
"""
FORBIDDEN = (  # recorded, see application.py
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
PAGE = "https://shop.example"
CORS = {"AllowOrigins": [PAGE], "AllowMethods": ["GET", "PUT"], "AllowHeaders": ["x-a", "x-b"], "MaxAge": 60}


class Site:
    """The URL of one function."""

    def __init__(self, tool: Tool, name: str) -> None:
        self.tool = tool
        self.url = tool.wait_for(rf"URL of {name}: (\S+)")[1]
        self.host = urlsplit(self.url).netloc

    def ask(self, path: str = "/", method: str = "GET", body: bytes = b"", **headers: str) -> Reply:
        """One request."""
        return self.send(path, method, body, {name.replace("_", "-"): value for name, value in headers.items()})

    def send(self, path: str, method: str, body: bytes, headers: dict[str, str]) -> Reply:
        """The same with headers as they are."""
        connection = HTTPConnection(self.host, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Reply(answer.status, answer.msg, answer.read())
        finally:
            connection.close()


@pytest.fixture(scope="module")
def tool(make_project: MakeProject, shared_folder: Path) -> Iterator[Tool]:
    """`start` with a function for each kind of URL."""
    wrapper = make_wrapper(shared_folder, "pieces.py")
    streams = {"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)}}, "Handler": "app.none"}
    stream = {"AuthType": "NONE", "InvokeMode": "RESPONSE_STREAM"}
    functions: dict[str, dict[str, Any]] = {
        "Echo": {"FunctionUrlConfig": {"AuthType": "NONE"}},
        "Answer": {"FunctionUrlConfig": {"AuthType": "NONE", "Cors": CORS}},
        "Fail": {"FunctionUrlConfig": {"AuthType": "NONE"}},
        "Signed": {"Handler": "app.echo", "FunctionUrlConfig": {"AuthType": "AWS_IAM"}},
        "Pieces": {**streams, "FunctionUrlConfig": stream},
        "Whole": {"Handler": "app.answer", "FunctionUrlConfig": stream},
    }
    functions = {name: {"Handler": f"app.{name.lower()}", **properties} for name, properties in functions.items()}
    with make_project({"app.py": CODE}, **functions).serving("--max-environments", "2") as tool:
        yield tool


@pytest.fixture
def site(tool: Tool) -> Callable[[str], Site]:
    """The site of a function."""
    return lambda name: Site(tool, name)


def test_event_is_that_of_a_function_url(site: Callable[[str], Site]) -> None:
    """Payload format 2.0 with the URL's id; nobody is known by name."""
    echo = site("Echo")
    event = echo.ask("/my/path?a=1&a=2", "POST", b"text", Content_Type="text/plain", Cookie="x=1; y=2").json
    context = event["requestContext"]
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "$default", "/my/path")
    assert (event["rawQueryString"], event["queryStringParameters"]) == ("a=1&a=2", {"a": "1,2"})
    assert (event["cookies"], event["body"], event["isBase64Encoded"]) == (["x=1", "y=2"], "text", False)
    assert (context["accountId"], context["stage"]) == ("anonymous", "$default")
    assert context["http"]["method"] == "POST"
    assert len(context["apiId"]) == 32
    assert context["requestId"] == event["request id"]
    assert "authorizer" not in context


@pytest.mark.parametrize("path", ["/a%2Fb%20c", "//a//b/", "/%E2%98%95?x=%2F%20+", "/?" + "long=%C3%A4&" * 600])
def test_path_and_query_are_as_they_were_sent(site: Callable[[str], Site], path: str) -> None:
    """Nothing is decoded, other than in an HTTP API."""
    event = site("Echo").ask(path).json
    path, _, query = path.partition("?")
    assert (event["rawPath"], event["requestContext"]["http"]["path"]) == (path, path)
    assert event["rawQueryString"] == query


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS"])
def test_every_method_reaches_the_function(site: Callable[[str], Site], method: str) -> None:
    """The response to HEAD has no body."""
    reply = site("Echo").ask("/", method)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "application/json")
    if method == "HEAD":
        assert (reply.body, int(reply.headers["Content-Length"]) > 9) == (b"", True)
    else:
        assert reply.json["requestContext"]["http"]["method"] == method


def test_response_is_read_as_in_format_2(site: Callable[[str], Site]) -> None:
    """Status, headers, cookies and a body in Base64; or the result itself."""
    headers = {"X-A": "b", "WWW-Authenticate": "Basic"}
    returned = {"statusCode": 201, "headers": headers, "cookies": ["c=1"], "body": "aGk=", "isBase64Encoded": True}
    reply = site("Answer").ask("/", "PUT", json.dumps(returned).encode(), Content_Type="application/json")
    assert (reply.status, reply.body, reply.headers["X-A"], reply.headers["Set-Cookie"]) == (201, b"hi", "b", "c=1")
    assert reply.headers["x-amzn-RequestId"]
    assert reply.headers["Content-Type"] == "application/json"
    assert (reply.headers["WWW-Authenticate"], reply.headers["x-amzn-Remapped-WWW-Authenticate"]) == (None, "Basic")
    assert reply.headers["Date"].endswith(" GMT")
    reply = site("Answer").ask("/", "PUT", b'{"plain": 1}', Content_Type="application/json")
    assert (reply.status, reply.json, reply.headers["Content-Type"]) == (200, {"plain": 1}, "application/json")


def test_function_that_fails_is_a_502(site: Callable[[str], Site]) -> None:
    """The reason is in the log alone."""
    fail = site("Fail")
    reply = fail.ask()
    assert (reply.status, reply.body) == (502, b"Internal Server Error")
    fail.tool.wait_for("the URL of Fail: status 502, the function failed")
    reply = site("Answer").ask("/", "PUT", b'{"statusCode": "soon"}', Content_Type="application/json")
    assert reply.status == 502


def test_preflight_is_answered_without_the_function(site: Callable[[str], Site]) -> None:
    """A page that may call learns what it may send; another one learns nothing."""
    asks = {"Access_Control_Request_Method": "PUT", "Access_Control_Request_Headers": "x-a"}
    reply = site("Answer").ask("/", "OPTIONS", Origin=PAGE, **asks)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE
    assert reply.headers["Access-Control-Allow-Methods"] == "GET,PUT"
    assert reply.headers["Access-Control-Allow-Headers"] == "x-a,x-b"
    assert reply.headers["Access-Control-Max-Age"] == "60"
    reply = site("Answer").ask("/", "OPTIONS", Origin=PAGE, Access_Control_Request_Method="DELETE")
    assert "Access-Control-Allow-Origin" not in reply.headers
    assert site("Answer").ask("/", "OPTIONS", Origin="https://evil.example", **asks).status == 403


def test_page_gets_the_headers_of_the_settings(site: Callable[[str], Site]) -> None:
    """They replace what the function says."""
    returned = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}, "body": ""}
    reply = site("Answer").ask("/", "PUT", json.dumps(returned).encode(), Origin=PAGE, Content_Type="application/json")
    assert reply.headers.get_all("Access-Control-Allow-Origin") == [PAGE]
    reply = site("Answer").ask("/", "PUT", json.dumps(returned).encode(), Content_Type="application/json")
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_url_without_cors_is_closed_to_other_sites(site: Callable[[str], Site]) -> None:
    """Loopback does not protect from a page in a browser."""
    assert site("Echo").ask("/", Origin=PAGE).status == 403


def test_url_with_iam_takes_signed_requests_only(site: Callable[[str], Site]) -> None:
    """A header or a presigned URL; the event names the caller."""
    signed = site("Signed")
    refused = signed.ask()
    assert (refused.status, refused.json) == (403, {"Message": FORBIDDEN})
    assert refused.headers["x-amzn-ErrorType"] == "AccessDeniedException"
    assert refused.headers["x-amzn-RequestId"]
    credentials = Credentials("local-lambda", "local-lambda")
    request = AWSRequest("GET", f"{signed.url}a", headers={"Host": signed.host})
    SigV4Auth(credentials, "lambda", "us-east-1").add_auth(request)
    event = signed.send("/a", "GET", b"", dict(request.headers.items())).json
    identity = event["requestContext"]["authorizer"]["iam"]
    assert (identity["accessKey"], event["requestContext"]["accountId"]) == ("local-lambda", "123456789012")
    request = AWSRequest("GET", f"{signed.url}a", headers={"Host": signed.host})
    SigV4QueryAuth(credentials, "lambda", "us-east-1", expires=60).add_auth(request)
    with urllib.request.urlopen(request.url, timeout=DEADLINE_SECONDS) as answer:
        assert answer.status == 200
    other = AWSRequest("GET", f"{signed.url}a", headers={"Host": signed.host})
    SigV4Auth(credentials, "s3", "us-east-1").add_auth(other)
    assert signed.send("/a", "GET", b"", dict(other.headers.items())).status == 403


def test_streamed_response_leaves_when_it_comes(site: Callable[[str], Site], make_gate: Callable[[], Gate]) -> None:
    """The first piece is there while the function waits for the second."""
    gate = make_gate()
    connection = HTTPConnection(site("Pieces").host, timeout=DEADLINE_SECONDS)
    connection.request("GET", f"/?gate={quote(gate.path)}")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/x-pieces")
    assert answer.read1() == b"first "
    gate.open()
    assert answer.read() == b"second"
    connection.close()


def test_streamed_response_with_a_prelude_has_its_status_and_headers(site: Callable[[str], Site]) -> None:
    """Cookies too; the prelude is not part of the body."""
    prelude = {"statusCode": 203, "headers": {"x-a": "b"}, "cookies": ["c=1"]}
    reply = site("Pieces").ask("/?" + urlencode({"prelude": json.dumps(prelude)}))
    assert (reply.status, reply.headers["x-a"], reply.headers["Set-Cookie"]) == (203, "b", "c=1")
    assert reply.body == b"first second"


@pytest.mark.parametrize("prelude", ["no JSON", "[]", '{"statusCode": 99}', '{"headers": {"a b": "c"}}', "long"])
def test_streamed_response_with_a_broken_prelude_is_a_502(site: Callable[[str], Site], prelude: str) -> None:
    """The next request is served."""
    pieces = site("Pieces")
    assert pieces.ask("/?" + urlencode({"prelude": prelude})).status == 502
    assert pieces.ask().body == b"first second"


def test_streamed_response_without_a_body_has_none(site: Callable[[str], Site]) -> None:
    """Status 204 would otherwise be followed by bytes that look like the next response."""
    reply = site("Pieces").ask("/?" + urlencode({"prelude": '{"statusCode": 204}'}))
    assert (reply.status, reply.body) == (204, b"")


def test_streamed_response_that_breaks_off_has_no_end(site: Callable[[str], Site]) -> None:
    """The client notices, instead of taking a part for the whole."""
    with pytest.raises(IncompleteRead) as cut:
        site("Pieces").ask("/?die=1")
    assert cut.value.partial == b"first "


def test_stream_of_a_function_that_does_not_stream_is_its_payload(site: Callable[[str], Site]) -> None:
    """As it is: nothing reads a status out of it."""
    returned = b'{"statusCode": 201, "body": "x"}'
    reply = site("Whole").ask("/", "POST", returned, Content_Type="application/json")
    assert (reply.status, reply.json) == (200, json.loads(returned))
