"""The module that functions whose code is text send the responses of custom resources with."""

from __future__ import annotations

import ast
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from local_lambda.functions import cfnresponse
from local_lambda.functions.bundle import write_code

CONTEXT = SimpleNamespace(log_stream_name="2024/01/01/[$LATEST]0123")
EVENT = {"StackId": "arn:stack", "RequestId": "one", "LogicalResourceId": "Mine"}
PUBLIC = {
    "Status": "SUCCESS",
    "Reason": f"See the details in CloudWatch Log Stream: {CONTEXT.log_stream_name}",
    "PhysicalResourceId": CONTEXT.log_stream_name,
    **EVENT,
    "NoEcho": False,
    "Data": {"Answer": 42},
}


class _Place(HTTPServer):
    """A place in S3, which takes one object."""

    received: tuple[str, str | None, Any]
    timeout = 60


class _Handler(BaseHTTPRequestHandler):
    server: _Place

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.received = self.path, self.headers["Content-Type"], body
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        """Nothing."""


@pytest.fixture
def place() -> Iterator[_Place]:
    with _Place(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server
        thread.join()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((), {}),
        (("mine", True, "done"), {"PhysicalResourceId": "mine", "NoEcho": True, "Reason": "done"}),
    ],
)
def test_send_puts_the_response_to_the_url_of_the_request(
    place: _Place, given: tuple[Any, ...], expected: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the members that CloudFormation reads, and without a type, as the signature of the URL demands."""
    url = f"http://127.0.0.1:{place.server_port}/bucket/key?signature=x%2By"
    cfnresponse.send({**EVENT, "ResponseURL": url}, CONTEXT, cfnresponse.SUCCESS, {"Answer": 42}, *given)
    path, content_type, body = place.received
    assert (path, content_type, body) == ("/bucket/key?signature=x%2By", "", {**PUBLIC, **expected})
    assert "Status code: 200" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "nowhere"])
def test_send_prints_why_the_response_was_not_sent(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The function continues."""
    cfnresponse.send({**EVENT, "ResponseURL": url}, CONTEXT, cfnresponse.FAILED, {})
    assert "send(..) failed executing the request: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("source", "there"),
    [
        ("import cfnresponse\n", True),
        ("import json\nimport cfnresponse  # to respond\n", True),
        ("import json\n", False),
        ("import cfnresponses\n", False),
    ],
)
def test_module_is_next_to_the_code_that_imports_it(tmp_path: Path, source: str, there: bool) -> None:
    """The functions of a template have it; it is in no zip package. It runs on every Python that functions run on."""
    module = write_code(source, tmp_path) / "cfnresponse.py"
    assert module.exists() == there
    if there:
        ast.parse(module.read_text(), feature_version=(3, 8))
