"""Web frameworks behind routes: adapters of Flask and FastAPI get the path and the query that the caller sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.api_gateway import route, send
from support.tool import Project, Tool

CODE = """
import serverless_wsgi
from fastapi import FastAPI, Request
from flask import Flask, jsonify, request
from mangum import Mangum

wsgi, asgi = Flask(__name__), FastAPI()

@wsgi.get("/<api>/<path:name>")
def flask_echo(api, name):
    return jsonify(name=name, query=request.args.to_dict(flat=False))

@asgi.get("/{api}/{name:path}")
async def fastapi_echo(api: str, name: str, request: Request):
    return {"name": name, "query": {key: request.query_params.getlist(key) for key in request.query_params}}

def flask(event, context):
    return serverless_wsgi.handle_request(wsgi, event, context)

fastapi = Mangum(asgi, lifespan="off")
"""


@pytest.fixture(scope="module")
def web(make_project: Callable[..., Project]) -> Iterator[Tool]:
    """Each framework behind both kinds of API."""

    def events(name: str) -> dict[str, object]:
        paths = {"Api": f"/{name}-rest/{{proxy+}}", "HttpApi": f"/{name}-http/{{proxy+}}"}
        old = route("HttpApi", f"/{name}-old/{{proxy+}}", "any", PayloadFormatVersion="1.0")
        return {**{kind: route(kind, path, "any") for kind, path in paths.items()}, "Old": old}

    functions = {
        name.title(): {"Handler": f"app.{name}", "Events": events(name), "Timeout": 30} for name in ("flask", "fastapi")
    }
    with make_project({"app.py": CODE}, **functions).serving() as tool:
        yield tool


@pytest.mark.parametrize("api", ["rest", "http", "old"])
@pytest.mark.parametrize("framework", ["flask", "fastapi"])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("caf%C3%A9", "café"),
        ("100%25", "100%"),
        ("a%20b+c", "a b+c"),
        ("%E2%98%95/%F0%9F%98%8A", "☕/😊"),
        ("x/y/z", "x/y/z"),
    ],
)
def test_framework_sees_the_path_that_was_sent(web: Tool, api: str, framework: str, path: str, name: str) -> None:
    """Adapters decode what a REST API leaves encoded, and find nothing to decode in what an HTTP API decoded."""
    reply = send(web, "GET", f"/{framework}-{api}/{path}?q=caf%C3%A9&q=2&r=100%25")
    assert (reply.status, reply.json["name"]) == (200, name)
    query = reply.json["query"]
    assert query["r"] == ["100%"]
    assert query["q"] == ["café", "2"]


@pytest.mark.parametrize(("api", "name"), [("rest", "100%25"), ("old", "100%25"), ("http", "100%")])
@pytest.mark.parametrize("framework", ["flask", "fastapi"])
def test_path_that_is_encoded_twice_is_what_the_payload_format_leaves_of_it(
    web: Tool, api: str, name: str, framework: str
) -> None:
    """Format 2.0 has decoded once already; an adapter that decodes again loses the inner encoding, on AWS as here."""
    assert send(web, "GET", f"/{framework}-{api}/100%2525").json["name"] == name
