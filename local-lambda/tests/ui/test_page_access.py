"""Who may use the port of the page, and what it answers others."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from conftest import MakeProject
from support.live_page import LivePage
from support.tool import Tool


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """A tool with a page and one function."""
    with make_project({"app.py": "handler = lambda event, context: event\n"}, Hello={"Handler": "app.handler"}).serving(
        "--ui"
    ) as tool:
        yield tool


@pytest.fixture(scope="module")
def page(tool: Tool) -> LivePage:
    """Its page."""
    return LivePage(tool)


PATHS = [
    ("GET", "/api/about"),
    ("GET", "/api/stream"),
    ("GET", "/api/picture?environments=1"),
    ("POST", "/api/recordings"),
    ("POST", "/api/functions/Hello/end"),
    ("POST", "/api/environments/1/kill"),
    ("POST", "/2015-03-31/functions/Hello/invocations"),
]


@pytest.mark.parametrize("token", ["", "0" * 32])
@pytest.mark.parametrize(("method", "path"), PATHS)
def test_request_is_refused_when_the_token_is_wrong(page: LivePage, method: str, path: str, token: str) -> None:
    """Nothing is told and nothing is done; the message says what to do."""
    reply = page.request(method, path, token=token)
    assert (reply.status, reply.json) == (
        401,
        {"message": "The token is not that of this run: open the link that the tool has printed"},
    )


def test_files_need_no_token_and_load_nothing_from_elsewhere(page: LivePage) -> None:
    """They are the same for everybody; the policy lets a browser load only what this port has."""
    reply = page.request("GET", "/", token="")
    policy = reply.headers["Content-Security-Policy"]
    assert reply.status == 200
    assert "default-src 'none'" in policy
    assert "'unsafe" not in policy
    assert page.token not in reply.body.decode()
    paths = re.findall(r'(?:src|href)="([^"#]+)"', reply.body.decode())
    assert len(paths) >= 4
    for path in paths:
        assert path.startswith("/")
        found = page.request("GET", path, token="")
        assert (found.status, found.headers["X-Content-Type-Options"]) == (200, "nosniff"), path


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_request_is_refused_when_another_site_sends_it(page: LivePage, headers: dict[str, str]) -> None:
    """Not even a page of another port of this machine, and not even with the token."""
    for path in ("/", "/api/about"):
        assert page.request("GET", path, headers=headers).status == 403
    own = {"Origin": f"http://127.0.0.1:{page.port}", "Sec-Fetch-Site": "same-origin"}
    assert page.request("GET", "/api/about", headers=own).status == 200


def test_request_is_refused_when_the_host_is_a_name_of_others(page: LivePage) -> None:
    """A website's name may resolve to this machine."""
    assert page.request("GET", "/", headers={"Host": "evil.example"}).status == 403
    assert page.request("GET", "/api/about", headers={"Host": f"localhost:{page.port}"}).status == 200


def test_only_so_many_pages_are_served(page: LivePage) -> None:
    """One more is told why; when one has gone, there is room again."""
    opened = [page.messages() for _ in range(8)]
    streams = [each.__enter__() for each in opened]
    assert all(each.next()[0] == "snapshot" for each in streams)
    refused = page.request("GET", "/api/stream")
    assert (refused.status, refused.json["message"]) == (503, "Too many pages are open: close one")
    for each in opened:
        each.__exit__(None, None, None)
    with page.messages() as messages:
        assert messages.next()[0] == "snapshot"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("GET", "/../pyproject.toml", 404),
        ("POST", "/api/about", 405),
        ("POST", "/api/environments/999/kill", 404),
        ("POST", "/api/environments/x/kill", 400),
        ("POST", "/api/functions/Nobody/end", 404),
        ("GET", "/api/events/..%2Ftemplate.yaml", 404),
        ("GET", "/api/kinds/nothing", 404),
        ("GET", "/api/recordings/7?until=1", 404),
        ("GET", "/api/picture?environments=x", 400),
        ("GET", "/api/picture?environments=1&until=soon", 400),
        ("GET", "/api/picture?environments=1&until=inf", 400),
        ("GET", "/api/picture?environments=1&until=nan", 400),
    ],
)
def test_bad_request_has_one_line_that_says_why(
    page: LivePage, tool: Tool, method: str, path: str, status: int
) -> None:
    """And the tool does not report an error of its own."""
    reply = page.request(method, path)
    assert (reply.status, list(reply.json)) == (status, ["message"])
    assert "internal error" not in tool.text
