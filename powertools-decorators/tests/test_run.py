"""The example as a whole, and pypwext's calls to Lambda, on local-lambda."""

import json
import os
import queue
import random
import re
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from pypwext.pwhttp import LambdaResponse, PyPwExtHTTPSession

FOLDER = Path(__file__).resolve().parent.parent
LOCAL_LAMBDA = os.environ.get("LOCAL_LAMBDA") or str(FOLDER.parent / "local-lambda/.venv/bin/local-lambda")


def has_what_functions_need() -> bool:
    """Return whether the functions can run on this Python, in a process that knows nothing of these tests."""
    return (
        subprocess.run([sys.executable, "-c", "import awslambdaric, pypwext"], stderr=subprocess.DEVNULL).returncode
        == 0
    )


# Who names a local-lambda wants these tests to run, so then a missing one is an error.
needs_local_lambda = pytest.mark.skipif(
    "LOCAL_LAMBDA" not in os.environ and not shutil.which(LOCAL_LAMBDA),
    reason=f"{LOCAL_LAMBDA} is missing: `make install` installs it",
)
needs_packages = pytest.mark.skipif(
    "LOCAL_LAMBDA" not in os.environ and not has_what_functions_need(),
    reason=f"pypwext or awslambdaric is not installed for {sys.executable}: `make install` does it",
)
pytestmark = [needs_local_lambda, needs_packages]

# A test that waits longer than this for something has failed; none waits this long when all is well.
PATIENCE = 60

TEMPLATE = """
Resources:
  Echo:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: echo
      Runtime: python3.13
      Handler: echo.handler
      CodeUri: .
"""

ECHO = """
from pypwext.pwlogging import PyPwExtLogger

logger = PyPwExtLogger(service="echo")


@logger.method(level="INFO")
def handler(event, context):
    if event.get("fail"):
        raise ValueError("told to fail: ä")
    custom = context.client_context.custom if context.client_context else None
    return {"event": event, "custom": custom, "letters": "ä"}
"""


class LocalLambda:
    """`local-lambda start` with what it writes to standard error, line by line."""

    def __init__(self, template: Path, **variables: str) -> None:
        command = [LOCAL_LAMBDA, "start", "--template", str(template), "--port", "0"]
        environment = {**os.environ, "LOCAL_LAMBDA_PYTHON": sys.executable, **variables}
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, universal_newlines=True)
        self.lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        try:
            self.url = self.wait_for(r"listening on (http://\S+)").group(1)
        except BaseException:
            self.process.kill()
            raise

    def read(self) -> None:
        for line in self.process.stderr:
            self.lines.put(line)
        self.lines.put("")

    def wait_for(self, pattern: str) -> "re.Match[str]":
        """Return the match of the next line that matches."""
        while True:
            line = self.lines.get(timeout=PATIENCE)
            assert line, f"local-lambda ended before it wrote {pattern!r}"
            match = re.search(pattern, line)
            if match:
                return match

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(PATIENCE)


@pytest.fixture(scope="module")
def tool(tmp_path_factory):
    """A function that returns what it was asked, on local-lambda."""
    folder = tmp_path_factory.mktemp("echo")
    (folder / "template.yaml").write_text(TEMPLATE)
    (folder / "echo.py").write_text(ECHO)
    tool = LocalLambda(folder / "template.yaml")
    yield tool
    assert tool.stop() == 0


@pytest.fixture
def http(tool, environment, log):
    """A session whose Lambda is local-lambda."""
    environment.setenv("AWS_ENDPOINT_URL_LAMBDA", tool.url)
    with PyPwExtHTTPSession(logger=log.logger) as session:
        yield session


