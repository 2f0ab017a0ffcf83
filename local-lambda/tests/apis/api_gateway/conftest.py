"""A REST API next to an HTTP API."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from support.api_gateway import CODE, route
from support.tool import Project, Tool


@pytest.fixture(scope="module")
def api(make_project: Callable[..., Project]) -> Iterator[Tool]:
    """A REST API next to an HTTP API."""
    echo = {
        "Fixed": route("Api", "/orders/fixed", "get"),
        "One": route("Api", "/orders/{id}", "any"),
        "Greedy": route("Api", "/files/{path+}", "get"),
        "Http": route("HttpApi", "/http/{id}", "ANY"),
        "Old": route("HttpApi", "/old", "post", PayloadFormatVersion="1.0"),
        "OldOne": route("HttpApi", "/old/{id}", "post", PayloadFormatVersion="1.0"),
    }
    respond = {"Rest": route("Api", "/respond", "post"), "Http": route("HttpApi", "/http-respond", "post")}
    crash = {"Rest": route("Api", "/crash", "get"), "Http": route("HttpApi", "/http-crash", "get")}
    project = make_project(
        {"app.py": CODE},
        Echo={"Handler": "app.echo", "Events": echo, "Tracing": "Active"},
        Respond={"Handler": "app.respond", "Events": respond},
        Crash={"Handler": "app.crash", "Events": crash},
    )
    with project.serving() as tool:
        yield tool
