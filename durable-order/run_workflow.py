"""Take one order through OrderFunction, from its start to its end, and print its history.

    python run_workflow.py EVENT.json LOCAL-LAMBDA [OPTION...]

Two processes stand in for AWS: `local-lambda start` runs the function, and `dex-local-runner`, AWS's own program for
tests, keeps the saved steps, the timers and the callback, and invokes the function. They end with this script, which
plays two parts: the customer who starts the order, and the person in the warehouse who has packed it.

    python run_workflow.py --serve PORT LOCAL-LAMBDA [OPTION...]    keeps both running until Ctrl-C

Addresses: https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecution.html and its neighbors.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

DEADLINE = 60  # seconds for each thing to happen
RUNNER = [str(Path(sys.executable).with_name("dex-local-runner")), "start-server", "--log-level", "CRITICAL"]
FINAL = {"SUCCEEDED", "FAILED", "TIMED_OUT", "STOPPED"}


def main(arguments: list[str]) -> int:
    """Run one order, or serve until Ctrl-C; return 0 if the order succeeded."""
    if len(arguments) < 2 or (arguments[0] == "--serve" and len(arguments) < 3):
        print("usage: run_workflow.py (EVENT.json | --serve PORT) LOCAL-LAMBDA [OPTION...]", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, end)
    if arguments[0] == "--serve":
        with contextlib.suppress(KeyboardInterrupt), serve(arguments[2:], int(arguments[1])) as url:
            say(f"`make invoke` calls NaiveFunction; POST {url}/start-durable-execution starts an order")
            signal.pause()
        return 0
    event = Path(arguments[0]).read_text(encoding="utf-8")
    with serve(arguments[1:]) as url:
        order = start(url, event)
        say("order started")
        wait_for(
            "the end of the order, or a call for the warehouse", lambda: is_over(url, order) or waiting(url, order)
        )
        if not is_over(url, order):
            call(f"{url}/2025-12-01/durable-execution-callbacks/{quote(waiting(url, order))}/succeed", b"Ada")
            say("the warehouse has packed the order")
        result = wait_for("the end of the order", lambda: is_over(url, order))
        story = history(url, order)
    return tell(result, story)


@contextlib.contextmanager
def serve(tool: list[str], port: int | None = None) -> Iterator[str]:
    """Run both programs, ready to take orders; yield the runner's URL."""
    port, runner_port = port or free_port(), free_port()
    url = f"http://127.0.0.1:{runner_port}"
    # Without credentials an SDK sends no request; these are not checked. The library in the function finds the runner
    # by the third variable, which template.yaml lists: local-lambda passes on only those.
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    environment["AWS_ENDPOINT_URL_LAMBDA"] = url
    start_tool = [tool[0], "start", "--port", str(port), *tool[1:]]
    start_runner = [*RUNNER, "--host", "127.0.0.1", "--port", str(runner_port), "--local-runner-endpoint", url]
    start_runner += ["--lambda-endpoint", f"http://127.0.0.1:{port}", "--invocation-timeout", str(DEADLINE)]
    with contextlib.ExitStack() as running:
        for command, number in ((start_runner, runner_port), (start_tool, port)):
            process = running.enter_context(child(command, environment))
            wait_until_open(number, process)
        yield url


@contextlib.contextmanager
def child(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that gets SIGTERM at the end, and 30 seconds; out of reach of Ctrl-C, which this script takes."""
    process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start(url: str, event: str) -> str:
    """Start an order; return the ARN of its execution."""
    settings = {"AccountId": "123456789012", "FunctionName": "OrderFunction", "FunctionQualifier": "$LATEST"}
    limits = {"ExecutionName": "order", "ExecutionTimeoutSeconds": 300, "ExecutionRetentionPeriodDays": 7}
    body = json.dumps({**settings, **limits, "Input": event}).encode()
    return str(call(f"{url}/start-durable-execution", body)["ExecutionArn"])


def is_over(url: str, order: str) -> dict[str, Any] | None:
    """The execution, once it has ended."""
    execution = call(f"{url}/2025-12-01/durable-executions/{quote(order, safe='')}")
    return execution if execution["Status"] in FINAL else None


def waiting(url: str, order: str) -> str:
    """The callback's id, once the function is suspended and only the callback can wake it."""
    story = history(url, order)
    ids = [event["CallbackStartedDetails"]["CallbackId"] for event in story if event["EventType"] == "CallbackStarted"]
    return ids[0] if ids and story[-1]["EventType"] == "InvocationCompleted" else ""


def history(url: str, order: str) -> list[dict[str, Any]]:
    """What has happened to the order, in order."""
    path = f"/2025-12-01/durable-executions/{quote(order, safe='')}/history"
    return list(call(f"{url}{path}?MaxItems=1000&IncludeExecutionData=true")["Events"])


def call(url: str, body: bytes | None = None) -> Any:
    """Send a request to the runner, POST if it has a body; return its JSON response."""
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return json.loads(response.read() or b"{}")


def tell(result: dict[str, Any], story: list[dict[str, Any]]) -> int:
    """Print the history and the result."""
    print("History:")
    began = story[0]["EventTimestamp"]
    for event in story:
        print(f"  {event['EventTimestamp'] - began:6.2f} s  {event['EventType']:22} {event.get('Name') or ''}".rstrip())
    print(f"{result['Status']}: {result.get('Result') or json.dumps(result.get('Error'))}")
    return int(result["Status"] != "SUCCEEDED")


def say(text: str) -> None:
    """Print a line among those of local-lambda."""
    print(f"workflow | {text}", file=sys.stderr, flush=True)


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def wait_until_open(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until the process listens there; RuntimeError if it ends first."""

    def is_open() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"ended with status {process.returncode} before it was listening: {process.args!r}")
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", port)) == 0

    wait_for(f"port {port}", is_open)


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """Look until there is something, and return it; TimeoutError after DEADLINE."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"no sign of {what} within {DEADLINE} seconds")


def end(number: int, frame: object) -> None:
    """End on SIGTERM as on Ctrl-C: with both programs."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
