"""Options that add to a template reach the function: one run of each command sees all of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.tool import run, serving

CODE = """
import os

def handler(event, context):
    found = {name: os.environ.get(name) for name in ("TABLE", "STAGE", "MORE", "HOME", "AWS_REGION")}
    return {"arn": context.invoked_function_arn, "layer": os.path.exists("/opt/mark"), **found}
"""
NO_REGION = {"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a template whose functions need values from outside; the shell sets HOME and STAGE."""
    variables = {"TABLE": {"Ref": "Orders"}, "STAGE": {"Ref": "Stage"}, "HOME": "/tmp"}
    properties = {"Handler": "index.handler", "Runtime": "python3.11", "InlineCode": CODE}
    everything = {
        "Parameters": {"Stage": {"Type": "String"}},
        "Resources": {
            "Orders": {"Type": "AWS::DynamoDB::Table"},
            "Hello": {
                "Type": "AWS::Serverless::Function",
                "Properties": {
                    **properties,
                    "Layers": ["arn:aws:lambda:eu-west-1:1:layer:tools:7"],
                    "Environment": {"Variables": variables},
                },
            },
            "Wrong": {"Type": "AWS::Serverless::Function", "Properties": {**properties, "Timeout": 901}},
        },
    }
    (tmp_path / "template.yml").write_text(json.dumps(everything))
    (tmp_path / "layer").mkdir()
    (tmp_path / "layer" / "mark").touch()
    (tmp_path / ".env").write_text("MORE=from the file\nSTAGE=from the file\n")
    (tmp_path / "env.json").write_text('{"Hello": {"STAGE": "from the JSON"}}')
    return tmp_path


def test_invoke_goes_on_with_stand_ins_when_nothing_is_given(project: Path, function_python: Path) -> None:
    """What stands in, the layer that is left out, and one that no function has, are lines."""
    other = ("--layer", "other=layer")
    ended = run("invoke", "Hello", "--python", function_python, *other, cwd=project, variables=NO_REGION)
    assert ended.status == 0, ended.errors
    assert json.loads(ended.output) == {
        "arn": "arn:aws:lambda:us-east-1:123456789012:function:Hello",
        "layer": False,
        "TABLE": "Orders",
        "STAGE": "Stage",
        "MORE": None,
        "HOME": "/tmp",
        "AWS_REGION": "us-east-1",
    }
    assert "--layer other is not used: no function here has this layer" in ended.errors
    assert (
        "stand-ins for values that only AWS has: !Ref Orders, parameter Stage; set others with --parameter-overrides"
        in ended.errors
    )
    assert (
        "Hello runs without the layer arn:aws:lambda:eu-west-1:1:layer:tools:7; give its folder or zip" in ended.errors
    )


def test_start_takes_what_is_given_when_there_are_options(project: Path, function_python: Path) -> None:
    """Files, parameters, region, account and layer reach the function; a wrong function is named and left out."""
    arguments = ("start", "--python", function_python, "--env-file", ".env", "--env-vars", "env.json")
    more = ("--parameter-overrides", "Stage=x", "--region", "eu-west-1", "--account", "000000000042")
    layer = ("--layer", "arn:aws:lambda:eu-west-1:1:layer:tools=layer")
    with serving(*arguments, *more, *layer, cwd=project) as tool:
        assert tool.invoke("Hello", {}).json == {
            "arn": "arn:aws:lambda:eu-west-1:000000000042:function:Hello",
            "layer": True,
            "TABLE": "Orders",
            "STAGE": "from the JSON",
            "MORE": "from the file",
            "HOME": "/tmp",
            "AWS_REGION": "eu-west-1",
        }
        other = tool.invoke("arn:aws:lambda:us-east-1:000000000042:function:Hello", {})
        assert (other.status, other.json["Message"]) == (
            404,
            "Functions from 'us-east-1' are not reachable in this region ('eu-west-1')",
        )
    assert "Hello has from --env-file and --env-vars: MORE, STAGE" in tool.text
    assert "Wrong is left out: " in tool.text
    assert "Wrong.Timeout: 901 is not valid" in tool.text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--parameter-overrides", "Stag=x"], "there is no parameter Stag to override; its parameters: Stage"),
        (["--parameter-overrides", "Stage"], "Stage is not written as NAME=VALUE"),
        (["--env-file", "none"], "none: cannot be read (No such file or directory); name another file with --env-file"),
        (
            ["--env-vars", "other.json"],
            "--env-vars: there is no function Other; name Parameters or one of: Hello, Wrong",
        ),
        (["--layer", "arn=none"], "--layer arn: none is not a folder and not a zip file"),
        (["--region", "Frankfurt"], "--region: 'Frankfurt' is not a region; name one such as eu-west-1"),
        (["--account", "42"], "42 is not an account id (12 digits)"),
        (["--code", "none"], "none: does not exist; name the code's folder or zip"),
        (["Wrong"], "Wrong.Timeout: 901 is not valid; give a whole number of seconds from 1 to 900"),
    ],
)
def test_invoke_says_what_is_wrong_when_an_option_is(project: Path, arguments: list[str], expected: str) -> None:
    """One line, exit status 2, nothing started."""
    (project / "other.json").write_text('{"Other": {}}')
    function = [] if arguments == ["Wrong"] else ["Hello"]
    ended = run("invoke", *function, *arguments, cwd=project)
    assert (ended.status, ended.output) == (2, b"")
    assert expected in ended.errors