class TestFunc:
    @pytest.mark.parametrize(
        "name",
        ["echo", "123456789012:function:echo", "arn:aws:lambda:us-east-1:123456789012:function:echo", "echo:$LATEST"],
    )
    def test_function_answers_when_named_by(self, http, name):
        """Names, partial ARN, ARN and qualifier all reach the function."""
        response = http.func(name, data={"id": 7}, params={"country": "SE"})
        assert (response.StatusCode, response.ExecutedVersion, response.FunctionError) == (200, "$LATEST", None)
        assert response.payload_as_dict() == {"event": {"id": 7}, "custom": {"country": "SE"}, "letters": "ä"}
        assert '"letters": "ä"' in response.payload_as_text()

    def test_function_is_called_when_decorated(self, http):
        """FUNC in a decorator, with the response parsed."""

        @http.method(method="FUNC", url="{name}", params={"country": "{country}"}, body="event")
        def call(name, country, event, response_body: dict = None):
            return response_body

        assert call("echo", "SE", {"id": 8}) == {"event": {"id": 8}, "custom": {"country": "SE"}, "letters": "ä"}

    def test_error_is_told_when_function_fails(self, http):
        """The error of the real runtime, its letters readable."""
        response = http.func("echo", data={"fail": True})
        assert (response.StatusCode, response.FunctionError, response.failed) == (200, "Unhandled", True)
        error = response.payload_as_dict()
        assert (error["errorType"], error["errorMessage"]) == ("ValueError", "told to fail: ä")

    def test_error_is_told_when_there_is_no_such_function(self, http):
        """An error of Lambda is a response as well."""
        response = http.func("nobody")
        assert response.StatusCode == 500
        assert response.error.response["Error"]["Code"] == "ResourceNotFoundException"

    def test_rows_have_the_payload_when_logged(self, http, log):
        """Logging does not take the response from the caller."""
        response = http.func("echo", data={"id": 9})
        assert log.messages[1]["response"]["body"]["event"] == {"id": 9}
        assert response.payload_as_dict()["event"] == {"id": 9}


class TestEvent:
    def test_event_reaches_the_function_when_sent(self, http, tool):
        """202 immediately, and the function gets the event in its own time."""
        response = http.event("echo", data={"id": "asynchronous"})
        assert isinstance(response, LambdaResponse)
        assert (response.StatusCode, response.payload_as_text()) == (202, "")
        row = tool.wait_for(r'Entering handler.*"id":"asynchronous"')
        assert row

    def test_metadata_is_the_body_when_decorated(self, http):
        """EVENT in a decorator."""

        @http.method(method="EVENT", url="echo", body="event")
        def send(event, response_body="", response_code=None):
            return json.loads(response_body)["HTTPStatusCode"], response_code

        assert send({"id": 10}) == (202, 202)


