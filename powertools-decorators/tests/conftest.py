"""What several tests need: loggers whose rows can be read, a Lambda context, an HTTP server that follows a script."""

import io
import itertools
import json
import logging
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

import pytest
from hypothesis import HealthCheck, settings

from pypwext import _reported
from pypwext.pwlogging import PyPwExtLogger

# A busy machine must not fail a property. The fixtures of these tests are the same for every example.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("patient")

NUMBERS = itertools.count()

# What the machine that runs the tests may have set, and what one test must not leave to the next.
VARIABLES = (
    "AWS_ENDPOINT_URL_LAMBDA",
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "LOG_LEVEL",
    "METRICS_NAMESPACE",
    "POWERTOOLS_DEV",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
    "SERVICE_NAME",
    "_X_AMZN_TRACE_ID",
)


SOURCES = str(Path(__file__).resolve().parent.parent / "src")


def run_python(script: str, *arguments: str, **variables: str) -> str:
    """Return what script prints, in an interpreter that has imported nothing yet."""
    environment = {**os.environ, "PYTHONPATH": SOURCES, **variables}
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    """The variables of a Lambda function, with dummy credentials."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(_reported, "_default_logger", None)
    return monkeypatch


class LogFile:
    """A logger and the rows it has written."""

    def __init__(self, **options: Any) -> None:
        self.stream = io.StringIO()
        options.setdefault("service", f"service-{next(NUMBERS)}")
        options.setdefault("level", "DEBUG")
        self.logger = PyPwExtLogger(logger_handler=logging.StreamHandler(self.stream), **options)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def rows(self) -> List[Dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def messages(self) -> List[Any]:
        return [row["message"] for row in self.rows]


@pytest.fixture
def log():
    """A logger for DEBUG and above, and its rows."""
    return LogFile()


@pytest.fixture
def make_log():
    """Make a logger with options, and its rows."""
    return LogFile


class Context:
    """What Lambda passes to a handler along with the event."""

    function_name = "orders"
    function_version = "$LATEST"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
    memory_limit_in_mb = "256"
    aws_request_id = "a89efe17-7a9e-49f8-9b4c-f00abd7b2ac8"
    log_group_name = "/aws/lambda/orders"
    log_stream_name = "2024/01/01/[$LATEST]0123"

    def __init__(self, remaining: float = 30) -> None:
        self.remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining * 1000)


@pytest.fixture
def context():
    """A context with half a minute left."""
    return Context()


class Answer(NamedTuple):
    """What the server answers."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = MappingProxyType({})


class Received(NamedTuple):
    """What the server was asked."""

    method: str
    path: str
    headers: Any
    body: bytes


class Server:
    """Answers each path with its script, response by response; the last response of a script stays."""

    def __init__(self) -> None:
        self.scripts: Dict[str, List[Answer]] = {}
        self.received: List[Received] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.received.append(Received(self.command, self.path, self.headers, body))
                answer = server.take(self.path.partition("?")[0])
                self.send_response(answer.status)
                headers = {"Content-Type": "application/json", "Content-Length": str(len(answer.body))}
                for name, value in {**headers, **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer.body)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = answer

            def log_message(self, *args: Any) -> None:
                """Keep the test output clean."""

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    def script(self, path: str, *answers: Answer) -> None:
        self.scripts[path] = list(answers)

    def take(self, path: str) -> Answer:
        answers = self.scripts.get(path, [Answer()])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def close(self) -> None:
        self.http.shutdown()
        self.http.server_close()
        self.thread.join()


@pytest.fixture
def server():
    """A server on a free port."""
    server = Server()
    yield server
    server.close()


@pytest.fixture
def sleeps(monkeypatch):
    """The seconds urllib3 would have slept between attempts; nothing really sleeps."""
    import urllib3.util.retry

    slept: List[float] = []

    class Clock:
        sleep = staticmethod(slept.append)
        time = staticmethod(lambda: 0.0)

    monkeypatch.setattr(urllib3.util.retry, "time", Clock)
    return slept


def location_of(row: Dict[str, Any]) -> Tuple[str, int]:
    """Return function and line of a row."""
    function, _, line = row["location"].rpartition(":")
    return function, int(line)
