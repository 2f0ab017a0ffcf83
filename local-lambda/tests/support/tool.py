"""The tool as its users see it: a process with arguments, standard output, standard error and an exit status."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any

COMMAND = (sys.executable, "-m", "local_lambda")
FUNCTIONS = Path(__file__).with_name("functions")
LAYERS = Path(__file__).with_name("layers")
DEADLINE_SECONDS = 60
"""How long anything may take before a test gives up; it does not measure anything."""


@dataclass(frozen=True)
class Outcome:
    """The output and exit status of a command."""

    status: int
    output: bytes
    errors: str

    @property
    def report(self) -> Any:
        """The document of `--report json`."""
        return json.loads(self.output)

    @property
    def event_types(self) -> list[str]:
        """The types of the report's events without `platform.`, in order."""
        return [event["type"].removeprefix("platform.") for event in self.report["events"]]

    def records(self, kind: str) -> list[Any]:
        """The records of the report's events of one type."""
        return [event["record"] for event in self.report["events"] if event["type"] == kind]

    @property
    def payloads(self) -> list[Any]:
        """The responses of the report's invocations."""
        return [invocation["payload"] for invocation in self.report["invocations"]]


@dataclass(frozen=True)
class Reply:
    """An HTTP response."""

    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
        return json.loads(self.body)

    @property
    def request_id(self) -> str:
        """The id of the invocation."""
        return self.headers["x-amzn-RequestId"]


def run(
    *arguments: str | Path, stdin: bytes = b"", cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> Outcome:
    """Run a command to its end."""
    shell = {**os.environ, **(variables or {})}
    ended = subprocess.run(
        [*COMMAND, *map(str, arguments)], input=stdin, capture_output=True, cwd=cwd, env=shell, timeout=DEADLINE_SECONDS
    )
    return _checked(Outcome(ended.returncode, ended.stdout, ended.stderr.decode()))


def _checked(outcome: Outcome) -> Outcome:
    """The outcome, unless the tool itself has shown a traceback; those of functions are in a lane."""
    assert "\nTraceback" not in f"\n{outcome.errors}", outcome.errors
    return outcome


class Tool:
    """A command that serves (`start` or `exec`). You can wait for its lines on standard error."""

    def __init__(
        self, arguments: Sequence[str | Path], cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **(variables or {})},
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._ended = False
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.host, port = self.wait_for(r"listening on http://(\S+):(\d+)").groups()
        self.port = int(port)

    @property
    def url(self) -> str:
        """The address of the Invoke API."""
        return f"http://{self.host}:{self.port}"

    @property
    def text(self) -> str:
        """Everything on standard error so far."""
        return "".join(list(self.lines))

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.decode())
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def wait_for(self, pattern: str, since: int = 0) -> re.Match[str]:
        """The first line, from number `since` on, that contains the pattern."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        search = re.compile(pattern).search
        with self._changed:
            while True:
                for line in self.lines[since:]:
                    if found := search(line):
                        return found
                since = len(self.lines)
                left = deadline - time.monotonic()
                waiting = not self._ended and left > 0
                assert waiting, f"no line with {pattern!r} in:\n{self.text}"
                self._changed.wait(left)

    def wait_for_lines(self, pattern: str, count: int) -> None:
        """Return when that many lines contain the pattern."""
        since = 0
        for _ in range(count):
            line = self.wait_for(pattern, since).string
            since = self.lines.index(line, since) + 1

    def log_of(self, request_id: str) -> list[str]:
        """The lines of one invocation, from START to the last line of REPORT, without their lanes."""
        self.wait_for(f"REPORT RequestId: {request_id}")
        texts = [line.partition("| ")[2].rstrip("\n") for line in list(self.lines)]
        first = texts.index(f"START RequestId: {request_id} Version: $LATEST")
        last = next(number for number, text in enumerate(texts) if text.startswith(f"REPORT RequestId: {request_id}"))
        return texts[first : last + 1]

    def invoke(
        self, name: str = "Hello", event: object = None, *, payload: bytes | None = None, **headers: str
    ) -> Reply:
        """One call of the Invoke API; `X_Amz_Log_Type="Tail"` is that header."""
        body = json.dumps(event).encode() if payload is None else payload
        named = {header.replace("_", "-"): value for header, value in headers.items()}
        return self.request("POST", f"/2015-03-31/functions/{name}/invocations", body, named)

    def request(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Reply:
        """One HTTP request on a new connection."""
        connection = HTTPConnection(self.host, self.port, timeout=DEADLINE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))
            answer = connection.getresponse()
            return Reply(answer.status, answer.msg, answer.read())
        finally:
            connection.close()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> Outcome:
        """Signal the tool and return its outcome."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> Outcome:
        """Wait until the tool has ended without a signal."""
        assert self.process.stdout is not None
        output = self.process.stdout.read()
        status = self.process.wait(DEADLINE_SECONDS)
        self._reader.join(DEADLINE_SECONDS)
        return _checked(Outcome(status, output, self.text))

    def close(self) -> None:
        """End the tool if it is still running."""
        if self.process.poll() is None:
            outcome = self.stop()
            assert (outcome.status, outcome.output) == (0, b""), outcome


