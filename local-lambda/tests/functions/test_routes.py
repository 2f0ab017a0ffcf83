"""The routes of a template: which there are, of which API, and what API Gateway would refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_lambda.errors import UsageError
from local_lambda.functions.config import ApiRoute
from local_lambda.functions.given import Given
from local_lambda.functions.template import load_functions


def routes(folder: Path, kind: str, **properties: Any) -> tuple[ApiRoute, ...]:
    """The routes of a function with one event."""
    event = {"Type": kind, "Properties": properties}
    function = {"Handler": "app.handler", "Runtime": "python3.11", "Events": {"Call": event}}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": function},
        "Shop": {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "v1"}},
    }
    template = folder / "template.yaml"
    template.write_text(json.dumps({"Resources": resources}))
    functions = load_functions(template, Given())
    functions.require_one()
    return functions[0].routes


@pytest.mark.parametrize(
    ("kind", "properties", "api"),
    [
        ("Api", {}, "ServerlessRestApi"),
        ("HttpApi", {}, "ServerlessHttpApi"),
        ("Api", {"RestApiId": {"Ref": "Shop"}}, "Shop"),
        ("Api", {"RestApiId": "Shop"}, "Shop"),
    ],
)
def test_route_belongs_to_an_api_when_the_event_names_it_or_not(
    tmp_path: Path, kind: str, properties: dict[str, Any], api: str
) -> None:
    """SAM adds an API of each kind for the events that name none."""
    assert [route.api for route in routes(tmp_path, kind, Path="/a", Method="get", **properties)] == [api]


@pytest.mark.parametrize("kind", ["Api", "HttpApi"])
@pytest.mark.parametrize(
    "path",
    ["/", "/users/{user-id}", "/{a.b}/{_c}/{d:e}", "/files/{path+}", "/{proxy+}", "/orders/", "/.well-known/a_b-c:d"],
)
def test_path_is_taken_when_api_gateway_takes_it(tmp_path: Path, kind: str, path: str) -> None:
    """Variables are whole segments of letters, digits and . _ : - and only the last may be greedy."""
    assert [route.path for route in routes(tmp_path, kind, Path=path, Method="get")] == [path]


@pytest.mark.parametrize("path", ["/café", "/a b", "/users/@me", "/a+b"])
def test_text_of_a_path_is_refused_when_a_rest_api_would_refuse_it(tmp_path: Path, path: str) -> None:
    """A REST API's path part only allows a-zA-Z0-9._-: and that is what the service says."""
    with pytest.raises(UsageError, match=r"use letters, digits and \. _ : - only"):
        routes(tmp_path, "Api", Path=path, Method="get")
    assert [route.path for route in routes(tmp_path, "HttpApi", Path=path, Method="get")] == [path]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("orders", "does not start with a slash"),
        ("/{id}/x/{id}", "has the variable id twice"),
        ("/{id}/{id+}", "has the variable id twice"),
        ("/{1st}", "has the segment '{1st}'"),
        ("/{}", "has the segment '{}'"),
        ("/{a b}", "has the segment '{a b}'"),
        ("/{id", "has the segment '{id'"),
        ("/x{id}", "has the segment 'x{id}'"),
        ("/{a}{b}", "has the segment '{a}{b}'"),
        ("/{a\n}", 'has the segment "{a\\n}"'),
        ("/a\x1b[2J\r\nx: y", 'has the segment "a\\u001b[2J\\r\\nx: y"'),
        ("/{path+}/end", "continues after the greedy variable {path+}"),
        ("/" + "{a+}/" * 5_000, "continues after the greedy variable {a+}"),
    ],
)
@pytest.mark.parametrize("kind", ["Api", "HttpApi"])
def test_path_is_refused_in_one_line_when_api_gateway_would_refuse_it(
    tmp_path: Path, kind: str, path: str, reason: str
) -> None:
    """Template, property, what is wrong and what to do."""
    with pytest.raises(UsageError) as error:
        routes(tmp_path, kind, Path=path, Method="get")
    text = str(error.value)
    assert text.isprintable()
    assert len(text) < 500
    assert "Hello.Events.Call.Properties.Path: " in text
    assert reason in text


@pytest.mark.parametrize(("method", "shown"), [("fetch", "'FETCH'"), ("G\r\nET", r'"G\\r\\nET"')])
def test_method_is_refused_when_api_gateway_does_not_know_it(tmp_path: Path, method: str, shown: str) -> None:
    """A route that no request could take is a mistake."""
    with pytest.raises(UsageError, match=f"Method: {shown} is unknown; use GET, POST"):
        routes(tmp_path, "HttpApi", Path="/a", Method=method)


def test_second_event_of_one_route_is_a_remark(tmp_path: Path) -> None:
    """It may have a different authorizer, for example."""
    get = {"Type": "Api", "Properties": {"Path": "/a", "Method": "get"}}
    put = {"Type": "Api", "Properties": {"Path": "/a", "Method": "put"}}
    function = {"Handler": "app.handler", "Runtime": "python3.11", "Events": {"One": get, "Two": get, "Put": put}}
    template = tmp_path / "template.yaml"
    resources = {"Hello": {"Type": "AWS::Serverless::Function", "Properties": function}}
    template.write_text(json.dumps({"Resources": resources}))
    assert load_functions(template, Given()).remarks == (
        "Hello has the route GET /a of ServerlessRestApi more than once: the first is served;"
        " remove the others, which AWS refuses",
    )