@pytest.fixture(scope="module")
def run():
    """The output of `make run`, whose command this is."""
    port = find_port()
    wrapper = [sys.executable, "with_service.py"]
    command = [*wrapper, "PRICES_URL", f"{sys.executable} prices.py"]
    command += [*wrapper, "URL", f"{LOCAL_LAMBDA} start --port {port}", sys.executable, "send_orders.py"]
    environment = {name: value for name, value in os.environ.items() if name not in ("PRICES_URL", "URL")}
    environment["AWS_ENDPOINT_URL_LAMBDA"] = f"http://127.0.0.1:{port}"
    return subprocess.run(
        command,
        cwd=str(FOLDER),
        env={**environment, "LOCAL_LAMBDA_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
    )


def find_port():
    """A port where nobody listens, below those that the system may take for a connection before the service does."""
    for port in random.sample(range(20000, 32768), 99):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise OSError("no port is free")


def read_rows(run, function):
    """Return the rows one function has logged."""
    lines = (line.partition("| ") for line in run.stderr.splitlines() if line.startswith(f"function {function}"))
    return [json.loads(text) for _, _, text in lines if text.startswith("{")]


class TestRun:
    def test_run_succeeds_when_all_orders_got_their_answer(self, run):
        """Success, partial failure, validation error and two crashes; the run itself is fine."""
        assert run.returncode == 0, run.stderr
        statuses = [line[:3] for line in run.stdout.splitlines() if re.match(r"\d{3} ", line)]
        assert statuses == ["201", "409", "400", "502", "500"]

    def test_prices_are_asked_again_when_list_is_busy(self, run):
        """The first article needs three requests."""
        asked = re.findall(r"GET /prices/lamp (\d+)", run.stderr)
        assert asked[:3] == ["503", "503", "200"]

    def test_rows_tell_of_both_functions_when_they_work_together(self, run):
        """Both services log, with one trace id for a request that goes through both."""
        orders, warehouse = (read_rows(run, name) for name in ("pypwext-orders", "pypwext-warehouse"))
        assert {row["service"] for row in orders} == {"orders"}
        assert {row["service"] for row in warehouse} == {"warehouse"}
        traces = {row["xray_trace_id"] for row in orders if row.get("operation") == "create-order"}
        assert len(traces) == 5
        assert {row["xray_trace_id"] for row in warehouse} <= traces

    def test_rows_are_marked_when_they_are_for_the_audit_or_personal(self, run):
        """Each order has an audit row at its begin, and nothing about a person is unmarked."""
        orders = read_rows(run, "pypwext-orders")
        audit = [row for row in orders if row.get("type") == "AUDIT"]
        assert sum(row["message"]["msg"] == "Entering handler" for row in audit) == 5
        personal = [row for row in orders if "ada@example.com" in json.dumps(row["message"])]
        assert personal
        assert {row["classification"] for row in personal} == {"PII"}

    def test_warehouse_ships_when_it_was_told_to(self, run):
        """The asynchronous calls arrive, once for each order with lines."""
        warehouse = read_rows(run, "pypwext-warehouse")
        shipped = [row["message"]["return"]["order"] for row in warehouse if row["message"]["msg"] == "Exiting ship"]
        assert shipped == ["order-1", "order-2"]

    def test_errors_have_rows_when_functions_crash(self, run):
        """The reason is in the log of the function that failed."""
        orders, warehouse = (read_rows(run, name) for name in ("pypwext-orders", "pypwext-warehouse"))
        assert [row["exception_name"] for row in warehouse if row["level"] == "ERROR"] == ["TypeError"]
        assert [row["exception_name"] for row in orders if row["level"] == "ERROR"] == [
            "PyPwExtHTTPError",
            "PyPwExtHTTPError",
            "InvalidOperation",
        ]

    def test_trace_shows_the_calls_when_tracing_is_active(self, run):
        """The trace of an order has the calls it made."""
        assert re.search(r"trace .*pypwext-orders \(AWS::Lambda\)", run.stderr)
        assert re.search(r"trace .*lambda Invoke", run.stderr)
        assert re.search(r"trace .*/prices/lamp", run.stderr)


def test_package_when_built(tmp_path):
    """Both functions and the library are at the top of the zip, next to what they need."""
    package = tmp_path / "package.zip"
    build = [sys.executable, "build_package.py", str(package), "app", "src/pypwext"]
    subprocess.run(build, cwd=str(FOLDER), check=True, stdout=subprocess.DEVNULL)
    names = zipfile.ZipFile(package).namelist()
    assert {"app/orders.py", "app/warehouse.py", "pypwext/errors.py", "pydantic/__init__.py"} <= set(names)


def send_orders(**variables):
    """Run send_orders.py without a service."""
    environment = {name: value for name, value in os.environ.items() if name != "URL"}
    command = [sys.executable, "send_orders.py"]
    return subprocess.run(
        command, cwd=str(FOLDER), env={**environment, **variables}, capture_output=True, text=True, timeout=PATIENCE
    )


class TestMessages:
    def test_one_line_when_url_is_not_set(self):
        """It says where the address comes from."""
        done = send_orders()
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith("send_orders.py: URL is not set. `make run` sets it")

    def test_one_line_when_nothing_is_served(self):
        """It says what to do."""
        done = send_orders(URL="http://127.0.0.1:9")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.endswith("Is 'make serve' running in another terminal?\n")

    def test_one_line_when_something_else_is_served(self):
        """A server that does not know the function."""

        class Refuses(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))  # or the connection would be reset
                self.send_error(404)

        with HTTPServer(("127.0.0.1", 0), Refuses) as server:
            threading.Thread(target=server.handle_request).start()
            done = send_orders(URL=f"http://127.0.0.1:{server.server_port}")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert done.stderr.startswith(
            "send_orders.py: HTTP Error 404: Not Found. Does 'make serve' of this folder serve"
        )
