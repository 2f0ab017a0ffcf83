"""Environments with extensions side by side, `/opt` of `exec`, and what is left when there is no sandbox or no tool."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conftest import MakeProject
from support import tool
from support.extended import make_layer, told, words
from support.free_ports import free_port
from support.sandboxed import IMPOSSIBLE
from support.tool import FUNCTIONS, Gate, serving

NEEDS_SANDBOX = pytest.mark.skipif(IMPOSSIBLE is not None, reason=f"the sandbox {IMPOSSIBLE}")
FIXED = """
register("INVOKE", "SHUTDOWN")
port = listen(int(os.environ["PORT"]))
subscribe(port, "function")
def check(event):
    while event["eventType"] == "SHUTDOWN" and not batches:
        time.sleep(0)
    say("got", lines=[record["record"] for batch in batches for record in batch])
serve(check)
"""
WAIT = """
def handler(event, context):
    with open(event["gate"]) as gate:
        print("line", event["n"], flush=True)
        print("waiting at", event["gate"], flush=True)
        return gate.readline()
"""


@NEEDS_SANDBOX
def test_environments_when_they_run_at_once_have_the_same_port_each(
    extend: MakeProject, make_gate: Callable[[], Gate], callers: ThreadPoolExecutor
) -> None:
    """Each extension listens on sandbox.localdomain, and gets only its function's lines."""
    project = extend({"one": FIXED}, code=WAIT, variables={"PORT": str(free_port())})
    gates = [make_gate(), make_gate()]
    with project.serving("--max-environments", "2") as served:
        replies = [callers.submit(served.invoke, "Hello", {**gate.event, "n": n}) for n, gate in enumerate(gates)]
        for gate in gates:
            gate.reached(served)
        for gate in gates:
            gate.open("together")
        assert [reply.result().json for reply in replies] == ["together\n"] * 2
    got = [line for line in served.lines if '"got"' in line and "SHUTDOWN" not in line and "line " in line]
    assert any("line 0" in line for line in got)
    assert any("line 1" in line for line in got)
    assert not [line for line in got if "line 0" in line and "line 1" in line]


@NEEDS_SANDBOX
def test_tools_when_they_run_at_once_have_the_same_port_each(extend: MakeProject) -> None:
    """As above, for two tools that know nothing of each other."""
    project = extend({"one": FIXED}, variables={"PORT": str(free_port())})
    with project.serving() as first, project.serving() as second:
        assert first.invoke("Hello", {"n": 1}).json == {"n": 1}
        assert second.invoke("Hello", {"n": 2}).json == {"n": 2}


@NEEDS_SANDBOX
def test_exec_with_a_folder_for_opt_has_its_extensions(
    tmp_path: Path, function_python: Path, extend: MakeProject
) -> None:
    """The caller's own folder stays where it is; `/opt` is the one that is named."""
    layer = make_layer(tmp_path / "opt", ["one"])
    shell = {
        "AWS_LAMBDA_FUNCTION_NAME": "named",
        "one": "say('sees', opt=os.listdir('/opt'))\nregister('INVOKE', 'SHUTDOWN')\nserve()",
    }
    command = ("exec", "--opt", layer, "--", function_python, "-m", "awslambdaric", "app.echo")
    with serving(*command, cwd=FUNCTIONS, variables=shell) as served:
        assert served.invoke("function", {"n": 1}).json == {"n": 1}
        served.wait_for('"functionName": "named".*"handler": "app.echo"')
        served.wait_for(r'"opt": \["extensions"\]')
    assert '"shutdownReason": "spindown"' in served.text


@NEEDS_SANDBOX
def test_exec_finds_the_program_when_it_is_in_the_folder_for_opt(tmp_path: Path, function_python: Path) -> None:
    """A runtime of a layer is named as it will be there; a name that is not in the folder is refused at once."""
    program = tmp_path / "opt" / "bootstrap"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec {function_python} -m awslambdaric app.echo\n")
    program.chmod(0o755)
    with serving("exec", "--opt", program.parent, "--", "/opt/bootstrap", cwd=FUNCTIONS) as served:
        assert served.invoke("function", {"n": 1}).json == {"n": 1}
    ended = tool.run("exec", "--port", "0", "--opt", program.parent, "--", "/opt/other", cwd=FUNCTIONS)
    assert (ended.status, "there is no program" in ended.errors) == (3, True)


@pytest.fixture
def no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that grants none."""
    monkeypatch.setattr(tool, "COMMAND", (sys.executable, str(Path(tool.__file__).with_name("no_sandbox.py"))))


LOOPBACK = """
say("runs", file=__file__)
register("INVOKE", "SHUTDOWN")
subscribe(listen(when_batch=lambda records: say("got", lines=records)), "function")
serve()
"""


@pytest.mark.usefixtures("no_sandbox")
def test_extension_without_a_sandbox_runs_in_its_folder(extend: MakeProject) -> None:
    """One line says so; modules of the layer are found, and its listener is on the loopback interface."""
    project = extend(
        {"one": LOOPBACK}, code="import extra\ndef handler(event, context):\n    print('said')\n    return extra.WHERE"
    )
    (layer,) = project.layers
    (layer / "python").mkdir()
    (layer / "python" / "extra.py").write_text("WHERE = __file__")
    outcome = project.report({"n": 1}, {"n": 2})
    assert outcome.payloads == [str(layer / "python" / "extra.py")] * 2
    (line,) = [line for line in outcome.errors.splitlines() if "no sandbox" in line]
    assert line.startswith("platform | no sandbox, so code and layers stay in their own folders: ")
    assert told(outcome)[0]["file"] == str(layer / "extensions" / "one")
    lines = [record["record"] for said in told(outcome) if said["what"] == "got" for record in said["lines"]]
    assert lines == ["said\n"] * 2
    assert [word for word in words(told(outcome)) if word.isupper()] == ["INVOKE", "INVOKE", "SHUTDOWN"]


@pytest.mark.parametrize("event", [{"n": 1}, {"how": "vanishes", "status": 1}], ids=["good", "failed"])
def test_nothing_is_left_in_the_temporary_folder(extend: MakeProject, tmp_path: Path, event: object) -> None:
    """Opened archives and every environment's `/tmp` are removed at the end."""
    code = (FUNCTIONS / "failing.py").read_text()
    variables = {"TMPDIR": str(tmp_path)}
    script = "register('SHUTDOWN')\nopen('/tmp/left', 'w').close()\nserve()" if IMPOSSIBLE is None else None
    project = extend({"one": script}, code=code)
    outcome = project.invoke("Hello", "--report", "json", events=[event], variables=variables)
    assert outcome.status in (0, 1)
    assert os.listdir(tmp_path) == []
