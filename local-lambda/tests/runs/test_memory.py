"""`Max Memory Used` counts all processes of an environment, and so does the limit."""

from __future__ import annotations

import json

import pytest

from conftest import MakeProject

CODE = """
import subprocess, sys

def handler(event, context):
    program = "x = bytearray(100_000_000); print('there', flush=True); input()"
    child = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    return child.stdout.readline().decode().strip()
"""


def test_memory_counts_a_child_when_the_invocation_is_short(make_project: MakeProject) -> None:
    """A program that the function has started holds 100 MB when the response is sent."""
    ended = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", "MemorySize": 512}).report({})
    assert ended.payloads == ["there"]
    (report,) = ended.records("platform.report")
    assert report["metrics"]["maxMemoryUsedMB"] >= 105


USES = """
import os, subprocess, sys, time

def take(megabytes):
    found = bytearray(megabytes * 1_000_000)
    for place in range(0, len(found), 4096):
        found[place] = 1
    return found

def itself(event, context):
    held = take(300)
    time.sleep(60)

def child(event, context):
    program = "x = b'x' * 300_000_000; import time; time.sleep(60)"
    subprocess.run([sys.executable, "-c", program])

def shared(event, context):
    held = take(60)
    children = []
    for _ in range(4):
        ready, done = os.pipe()
        go, going = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.write(done, b"x")
            os.read(go, 1)
            os._exit(0)
        os.read(ready, 1)
        children.append((pid, going))
    time.sleep(0.5)
    for pid, going in children:
        os.write(going, b"x")
        os.waitpid(pid, 0)
    return "alive"
"""
AT_INIT = "x = b'x' * 300_000_000\nimport time\ntime.sleep(60)\ndef handler(event, context):\n    return 1\n"


@pytest.mark.parametrize("handler", ["itself", "child"])
def test_environment_that_uses_too_much_memory_is_killed(make_project: MakeProject, handler: str) -> None:
    """The caller's error is that of a killed runtime; events and report name the memory."""
    ended = make_project({"app.py": USES}, Hello={"Handler": f"app.{handler}"}).report({})
    (payload,) = ended.payloads
    assert payload["errorType"] == "Runtime.ExitError"
    assert payload["errorMessage"].endswith("Error: Runtime exited with error: signal: killed")
    (report,) = ended.records("platform.report")
    assert (report["status"], report["errorType"]) == ("error", "Runtime.OutOfMemory")
    assert report["metrics"]["maxMemoryUsedMB"] == report["metrics"]["memorySizeMB"] == 128


def test_environment_that_uses_too_much_memory_at_init_is_killed(make_project: MakeProject) -> None:
    """The init is tried again inside the invocation, which fails."""
    ended = make_project({"app.py": AT_INIT}, Hello={"Handler": "app.handler"}).report({})
    assert [init["errorType"] for init in ended.records("platform.initReport")] == ["Runtime.OutOfMemory"] * 2
    assert ended.payloads[0]["errorMessage"].endswith("signal: killed")


def test_memory_that_processes_share_counts_once(make_project: MakeProject) -> None:
    """Five processes see the same 60 MB."""
    ended = make_project({"app.py": USES}, Hello={"Handler": "app.shared"}).invoke()
    assert (ended.status, json.loads(ended.output)) == (0, "alive"), ended.errors


def test_memory_has_no_limit_when_asked(make_project: MakeProject) -> None:
    """The function is not disturbed."""
    code = "def handler(event, context):\n    x = b'x' * 300_000_000\n    __import__('time').sleep(0.3)\n    return 1\n"
    ended = make_project({"app.py": code}, Hello={"Handler": "app.handler"}).invoke("Hello", "--no-memory-limit")
    assert (ended.status, ended.output) == (0, b"1\n")


def test_peak_of_a_short_invocation_is_not_above_the_limit(make_project: MakeProject) -> None:
    """Nothing measures while it runs; the service never reports more than there is."""
    code = "kept = []\ndef handler(event, context):\n    kept.append(b'x' * 200_000_000)\n"
    ended = make_project({"app.py": code}, Hello={"Handler": "app.handler"}).report({})
    (report,) = ended.records("platform.report")
    assert report["metrics"]["maxMemoryUsedMB"] == report["metrics"]["memorySizeMB"] == 128


KEEPS = """
import os
kept = []

def handler(event, context):
    kept.append(b"x" * 200_000_000)
    return os.getpid()
"""


def test_environment_that_keeps_too_much_memory_ends(make_project: MakeProject) -> None:
    """After an invocation that was too short to be measured: the next one finds a new environment."""
    logging = {"LogFormat": "JSON"}
    project = make_project({"app.py": KEEPS}, Hello={"Handler": "app.handler", "LoggingConfig": logging})
    with project.serving() as tool:
        tool.invoke("Hello", {})
        tool.wait_for('"type":"platform.report"')
        tool.invoke("Hello", {})
        tool.wait_for_lines('"type":"platform.initStart"', 2)
