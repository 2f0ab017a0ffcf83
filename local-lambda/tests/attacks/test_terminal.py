"""What reaches a terminal: control characters of functions, callers and traces never do, line feed and tab aside."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from attacks.conftest import VICTIMS
from attacks.connections import connect, read_to_end, request
from conftest import MakeProject
from support.tool import COMMAND, DEADLINE_SECONDS, Project

CONTROLS = bytes([*range(9), *range(11, 32), 127]) + b"".join(chr(code).encode() for code in range(128, 160))
HOSTILE = {
    "every control character": b"before" + CONTROLS + b"after\n",
    "clear the screen": b"\x1b[2J\x1b[Hgone\n",
    "set the title": b"\x1b]0;title\x07\n",
    "copy to the clipboard": b"\x1b]52;c;aGVsbG8=\x07\n",
    "a link": b"\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\\n",
    "ask for an answer": b"\x1b[6n\x1b[c\x05\n",
    "C1 control": b"\x9b2J\x9d0;title\x9c\n",
    "C1 control in UTF-8": "\x9b2J\x9d0;title\x9c\n".encode(),
    "overwrite the line": b"a password\rERROR\n",
    "backspaces": b"platform\b\b\b\b\b\b\b\bforged\n",
    "end of a lane": b"x\x0bplatform | forged\x0cplatform | forged\n",
    "line separators": "x\x85platform | forged\u2028platform | forged\n".encode(),
    "direction of writing": "a\u202eb\u2066c\n".encode(),
    "color": b"\x1b[45mred\x1b[0m\n",
    "no end": b"\x1b[2J",
}
OURS = re.compile(rb"\x1b\[(?:0|2|31|33|34|35|36)m")
"""The colors of the lanes."""


def clean(seen: bytes) -> None:
    """Nothing in it moves the cursor, rings, or asks; the terminal itself makes CR LF of a line feed."""
    rest = OURS.sub(b"", seen.replace(b"\r\n", b"\n"))
    found = re.findall(rb"[\0-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]", rest)
    assert found == [], rest
    assert not re.search("[\u2028\u2029\u202a-\u202e\u2066-\u2069]", rest.decode("utf-8")), rest


class Terminal:
    """The tool with a terminal for standard error."""

    def __init__(self, *arguments: str | Path) -> None:
        self._ours, theirs = pty.openpty()
        variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdout=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            stderr=theirs,
            env={**variables, "TERM": "xterm"},
        )
        os.close(theirs)
        self.seen = b""

    def until(self, pattern: bytes) -> re.Match[bytes]:
        """Read until it is there."""
        while not (found := re.search(pattern, self.seen)):
            self.seen += os.read(self._ours, 65536)
        return found

    def end(self) -> bytes:
        """Everything it showed, when it has ended well."""
        try:
            while data := os.read(self._ours, 65536):
                self.seen += data
        except OSError:  # the other end is closed
            pass
        os.close(self._ours)
        assert self.process.wait(DEADLINE_SECONDS) == 0, self.seen
        return self.seen


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """Functions that write."""
    functions = {
        "Write": {"Handler": "victim.write", "CodeUri": str(VICTIMS)},
        "Traced": {"Handler": "tracing.handler", "CodeUri": str(VICTIMS), "Tracing": "Active"},
    }
    return make_project(None, **functions)


def shown(project: Project, folder: Path, function: str, event: object, *options: str | Path) -> bytes:
    """What a terminal gets of one invocation."""
    file = folder / "event.json"
    file.write_text(json.dumps(event))
    return Terminal("invoke", "-t", project.template, "--python", project.python, function, "-e", file, *options).end()


@pytest.mark.parametrize("what", HOSTILE)
def test_terminal_when_a_function_writes_controls(project: Project, tmp_path: Path, what: str) -> None:
    """The text is shown, without them; the recording has them."""
    recording = tmp_path / "run.jsonl"
    event = {"data": base64.b64encode(HOSTILE[what]).decode()}
    clean(shown(project, tmp_path, "Write", event, "--record", recording))
    text = "".join(
        json.loads(line)["record"] for line in recording.read_text().splitlines() if '"type":"function"' in line
    )
    assert text.strip("\n") == HOSTILE[what].decode("utf-8", "replace").strip("\n")


@pytest.mark.parametrize("field", ["name", "id", "trace_id"])
def test_terminal_when_a_trace_has_controls(project: Project, tmp_path: Path, field: str) -> None:
    """Neither of a trace that is shown, nor of one that belongs to nothing."""
    document = {"trace_id": "TRACE", "parent_id": "PARENT", "id": "1111111111111111", "name": "step"}
    document = {**document, "start_time": 1.0, "end_time": 2.0, "type": "subsegment"}
    header = b'{"format":"json","version":1}\n'
    datagrams = [
        header + json.dumps({**document, field: "\x1b[2J\x9b\x07"}).encode(),
        header + json.dumps({**document, "trace_id": "\x1b[2J", "name": "\x1b]0;title\x07"}).encode(),
    ]
    event = {"datagrams": [base64.b64encode(data).decode() for data in datagrams]}
    clean(shown(project, tmp_path, "Traced", event))


PATHS = (
    b"/%1b[2J%07",
    b"/%9b2J",
    b"/\x9b2J",
    b"/\xc2\x9b",
    b"/a?b=%1b[2J",
    b"/2015-03-31/functions/%1b[2J/invocations",
)


def test_terminal_when_a_path_has_controls(make_project: MakeProject) -> None:
    """Of a port with routes, which names those that do not exist."""
    route = {"Type": "HttpApi", "Properties": {"Path": "/items", "Method": "get"}}
    project = make_project(None, Hello={"Handler": "victim.path", "CodeUri": str(VICTIMS), "Events": {"R": route}})
    terminal = Terminal("start", "-t", project.template, "--python", project.python, "--port", "0")
    port = int(terminal.until(rb"listening on http://127\.0\.0\.1:(\d+)")[1])
    for path in PATHS:
        with connect("127.0.0.1", port) as connection:
            connection.sendall(request("GET", path.decode("latin-1"), headers={"Connection": "close"}))
            read_to_end(connection)
    terminal.process.terminate()
    clean(terminal.end())
