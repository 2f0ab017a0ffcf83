"""Templates that never end, expand, recurse or lead elsewhere: one line, exit status 2, soon."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest

from attacks.commands import PATIENCE_SECONDS, refused, refused_or_serving, run
from attacks.conftest import Figure, Rounds
from attacks.connections import connect, read_answers, request
from attacks.mortal import started
from conftest import MakeProject

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
FUNCTION = f"Type: AWS::Serverless::Function, Properties: {{CodeUri: ., Handler: app.handler, Runtime: {RUNTIME}"


def function(**properties: Any) -> dict[str, Any]:
    """A template with one function."""
    base = {"CodeUri": ".", "Handler": "app.handler", "Runtime": RUNTIME}
    return {"Resources": {"Hello": {"Type": "AWS::Serverless::Function", "Properties": {**base, **properties}}}}


def route(path: str, **more: Any) -> dict[str, Any]:
    """A template with one function behind a path."""
    return function(Events={"Route": {"Type": "Api", "Properties": {"Path": path, "Method": "get", **more}}})


LAUGHS = "\n".join(f"  l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 10))
CONDITIONS = {"C0": {"Fn::Equals": ["a", "a"]}} | {
    f"C{n}": {"Fn::And": [{"Condition": f"C{n - 1}"}, {"Condition": f"C{n - 1}"}]} for n in range(1, 26)
}
TEMPLATES: dict[str, str | dict[str, Any]] = {
    "anchor in itself": f"Resources:\n  Hello: {{{FUNCTION}, Environment: &a {{Variables: {{NAME: *a}}}}}}}}\n",
    "anchor in itself as a list": "Resources: &r\n  Hello: [*r]\n",
    "billion laughs": f"Mappings:\n  l0: &l0 [lol]\n{LAUGHS}\nResources:\n"
    f"  Hello: {{{FUNCTION}, Environment: {{Variables: {{NAME: {{'Fn::Join': ['', *l9]}}}}}}}}}}\n",
    "billion laughs in Layers": f"Mappings:\n  l0: &l0 [lol]\n{LAUGHS}\nResources:\n"
    f"  Hello: {{{FUNCTION}, Layers: *l9}}}}\n",
    "400 joins": function(Handler="JOINS"),
    "400 joins in a variable": function(Environment={"Variables": {"NAME": "JOINS"}}),
    "100,000 lists": function() | {"Metadata": "LISTS"},
    "timeout of 5,000 digits": function(Timeout="DIGITS"),
    "memory of 5,000 digits": function(MemorySize="DIGITS"),
    "timeout of 5,000 digits as text": function(Timeout="9" * 5_000),
    "timeout that is no number": function(Timeout=float("nan")),
    "timeout that is infinite": function(Timeout=float("inf")),
    "code from /dev/zero": function(CodeUri="/dev/zero"),
    "code from /dev/stdin": function(CodeUri="/dev/stdin"),
    "code from a FIFO": function(CodeUri="fifo"),
    "code from /proc/self/mem": function(CodeUri="/proc/self/mem"),
    "code with a zero byte": function(CodeUri="a\0b"),
    "code of a long name": function(CodeUri="a" * 5_000),
    "code in a loop of links": function(CodeUri="loop"),
    "layer from /dev/zero": function(Layers=["/dev/zero"]),
    "name with control characters": function(FunctionName="\x1b[2J"),
    "variable with a zero byte": function(Environment={"Variables": {"NAME": "a\0b"}}),
    "name of a variable with =": function(Environment={"Variables": {"NAME=B": "c"}}),
    "half a surrogate pair": function(Environment={"Variables": {"NAME": "\ud800"}}),
    "variables of 1 MB": function(Environment={"Variables": {"NAME": "x" * 1_000_000}}),
    "no mapping": "- a\n- b\n",
    "an empty file": "",
    "no YAML": "a: b: c: {",
    "zero bytes": "\0\0\0",
    "a tag of Python": "Resources: !!python/object/apply:os.system ['touch owned']\n",
    "merge of a number": f"Resources:\n  Hello: {{<<: 1, {FUNCTION}}}}}\n",
    "key that is a list": "Resources:\n  ? [a, b]\n  : 1\n",
    "key that is a mapping": "Resources:\n  ? {a: b}\n  : 1\n",
    "references in a circle": function(Handler={"Ref": "A"})
    | {"Parameters": {"A": {"Type": "String", "Default": {"Ref": "A"}}}},
    "conditions in a circle": function(Handler={"Fn::If": ["A", "a.b", "c.d"]})
    | {"Conditions": {"A": {"Fn::Not": [{"Condition": "A"}]}}},
}
ROUTES = {
    "path with a variable twice": route("/a/{id}/b/{id}"),
    "path with an empty variable": route("/a/{}"),
    "path with an open brace": route("/a/{b"),
    "path with control characters": route("/a\x1b[2J\r\nx: y"),
    "path without a slash": route("a"),
    "method with control characters": route("/a", Method="G\r\nET"),
}
FINE = {
    "2^25 conditions": function(Handler={"Fn::If": ["C25", "app.handler", "none.none"]}) | {"Conditions": CONDITIONS},
}
"""What is strange but means something: it is understood, and soon."""


def write(folder: Path, template: str | dict[str, Any]) -> Path:
    """The template, with what its paths lead to."""
    text = template if isinstance(template, str) else json.dumps(template)
    text = text.replace('"DIGITS"', "9" * 5_000).replace('"LISTS"', "[" * 100_000 + "]" * 100_000)
    text = text.replace('"JOINS"', '{"Fn::Join": ["", [' * 400 + '"a.b"' + "]]}" * 400)
    path = folder / "template.yaml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    (folder / "app.py").write_text("def handler(event, context):\n    return event\n")
    os.mkfifo(folder / "fifo")
    os.symlink("loop", folder / "loop")
    return path


KNOWN: dict[str, str] = {}
"""What is known to go wrong, and why."""


def marked(name: str, *values: str) -> Any:
    """The case, with what is known to go wrong."""
    known = [pytest.mark.xfail(strict=True, reason=KNOWN[name])] if name in KNOWN else []
    return pytest.param(*(values or [name]), marks=known)


@pytest.mark.parametrize("name", map(marked, TEMPLATES))
def test_invoke_when_the_template_is_hostile(tmp_path: Path, function_python: Path, name: str) -> None:
    """One line, exit status 2, and nothing was run."""
    template = write(tmp_path, TEMPLATES[name])
    patience = 5 if "FIFO" in name else PATIENCE_SECONDS
    refused(run("invoke", "-t", template, "--python", function_python, seconds=patience))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("name", map(marked, ROUTES))
def test_start_when_a_route_is_hostile(tmp_path: Path, function_python: Path, name: str) -> None:
    """One line, exit status 2, and nothing is served."""
    template = write(tmp_path, ROUTES[name])
    outcome = refused_or_serving("start", "-t", template, "--python", function_python, "--port", "0")
    assert outcome is not None, "it serves"
    refused(outcome)


@pytest.mark.parametrize("name", map(marked, FINE))
def test_invoke_when_the_template_is_only_strange(tmp_path: Path, function_python: Path, name: str) -> None:
    """It runs."""
    outcome = run("invoke", "-t", write(tmp_path, FINE[name]), "--python", function_python)
    assert (outcome.status, outcome.output) == (0, b"{}\n"), outcome.errors[-2000:]


@pytest.mark.parametrize(
    ("option", "file"),
    [
        marked(f"{option} {file}", option, file)
        for option in ("-t", "-e", "--code")
        for file in ("/dev/zero", "loop", "/proc/self/mem")
    ],
)
def test_invoke_when_a_file_never_ends(tmp_path: Path, function_python: Path, option: str, file: str) -> None:
    """One line, whichever option names it."""
    template = write(tmp_path, function())
    refused(run("invoke", "-t", template, "--python", function_python, option, tmp_path / file))


def test_invoke_when_the_template_is_mutated(
    tmp_path: Path, function_python: Path, rounds: Rounds, chance: Random, figure: Figure
) -> None:
    """It runs, or one line says what is wrong."""
    good = (
        "Globals: {Function: {Timeout: 3}}\nParameters: {P: {Type: String, Default: a}}\n"
        "Conditions: {C: !Equals [!Ref P, a]}\nMappings: {M: {a: {b: c}}}\nResources:\n  Hello:\n"
        f"    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: .\n      Handler: app.handler\n"
        f"      Runtime: {RUNTIME}\n      Environment:\n        Variables:\n          NAME: !Sub '${{P}}'\n"
        "          OTHER: !FindInMap [M, !Ref P, b]\n      Events:\n"
        "        Api: {Type: Api, Properties: {Path: /a, Method: get}}\n"
    )
    template = write(tmp_path, good)
    counts: dict[int, int] = {}
    for _ in range(rounds(8)):
        text = list(good)
        for _ in range(chance.choice((1, 2, 5))):
            place = chance.randrange(len(text))
            text[place : place + chance.randrange(3)] = chance.choice(
                (
                    "",
                    " ",
                    "\n",
                    ":",
                    "&a ",
                    "*a",
                    "!",
                    "{",
                    "}",
                    "[",
                    "]",
                    "'",
                    '"',
                    "-",
                    "|",
                    "%",
                    "\t",
                    "<<: ",
                    "é",
                    "?",
                )
            )
        template.write_text("".join(text))
        outcome = run("invoke", "-t", template, "--python", function_python)
        assert "\nTraceback" not in "\n" + outcome.errors, ("".join(text), outcome.errors[-2000:])
        counts[outcome.status] = counts.get(outcome.status, 0) + 1
        if outcome.status == 2:
            assert outcome.errors.splitlines()[-1].startswith("local-lambda: ")
    figure(f"mutated templates that run; {counts.get(2, 0)} were refused", counts.get(0, 0))
    assert set(counts) <= {0, 1, 2, 3}


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/" + "-".join(f"{{v{number}}}" for number in range(20)), "/" + "-" * 400 + "/"),
        ("/" + "/".join(f"{{v{number}+}}" for number in range(12)), "/" + "a/" * 400 + "/"),
        ("/" + "".join(f"{{v{number}}}" for number in range(12)) + "x", "/" + "a" * 400),
        ("/{1st}/{a-b}/{c.d:e}", "/a/b/"),
    ],
    ids=["variables in one part", "greedy variables", "variables side by side", "names of signs"],
)
def test_route_when_its_path_has_many_variables(make_project: MakeProject, path: str, asked: str) -> None:
    """It is refused, or a long path is matched, or not, at once."""
    event = {"Type": "HttpApi", "Properties": {"Path": path, "Method": "get"}}
    code = "def handler(event, context):\n    return {'statusCode': 200}"
    project = make_project({"app.py": code}, Hello={"Handler": "app.handler", "Events": {"Route": event}})
    outcome = refused_or_serving("start", "-t", project.template, "--python", project.python, "--port", "0")
    if outcome is not None:
        refused(outcome)
        return
    with started(project) as tool, connect(tool.host, tool.port, seconds=3) as connection:
        connection.sendall(request("GET", asked))
        ((status, _),) = read_answers(connection, 1)
    assert status == 404
