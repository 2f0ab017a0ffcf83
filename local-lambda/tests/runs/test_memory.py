"""`Max Memory Used` counts all processes of an environment."""

from __future__ import annotations

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
