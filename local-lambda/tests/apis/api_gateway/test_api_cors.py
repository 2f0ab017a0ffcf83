"""CORS of APIs: HTTP APIs answer preflight requests and add headers, REST APIs have methods `OPTIONS` alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conftest import MakeProject
from support.api_gateway import CODE, respond, route, send
from support.tool import Project, Tool

PAGE = "https://shop.example"
SETTINGS = {"AllowOrigins": [PAGE], "AllowMethods": ["POST"], "AllowHeaders": ["content-type"], "MaxAge": 9}
REST = {"AllowOrigin": f"'{PAGE}'", "AllowMethods": "'GET,POST'", "AllowHeaders": "'x-a'", "MaxAge": "'8'"}


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """SAM's own two APIs, with settings of `Globals`."""
    events = {
        "Http": route("HttpApi", "/http", "post"),
        "Rest": route("Api", "/rest", "post"),
    }
    project: Project = make_project({"app.py": CODE}, Respond={"Handler": "app.respond", "Events": events})
    document: dict[str, Any] = json.loads(project.template.read_text())
    document["Globals"] = {"HttpApi": {"CorsConfiguration": SETTINGS}, "Api": {"Cors": REST}}
    project.template.write_text(json.dumps(document))
    with project.serving() as tool:
        yield tool


def test_http_api_answers_a_preflight_request(tool: Tool) -> None:
    """204, without the function; a page of another origin does not even get that far."""
    asks = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "content-type"}
    reply = send(tool, "OPTIONS", "/http", Origin=PAGE, **asks)
    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE
    assert reply.headers["Access-Control-Allow-Methods"] == "POST"
    assert reply.headers["Access-Control-Allow-Headers"] == "content-type"
    assert reply.headers["Access-Control-Max-Age"] == "9"
    assert send(tool, "OPTIONS", "/http", Origin="https://evil.example", **asks).status == 403


def test_http_api_replaces_the_headers_of_the_function(tool: Tool) -> None:
    """With its own for a page, and with none for other callers."""
    answer = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*", "X-A": "b"}}
    reply = send(tool, "POST", "/http", json.dumps(answer).encode(), Origin=PAGE, Content_Type="application/json")
    assert reply.headers.get_all("Access-Control-Allow-Origin") == [PAGE]
    assert reply.headers["X-A"] == "b"
    assert "Access-Control-Allow-Origin" not in respond(tool, "/http", answer).headers


def test_rest_api_has_a_method_options(tool: Tool) -> None:
    """Its headers are those of the settings; everything else is up to the function."""
    reply = send(tool, "OPTIONS", "/rest", Origin=PAGE, Access_Control_Request_Method="POST")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["Access-Control-Allow-Origin"] == PAGE
    assert reply.headers["Access-Control-Allow-Methods"] == "GET,POST"
    assert reply.headers["Access-Control-Allow-Headers"] == "x-a"
    assert reply.headers["Access-Control-Max-Age"] == "8"
    answer = {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "*"}}
    reply = send(tool, "POST", "/rest", json.dumps(answer).encode(), Origin=PAGE, Content_Type="application/json")
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert send(tool, "OPTIONS", "/none").status in (403, 404)
