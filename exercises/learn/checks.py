"""What a `check.py` uses: it runs the function as a user would, and says what it expects of the answers and events.

An exercise is checked by what happens in a real execution environment, never by its source.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO, Any, NamedTuple

from learn.files import copy_files
from learn.texts import one_line, shorten

RUNTIME = "python3.13"
SECONDS = 90.0
"""How long to wait for anything: more than the longest function takes, with its Init phase."""
FRAMES = 3
"""How many frames of a stack trace are shown."""
LINES, LINE = 10, 200
"""How many lines of the function's output are shown, and how many characters of each."""
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Calls of this machine go through no proxy, whatever the environment variables say."""
_LAUNCHER = """
"$@" & exec 2>/dev/null
read -r word
kill $! && wait $!
[ -n "$word" ] || rm -rf "$0"
"""
"""Runs a command until there is a line on standard input, or its end: then the checker was killed, and the folder $0
goes as well."""


class Failed(Exception):
    """An expectation that does not hold: what was seen, what was expected, and the number of the hint that helps."""

    def __init__(self, saw: str, expected: str, hint: int | None = None) -> None:
        super().__init__(saw)
        self.saw, self.expected, self.hint = saw, expected, hint
        self.output: list[str] = []


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
        """The response as JSON, shortened."""
        return shorten(json.dumps(self.payload, ensure_ascii=False))

    @property
    def error(self) -> str:
        """The error of a failed invocation on one line, such as `KeyError: 'name'`; otherwise empty."""
        if not self.failed:
            return ""
        if not isinstance(self.payload, dict):
            return one_line(self.shown)
        message = re.sub(r"^RequestId: \S+ (Error: )?", "", str(self.payload.get("errorMessage", "")))
        return one_line(f"{self.payload.get('errorType', 'Error')}: {message}")


class Run:
    """A function that is served while the `with` block lasts. `code` is its folder, `properties` as in a template."""

    def __init__(self, code: Path, properties: dict[str, Any], tool: str, python: str) -> None:
        for program, variable in ((tool, "LOCAL_LAMBDA"), (python, "LEARN_PYTHON")):
            if shutil.which(program) is None:
                raise ToolFault(f"{program}: command not found; `make learn` installs it if {variable} is not set")
        self._tool, self._python = tool, python
        self._folder = Path(tempfile.mkdtemp(prefix="learn-"))
        self._record = self._folder / "events.jsonl"
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        try:
            self.code = self._copy(code)
            self._start(properties)
        except BaseException:
            self.close()
            raise

    def _copy(self, code: Path) -> Path:
        """The code as it is now. What is saved during the check is for the next one; the function cannot change it."""
        try:
            copy_files(code, self._folder / "code")
        except OSError as error:
            raise Failed(f"A file cannot be read: {error}.", "files that can be read") from None
        return self._folder / "code"

    def _start(self, properties: dict[str, Any]) -> None:
        code = self.code
        function = {"CodeUri": str(code), "Handler": "app.handler", "Runtime": RUNTIME, "Timeout": 3, **properties}
        resources: dict[str, Any] = {"Exercise": {"Type": "AWS::Serverless::Function", "Properties": function}}
        if (code / "layer").is_dir():
            layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": str(code / "layer")}}
            function["Layers"] = [{"Ref": "Layer"}]
            resources["Layer"] = layer
        template = self._folder / "template.json"
        template.write_text(json.dumps({"Resources": resources}))
        command = [self._tool, "start", "-t", str(template), "--python", self._python, "--port", "0"]
        command += ["--record", str(self._record), "--retry-pauses", "0.1,0.1"]
        # In a separate session, where Ctrl-C does not reach it: it is ended in order.
        self._process = subprocess.Popen(
            ["sh", "-c", _LAUNCHER, str(self._folder), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
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
            raise ToolFault("".join(said[-3:]).strip())
        # The rest is not shown, and must not fill the pipe.
        self._reader = threading.Thread(target=_read_to_the_end, args=(self._process.stderr,), daemon=True)
        self._reader.start()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def end(self) -> None:
        """Shut the environments down; the events can still be read."""
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        try:
            if not process.stdin.closed:
                with process.stdin:
                    process.stdin.write("end\n")
        except BrokenPipeError:
            pass
        try:
            process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def close(self) -> None:
        """End everything that was started, and forget the events."""
        try:
            self.end()
            if self._reader is not None:
                self._reader.join(SECONDS)
            elif self._process is not None and self._process.stderr is not None:
                self._process.stderr.close()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def again(self, properties: dict[str, Any]) -> Run:
        """The same code in new environments, with these properties."""
        return Run(self.code, properties, self._tool, self._python)

    def invoke(self, event: object = None) -> Answer:
        """Invoke the function and wait for the end. Raises Failed if its code cannot be run at all."""
        body = json.dumps({} if event is None else event).encode()
        request = urllib.request.Request(self._url, body, {"X-Amz-Log-Type": "Tail"})
        try:
            with _OPENER.open(request, timeout=SECONDS) as response:
                headers, text = response.headers, response.read()
        except urllib.error.HTTPError as error:
            raise ToolFault(error.read().decode()) from None
        try:
            payload = json.loads(text) if text else None
        except ValueError:
            raise Failed(f"The response is {shorten(text.decode(errors='replace'))!r}.", "JSON") from None
        request_id = headers["x-amzn-RequestId"]
        (report,) = self._wait_for("platform.report", request_id)
        answer = Answer(
            payload, bool(headers["X-Amz-Function-Error"]), self._lines(request_id), report["record"]["metrics"]
        )
        if answer.failed:
            self._expect_start(answer.error, payload)
        return answer

    def _expect_start(self, error: str = "", payload: object = None) -> None:
        """Raise Failed if the last Init phase failed because of the function."""
        inits = [event["record"] for event in self.events("platform.initRuntimeDone")]
        if not inits or inits[-1]["status"] != "error" or inits[-1].get("errorType", "").startswith("Extension."):
            return
        kind = error or str(inits[-1].get("errorType"))
        kind = kind[len("Runtime.") :] if kind.startswith("Runtime.") else kind
        trace = payload.get("stackTrace") if isinstance(payload, dict) else None
        frames = [str(frame).rstrip() for frame in trace or []]
        own = [frame for frame in frames if '"/var/task/' in frame or '"/opt/' in frame or str(self.code) in frame]
        where = "\n".join((own or frames)[-FRAMES:]).replace(f"{self.code}/", "")
        raise Failed(
            f"The function could not be started: {kind}" + (f"\n{where}" if where else ""),
            "code that Python can import",
        )

    def read_pieces(self) -> list[str]:
        """Call the function's URL; the pieces of the response as they came. Raises Failed if there is none."""
        try:
            with _OPENER.open(self._function_url, timeout=SECONDS) as response:
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
        with _OPENER.open(request, timeout=SECONDS) as response:
            request_id = response.headers["x-amzn-RequestId"]
        count = 0
        while True:
            count += 1
            records = self._wait_for("platform.runtimeDone", request_id, count)
            self._wait_for("platform.report", request_id, count)
            self._expect_start()
            if count == 3 or not (records[-1].get("failed") or records[-1]["record"]["status"] != "success"):
                return count

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events so far whose type begins like that, such as `platform.initReport` or `function`."""
        if not self._record.exists():
            return []
        with self._record.open(encoding="utf-8") as file:
            events = [json.loads(line) for line in file if line.endswith("\n")]
        return [event for event in events if event["type"].startswith(kind)]

    def output(self) -> list[str]:
        """What the function and its extensions wrote last: since the last invocation or Init phase began."""
        lines: list[str] = []
        reported = False
        for event in reversed(self.events("")):
            kind, record = event["type"], event["record"]
            if kind in ("function", "extension"):
                text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=False)
                text = text.replace(f"{self.code}/", "")  # where the function has no sandbox
                lines[:0] = [f"{kind} | {shorten(line, LINE)}" for line in text.splitlines() if line.strip()]
            if kind == "platform.initStart" or (kind == "platform.report" and reported) or len(lines) >= LINES:
                break
            reported = reported or kind == "platform.report"
        return lines[-LINES:]

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
                lines.append(record.rstrip("\n") if isinstance(record, str) else json.dumps(record, ensure_ascii=False))
        return lines


def _read_to_the_end(file: IO[str]) -> None:
    with file:
        for _ in file:
            pass


def tool_of(root: Path) -> tuple[str, str]:
    """The command local-lambda, and the Python that runs the functions: of the variables, else of the repository."""
    tool = os.environ.get("LOCAL_LAMBDA", str(root / "local-lambda/.venv/bin/local-lambda"))
    python = os.environ.get("LEARN_PYTHON", str(root / "hello-python3.8/.venv/bin/python"))
    return tool, python