@contextmanager
def serving(
    *arguments: str | Path, cwd: Path | None = None, variables: Mapping[str, str] | None = None
) -> Iterator[Tool]:
    """A tool that serves on a free port while the block runs, and ends properly afterwards."""
    tool = Tool([arguments[0], "--port", "0", *arguments[1:]], cwd, variables)
    try:
        yield tool
        tool.close()
    finally:
        tool.process.kill()


class Gate:
    """A FIFO where the function `app.wait` waits until the test opens it."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / f"gate-{time.monotonic_ns()}")
        os.mkfifo(self.path)
        self._descriptor = os.open(self.path, os.O_RDWR)

    @property
    def event(self) -> dict[str, str]:
        """The event that makes the function wait here."""
        return {"gate": self.path}

    def reached(self, tool: Tool) -> None:
        """Return when the function waits."""
        tool.wait_for(f"waiting at {self.path}$")

    def open(self, text: str = "go") -> None:
        """Let one invocation continue; it returns the text."""
        os.write(self._descriptor, f"{text}\n".encode())

    def close(self) -> None:
        """Remove the FIFO."""
        os.close(self._descriptor)


class Project:
    """A folder with a template. Properties that a function does not set have the values of `DEFAULTS`.

    `Layers` of a function are paths.
    """

    DEFAULTS: Mapping[str, Any] = {"Runtime": f"python{sys.version_info[0]}.{sys.version_info[1]}", "Timeout": 30}

    def __init__(
        self, folder: Path, python: Path, functions: Mapping[str, Mapping[str, Any]], files: Mapping[str, str] | None
    ) -> None:
        self.folder = folder
        self.python = python
        self.code = FUNCTIONS
        if files is not None:
            self.code = folder / "code"
            self.code.mkdir()
            for name, text in files.items():
                (self.code / name).write_text(text)
        self.layers = [path for properties in functions.values() for path in properties.get("Layers", ())]
        resources: dict[str, Any] = {}
        for name, properties in functions.items():
            layers = {f"{name}Layer{number}": path for number, path in enumerate(properties.get("Layers", ()))}
            for logical_id, path in layers.items():
                resources[logical_id] = {
                    "Type": "AWS::Serverless::LayerVersion",
                    "Properties": {"ContentUri": str(path)},
                }
            properties = {**self.DEFAULTS, "CodeUri": str(self.code), **properties}
            properties["Layers"] = [{"Ref": logical_id} for logical_id in layers]
            resources[name] = {"Type": "AWS::Serverless::Function", "Properties": properties}
        self.template = folder / "template.yaml"
        self.template.write_text(json.dumps({"Resources": resources}))

    def invoke(
        self,
        *arguments: str | Path,
        events: Sequence[object] = (),
        stdin: bytes = b"",
        variables: Mapping[str, str] | None = None,
    ) -> Outcome:
        """`local-lambda invoke` with these events."""
        named: list[str | Path] = []
        for number, event in enumerate(events):
            path = self.folder / f"event-{number}.json"
            path.write_bytes(event if isinstance(event, bytes) else json.dumps(event).encode())
            named += ["-e", path]
        common = ("invoke", "-t", self.template, "--python", self.python)
        return run(*common, *named, *arguments, stdin=stdin, variables=variables)

    def report(self, *events: object, function: str = "Hello") -> Outcome:
        """`local-lambda invoke --report json` with these events."""
        return self.invoke(function, "--report", "json", events=events)

    @contextmanager
    def serving(self, *arguments: str | Path, variables: Mapping[str, str] | None = None) -> Iterator[Tool]:
        """`local-lambda start` while the block runs."""
        common = ("start", "-t", self.template, "--python", self.python)
        with serving(*common, *arguments, variables=variables) as tool:
            yield tool
