"""What a `check.py` uses: it runs the function as a user would, and says what it expects of the answers and events.

An exercise is checked by what happens in a real execution environment, never by its source.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

RUNTIME = "python3.13"
SECONDS = 30.0
"""How long to wait for anything."""


class Failed(Exception):
    """An expectation that does not hold: what was seen, what was expected, and the number of the hint that helps."""

    def __init__(self, saw: str, expected: str, hint: int | None = None) -> None:
        super().__init__(saw)
        self.saw, self.expected, self.hint = saw, expected, hint


class ToolFault(Exception):
    """local-lambda could not run the exercise; the text is its reason."""


def expect(condition: object, *, saw: str, expected: str, hint: int) -> None:
    """Raise Failed unless the condition holds."""
    if not condition:
        raise Failed(saw, expected, hint)


class Answer(NamedTuple):
    """What one invocation gave: the response, whether the function failed, its own lines, and its metrics."""

    payload: Any
    failed: bool
    lines: list[str]
    metrics: dict[str, float]

    @property
    def shown(self) -> str:
        """The response as JSON."""
        return json.dumps(self.payload)


class Run:
    """A function that is served while the `with` block lasts. `code` is its folder, `properties` as in a template."""

    def __init__(self, code: Path, properties: dict[str, Any], tool: str, python: str) -> None:
        self._code = code
        self._folder = tempfile.TemporaryDirectory(prefix="learn-")
        self._record = Path(self._folder.name, "events.jsonl")
        function = {"CodeUri": str(code), "Handler": "app.handler", "Runtime": RUNTIME, "Timeout": 3, **properties}
        resources: dict[str, Any] = {"Exercise": {"Type": "AWS::Serverless::Function", "Properties": function}}
        if (code / "layer").is_dir():
            layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": str(code / "layer")}}
            function["Layers"] = [{"Ref": "Layer"}]
            resources["Layer"] = layer
        template = Path(self._folder.name, "template.json")
        template.write_text(json.dumps({"Resources": resources}))
        command = [tool, "start", "-t", str(template), "--python", python, "--port", "0", "--record", str(self._record)]
        command += ["--retry-pauses", "0.1,0.1"]
        self._process = subprocess.Popen(
            command, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, start_new_session=True
        )
        assert self._process.stderr is not None
        said = []
        wanted = {"listening on": "", **({"URL of Exercise:": ""} if "FunctionUrlConfig" in function else {})}
        for line in self._process.stderr:
            said.append(line)
            wanted.update((what, found[1]) for what in wanted if (found := re.search(rf"{what} (http://\S+)", line)))
            if all(wanted.values()):
                self._url = f"{wanted['listening on']}/2015-03-31/functions/Exercise/invocations"
                self._function_url = wanted.get("URL of Exercise:", "")
                break
        else:
            self.close()
            raise ToolFault("".join(said[-3:]).strip())
        # The rest is not read, and must not fill the pipe.
        self._drain = subprocess.Popen(["cat"], stdin=self._process.stderr, stdout=subprocess.DEVNULL)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def end(self) -> None:
        """Shut the environments down; the events can still be read."""
        self._process.terminate()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End everything that was started, and forget the events."""
        self.end()
        drain = getattr(self, "_drain", None)
        if drain is not None:
            drain.wait()
        self._folder.cleanup()

    def invoke(self, event: object = None) -> Answer:
        """Invoke the function and wait for the end. Raises Failed if its code cannot be run at all."""
        body = json.dumps({} if event is None else event).encode()
        request = urllib.request.Request(self._url, body, {"X-Amz-Log-Type": "Tail"})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as response:
                headers, text = response.headers, response.read()
        except urllib.error.HTTPError as error:
            raise ToolFault(error.read().decode()) from None
        payload = json.loads(text) if text else None
        failed = bool(headers["X-Amz-Function-Error"])
        if failed and isinstance(payload, dict) and str(payload.get("errorType", "")).startswith("Runtime.User"):
            _cannot_run(payload)
        request_id = headers["x-amzn-RequestId"]
        (report,) = self._wait_for("platform.report", request_id)
        return Answer(payload, failed, self._lines(request_id), report["record"]["metrics"])

    def read_pieces(self) -> list[str]:
        """Call the function's URL; the pieces of the response as they came. Raises Failed if there is none."""
        try:
            with urllib.request.urlopen(self._function_url, timeout=SECONDS) as response:
                return [piece.decode(errors="replace") for piece in iter(lambda: response.read1(65536), b"")]
        except urllib.error.HTTPError as error:
            self.end()  # the events are complete then
            said = [str(event["record"]) for event in self.events("function")]
            reason = [line for line in said if not line.startswith(" ")][-1:]
            saw = f"The caller got status {error.code}. {''.join(reason)}"
            raise Failed(saw.rstrip(), "status 200") from None
        except http.client.IncompleteRead:
            raise Failed("The response broke off before its end.", "a complete response") from None

    def attempts(self, event: object) -> int:
        """Invoke the function asynchronously; how often it is tried until it succeeds or is given up."""
        request = urllib.request.Request(self._url, json.dumps(event).encode(), {"X-Amz-Invocation-Type": "Event"})
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            request_id = response.headers["x-amzn-RequestId"]
        count = 0
        while True:
            count += 1
            records = self._wait_for("platform.runtimeDone", request_id, count)
            self._wait_for("platform.report", request_id, count)
            if count == 3 or not (records[-1].get("failed") or records[-1]["record"]["status"] != "success"):
                return count

    def code_has(self, name: str) -> bool:
        """Whether there is a file of this name next to the code."""
        return (self._code / name).exists()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events so far whose type begins like that, such as `platform.initReport` or `function`."""
        if not self._record.exists():
            return []
        with self._record.open(encoding="utf-8") as file:
            events = [json.loads(line) for line in file if line.endswith("\n")]
        return [event for event in events if event["type"].startswith(kind)]

    def _wait_for(self, kind: str, request_id: str, count: int = 1) -> list[dict[str, Any]]:
        """That many events of an invocation; they are written a moment after the response."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            found = [event for event in self.events(kind) if event["record"]["requestId"] == request_id]
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise ToolFault("the run has not been recorded")

    def _lines(self, request_id: str) -> list[str]:
        """What the function wrote during one invocation."""
        lines: list[str] = []
        inside = False
        for event in self.events(""):
            record = event["record"]
            if event["type"] == "platform.start":
                inside = record["requestId"] == request_id
            elif event["type"] == "function" and inside:
                lines.append(str(record).rstrip("\n") if isinstance(record, str) else json.dumps(record))
        return lines


def _cannot_run(payload: dict[str, Any]) -> NoReturn:
    kind, text = payload["errorType"].rpartition(".")[2], payload.get("errorMessage", "")
    trace = payload.get("stackTrace") or []
    where = f"\n{''.join(trace).rstrip()}" if trace else ""
    raise Failed(f"The function could not be started: {kind}: {text}{where}", "code that Python can import")


def tool_of(root: Path) -> tuple[str, str]:
    """The command local-lambda, and the Python that runs the functions: of the variables, else of the repository."""
    tool = os.environ.get("LOCAL_LAMBDA", str(root / "local-lambda/.venv/bin/local-lambda"))
    python = os.environ.get("LEARN_PYTHON", str(root / "hello-python3.8/.venv/bin/python"))
    return tool, python
