"""`start` serves a REST API and an HTTP API with the same paths: each has its own routes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from support.api_gateway import CODE, route, send
from support.tool import Project, Tool


@pytest.fixture(scope="module")
def shop(make_project: Callable[..., Project]) -> Iterator[Tool]:
    """Two functions behind the same paths of different APIs."""
    rest = {"A": route("Api", "/orders/{id}", "get"), "B": route("Api", "/{proxy+}", "any")}
    http = {"A": route("HttpApi", "/orders/{id}", "GET"), "B": route("HttpApi")}
    project = make_project(
        {"app.py": CODE},
        Old={"Handler": "app.echo", "Events": rest},
        New={"Handler": "app.echo", "Events": http},
    )
    with project.serving() as tool:
        yield tool


def test_start_says_where_each_api_is(shop: Tool) -> None:
    """An address for each API, and which routes only that address reaches."""
    rest, http = (f"{shop.url}/_apis/{api}" for api in ("ServerlessRestApi", "ServerlessHttpApi"))
    for line in (
        f"REST API ServerlessRestApi on {rest}",
        "route GET /orders/{id} of Old",
        "route ANY /{proxy+} of Old",
        f"HTTP API ServerlessHttpApi on {http}",
        f"route GET /orders/{{id}} of New, only below {http}",
        "route $default of New",
    ):
        shop.wait_for(f"{re.escape(line)}\n$")


@pytest.mark.parametrize(
    ("path", "api", "seen"),
    [
        ("/_apis/ServerlessRestApi/orders/7", "ServerlessRestApi", "/orders/7"),
        ("/_apis/ServerlessHttpApi/orders/7", "ServerlessHttpApi", "/orders/7"),
        ("/_apis/ServerlessRestApi/a%20b/c/", "ServerlessRestApi", "/a%20b/c/"),
        ("/_apis/ServerlessHttpApi/", "ServerlessHttpApi", "/"),
        ("/_apis/ServerlessHttpApi", "ServerlessHttpApi", "/"),
        ("/orders/7", "ServerlessRestApi", "/orders/7"),
        ("/", "ServerlessHttpApi", "/"),
    ],
)
def test_request_reaches_the_api_it_names(shop: Tool, path: str, api: str, seen: str) -> None:
    """The function sees the path without the prefix; without one, the API that comes first in the template answers."""
    event = send(shop, "GET", path).json
    assert event["requestContext"]["apiId"] == api
    assert (event["path"] if api == "ServerlessRestApi" else event["rawPath"]) == seen


@pytest.mark.parametrize(
    ("path", "status"), [("/_apis/ServerlessRestApi/", 403), ("/_apis/Nobody/orders/7", 404), ("/_apis/", 404)]
)
def test_request_is_refused_in_the_words_of_the_api_it_names(shop: Tool, path: str, status: int) -> None:
    """An API refuses a path that only the other API serves."""
    message = "Missing Authentication Token" if status == 403 else "Not Found"
    reply = send(shop, "GET", path)
    assert (reply.status, reply.json) == (status, {"message": message})
