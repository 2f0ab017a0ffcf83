"""Datagrams on the X-Ray port: segments in circles, of other traces, late, malformed. The function still succeeds."""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree
from pathlib import Path
from random import Random
from typing import Any

import pytest

from attacks.commands import run
from attacks.conftest import VICTIMS, Figure, Rounds
from conftest import MakeProject
from support.tool import Outcome, Project

HEADER = b'{"format":"json","version":1}\n'
BASE: dict[str, Any] = {
    "trace_id": "TRACE",
    "parent_id": "PARENT",
    "id": "1111111111111111",
    "name": "step",
    "start_time": 1.0,
    "end_time": 2.0,
    "type": "subsegment",
}


def segment(**fields: Any) -> bytes:
    """A datagram with a subsegment of the invocation, other fields on top."""
    document = {**BASE, **fields}
    return HEADER + json.dumps({name: value for name, value in document.items() if value != "ABSENT"}).encode()


def nested(depth: int) -> bytes:
    """Subsegments in subsegments, so deep."""
    inner = '{"id": "2222222222222222", "name": "x", "start_time": 1, "end_time": 2, "subsegments": ['
    return (
        HEADER + json.dumps(BASE).encode()[:-1] + b', "subsegments": [' + inner.encode() * depth + b"]}" * depth + b"]}"
    )


DATAGRAMS: dict[str, list[bytes]] = {
    "its own parent": [segment(parent_id="1111111111111111")],
    "two that are each other's parents": [
        segment(id="1111111111111111", parent_id="2222222222222222"),
        segment(id="2222222222222222", parent_id="1111111111111111"),
    ],
    "below the function and in a circle": [segment(), segment(id="1111111111111111", parent_id="1111111111111111")],
    "the same id many times": [segment()] * 50,
    "another trace": [segment(trace_id="1-5759e988-bd862e3fe1be46a994272793", parent_id="3333333333333333")],
    "another trace that never ends": [
        segment(trace_id="1-5759e988-bd862e3fe1be46a994272793", in_progress=True, end_time="ABSENT")
    ],
    "a name with an escape character": [segment(name="\x1b[2Jstep")],
    "a name with a zero byte": [segment(name="a\0b")],
    "a name with half a surrogate pair": [segment(name="\ud800")],
    "a name that is markup": [segment(name="</text><script>alert(1)</script>")],
    "a name of 60 KB": [segment(name="x" * 60_000)],
    "a name that is a list": [segment(name=["a"])],
    "no name": [segment(name="ABSENT")],
    "no id": [segment(id="ABSENT")],
    "an id that is an object": [segment(id={"a": 1})],
    "times of letters": [segment(start_time="now", end_time="then")],
    "times that are no numbers": [segment(start_time=float("nan"), end_time=float("inf"))],
    "times far away": [segment(start_time=-1e300, end_time=1e300)],
    "times that are lists": [segment(start_time=[1], end_time={})],
    "time of 5,000 digits": [HEADER + json.dumps(BASE).replace("1.0", "9" * 5_000).encode()],
    "no end": [segment(end_time="ABSENT")],
    "subsegments that are a number": [segment(subsegments=7)],
    "subsegments that are strings": [segment(subsegments=["a", None, [], 1])],
    "subsegments nested deep": [nested(400)],
    "subsegments nested very deep": [nested(700)],
    "an http block of other types": [segment(http=[1], aws="x", cause=3, error="yes", fault=[], annotations=4)],
    "a cause of other types": [segment(fault=True, cause={"exceptions": [1, {"stack": 7}], "working_directory": 1})],
    "no header": [b"{}"],
    "another version": [b'{"format":"json","version":2}\n{}'],
    "nothing": [b""],
    "a list": [HEADER + b"[]"],
    "nested lists": [HEADER + b"[" * 60_000],
    "other bytes": [bytes(range(256)) * 100],
}


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """A traced function that sends datagrams."""
    return make_project(
        None, Traced={"Handler": "tracing.handler", "CodeUri": str(VICTIMS), "Tracing": "Active", "Timeout": 20}
    )


def send(project: Project, folder: Path, datagrams: list[bytes], *options: str | Path) -> Outcome:
    """One invocation that sends them."""
    event = folder / "event.json"
    event.write_text(json.dumps({"datagrams": [base64.b64encode(data).decode() for data in datagrams]}))
    named = ("invoke", "-t", project.template, "--python", project.python, "-e", event)
    return run(*named, *options)


def well(outcome: Outcome, datagrams: list[bytes]) -> None:
    """The function has succeeded, and the tool shows no fault."""
    assert (outcome.status, outcome.output) == (0, b"%d\n" % len(datagrams)), outcome.errors[-1500:]
    assert "Traceback" not in outcome.errors, outcome.errors[-1500:]
    assert "is switched off" not in outcome.errors
    assert all(char.isprintable() or char in "\n\t" for char in outcome.errors)


@pytest.mark.parametrize("name", DATAGRAMS)
def test_invoke_when_a_datagram_is_hostile(project: Project, tmp_path: Path, name: str) -> None:
    """It succeeds; recording and picture are whole."""
    picture, recording = tmp_path / "run.svg", tmp_path / "run.jsonl"
    outcome = send(project, tmp_path, DATAGRAMS[name], "--record", recording, "--timeline", picture)
    well(outcome, DATAGRAMS[name])
    xml.etree.ElementTree.parse(picture)
    assert all(json.loads(line) for line in recording.read_text().splitlines())
    drawn = run("timeline", recording)
    assert drawn.status == 0, drawn.errors
    assert all(char.isprintable() or char in "\n\t" for char in drawn.output.decode())


def test_invoke_when_datagrams_are_random(
    project: Project, tmp_path: Path, rounds: Rounds, chance: Random, figure: Figure
) -> None:
    """Thousands of them, mutated by chance, change nothing about the function."""
    count = rounds(1000)
    good = segment(http={"request": {"url": "http://x", "method": "GET"}}, annotations={"a": 1}, subsegments=[])
    datagrams = []
    for _ in range(count):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            place = chance.randrange(len(data))
            data[place : place + chance.randrange(4)] = bytes([chance.randrange(256)])
        datagrams.append(bytes(data))
    outcome = send(project, tmp_path, datagrams)
    figure(f"lines about {count} mutated datagrams", outcome.errors.count("\ntrace "))
    well(outcome, datagrams)
