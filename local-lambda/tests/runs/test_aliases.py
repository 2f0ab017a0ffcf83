"""Versions and aliases of a template: what callers, routes and URLs get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest

from conftest import MakeProject
from support.tool import DEADLINE_SECONDS, Project, Tool

CODE = """
def handler(event, context):
    return {"version": context.function_version, "arn": context.invoked_function_arn}
"""
OPEN = {"AuthType": "NONE"}
ARN = "arn:aws:lambda:us-east-1:123456789012:function:"


@pytest.fixture(scope="module")
def tool(make_project: MakeProject) -> Iterator[Tool]:
    """A function with `AutoPublishAlias`, and one whose versions are resources."""
    route = {"Type": "HttpApi", "Properties": {"Path": "/", "Method": "get"}}
    live = {"AutoPublishAlias": "live", "Events": {"Get": route}, "FunctionUrlConfig": {"AuthType": "NONE"}}
    project: Project = make_project(
        {"app.py": CODE}, Hello={"Handler": "app.handler", **live}, Plain={"Handler": "app.handler"}
    )
    document: dict[str, Any] = json.loads(project.template.read_text())
    version = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Plain"}}}
    canary = {
        "FunctionName": {"Ref": "Plain"},
        "FunctionVersion": {"Fn::GetAtt": "One.Version"},
        "Name": "canary",
        "RoutingConfig": {"AdditionalVersionWeights": [{"FunctionVersion": "2", "FunctionWeight": 1}]},
    }
    elsewhere = {"FunctionName": "other", "FunctionVersion": "1", "Name": "live"}
    document["Resources"] |= {
        "One": version,
        "Two": version,
        "Canary": {"Type": "AWS::Lambda::Alias", "Properties": canary},
        "Canaries": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": {"Ref": "Canary"}, **OPEN}},
        "Live": {
            "Type": "AWS::Lambda::Url",
            "Properties": {"TargetFunctionArn": {"Ref": "Plain"}, "Qualifier": "live", **OPEN},
        },
        "Elsewhere": {"Type": "AWS::Lambda::Alias", "Properties": elsewhere},
    }
    document["Resources"]["Hello"]["Properties"]["Environment"] = {"Variables": {"ME": {"Ref": "Hello.Alias"}}}
    project.template.write_text(json.dumps(document))
    with project.serving("--max-environments", "2") as tool:
        yield tool


@pytest.mark.parametrize(
    ("name", "version", "arn"),
    [
        ("Hello", "$LATEST", "Hello"),
        ("Hello:live", "1", "Hello:live"),
        ("Hello:1", "1", "Hello:1"),
        ("Plain:canary", "2", "Plain:canary"),
        ("Plain:1", "1", "Plain:1"),
    ],
)
def test_qualifier_chooses_the_version(tool: Tool, name: str, version: str, arn: str) -> None:
    """In the context, in the ARN, and in the response."""
    reply = tool.invoke(name, {})
    assert reply.json == {"version": version, "arn": ARN + arn}
    assert reply.headers["X-Amz-Executed-Version"] == version


def test_routes_and_urls_call_the_alias(tool: Tool) -> None:
    """As AWS SAM connects them."""
    called = {"version": "1", "arn": f"{ARN}Hello:live"}
    assert tool.request("GET", "/").json == called
    url = tool.wait_for(r"URL of Hello: (\S+)")[1]
    with urlopen(url, timeout=DEADLINE_SECONDS) as answer:
        assert json.load(answer) == called


def test_url_of_an_alias_calls_it(tool: Tool) -> None:
    """With its weights; an alias that does not exist has none."""
    url = tool.wait_for(r"URL of Plain:canary: (\S+)")[1]
    with urlopen(url, timeout=DEADLINE_SECONDS) as answer:
        assert json.load(answer) == {"version": "2", "arn": f"{ARN}Plain:canary"}
    tool.wait_for("Live is not served: .*Qualifier: live is not an alias of Plain in this template")


def test_qualifier_that_does_not_exist_is_404(tool: Tool) -> None:
    """Also that of another function."""
    for name in ("Hello:2", "Plain:live", "Hello:none"):
        assert tool.invoke(name, {}).status == 404


def test_alias_of_another_function_is_named(tool: Tool) -> None:
    """It is not served."""
    tool.wait_for("Elsewhere is not served: .*FunctionName: is not a function of this template")
