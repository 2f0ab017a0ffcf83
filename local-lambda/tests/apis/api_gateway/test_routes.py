"""Which route takes a request."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from support.api_gateway import CODE, route, send
from support.tool import Project, Tool, run


def test_start_names_the_routes(api: Tool) -> None:
    """When you start it, you see what can be called."""
    api.wait_for(r"route ANY /orders/\{id\} of Echo")


@pytest.mark.parametrize(
    ("method", "path", "resource"),
    [
        ("GET", "/orders/fixed", "/orders/fixed"),
        ("POST", "/orders/fixed", "/orders/{id}"),
        ("GET", "/files/a/b", "/files/{path+}"),
    ],
)
def test_route_is_the_most_exact_one(api: Tool, method: str, path: str, resource: str) -> None:
    """Whole paths before variables before greedy variables."""
    assert send(api, method, path).json["resource"] == resource


def test_a_request_is_a_line_when_it_is_answered(api: Tool) -> None:
    """Method, path, status and duration; the query is not shown, because it may have secrets."""
    since = len(api.lines)
    send(api, "GET", "/orders/7?token=secret")
    api.wait_for(r"^platform \| GET /orders/7 200 \d+ ms$", since)
    send(api, "GET", "/nowhere")
    api.wait_for(r"^platform \| GET /nowhere 404 \d+ ms$", since)


def test_unknown_route_is_404_and_named(api: Tool) -> None:
    """The caller hears what API Gateway says; the tool names the routes there are."""
    since = len(api.lines)
    reply = send(api, "GET", "/nowhere")
    assert (reply.status, reply.json) == (404, {"message": "Not Found"})
    api.wait_for(r"GET /nowhere is not a route; the routes are: .*POST /respond", since)


def test_unknown_route_of_a_rest_api_is_403(make_project: Callable[..., Project]) -> None:
    """API Gateway's famous words."""
    project = make_project({"app.py": CODE}, Echo={"Handler": "app.echo", "Events": {"A": route("Api", "/a", "get")}})
    with project.serving() as tool:
        reply = send(tool, "GET", "/b")
        assert (reply.status, reply.json) == (403, {"message": "Missing Authentication Token"})


def test_invoke_api_is_there_beside_the_routes(api: Tool) -> None:
    """Paths that begin with a version are the Invoke API's."""
    reply = api.invoke("Echo", {"direct": True})
    assert json.loads(reply.json["body"]) == {"direct": True}


def test_start_is_2_when_two_functions_have_one_route(make_project: Callable[..., Project]) -> None:
    """CloudFormation would refuse that, too."""
    events = {"A": route("Api", "/a", "get")}
    project = make_project(
        {"app.py": CODE}, One={"Handler": "app.echo", "Events": events}, Two={"Handler": "app.echo", "Events": events}
    )
    outcome = run("start", "-t", project.template, "--python", project.python, "--port", "0")
    assert outcome.status == 2
    assert "One and Two have the same route, GET /a; change one of them" in outcome.errors


@pytest.mark.parametrize("path", ["/{id}/and/{id}", "/{1st}", "/{path+}/end"])
def test_start_is_2_when_api_gateway_would_refuse_a_path(make_project: Callable[..., Project], path: str) -> None:
    """One line names template, property and path."""
    project = make_project({"app.py": CODE}, One={"Handler": "app.echo", "Events": {"A": route("Api", path, "get")}})
    outcome = run("start", "-t", project.template, "--python", project.python, "--port", "0")
    assert (outcome.status, outcome.errors.count("\n")) == (2, 1)
    assert f"One.Events.A.Properties.Path: '{path}' " in outcome.errors
