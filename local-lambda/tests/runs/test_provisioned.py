"""Environments that start ahead of invocations: `--warm`, and provisioned concurrency of a template."""

from __future__ import annotations

import json
from typing import Any

from conftest import MakeProject
from support.tool import run

CODE = """
import os
print("begins as", os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], flush=True)
def handler(event, context):
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""
JSON_LOG: dict[str, Any] = {"LogFormat": "JSON"}


def test_environments_start_ahead(make_project: MakeProject) -> None:
    """Before anyone calls; the variable and the events say why. Others start on demand."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", "LoggingConfig": JSON_LOG})
    with project.serving("--warm", "2") as tool:
        tool.wait_for("Hello: 2 environments start ahead")
        tool.wait_for_lines("begins as provisioned-concurrency", 2)
        tool.wait_for_lines('"type":"platform.initStart".*"initializationType":"provisioned-concurrency"', 2)
        assert tool.invoke("Hello", {}).json == "provisioned-concurrency"


def test_template_has_provisioned_concurrency(make_project: MakeProject) -> None:
    """Without an option, and not more than a function may have."""
    ahead = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 3}}
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler", **ahead})
    with project.serving("--max-environments", "1") as tool:
        tool.wait_for("Hello: not emulated: ProvisionedConcurrencyConfig without AutoPublishAlias")
        tool.wait_for("Hello: 1 environment starts ahead")
        tool.wait_for(r"INIT_REPORT Init Duration: [0-9.]+ ms\tPhase: init\tStatus: success")
        tool.wait_for("begins as provisioned-concurrency")
        assert tool.invoke("Hello", {}).json == "provisioned-concurrency"


def test_environments_start_ahead_for_the_version_of_the_alias_alone(make_project: MakeProject) -> None:
    """Not for other versions; and not for a function whose environments need a tenant first."""
    ahead = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2}, "AutoPublishAlias": "live"}
    tenancy = {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}
    project = make_project(
        {"app.py": CODE},
        Hello={"Handler": "app.handler", **ahead},
        Apart={"Handler": "app.handler", **tenancy},
    )
    document = json.loads(project.template.read_text())
    document["Resources"]["More"] = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": {"Ref": "Hello"}}}
    project.template.write_text(json.dumps(document))
    with project.serving("--warm", "1") as tool:
        tool.wait_for("Apart: --warm has no effect")
        assert tool.invoke("Hello:2", {}).json == "on-demand"
        assert tool.invoke("Hello:live", {}).json == "provisioned-concurrency"
        assert [line for line in tool.lines if "ahead" in line] == [
            "platform | Hello: 1 environment starts ahead\n",
            "platform | Hello: 2 environments start ahead\n",
        ]


def test_more_than_a_function_may_have_is_refused(make_project: MakeProject) -> None:
    """With the option to change."""
    project = make_project({"app.py": CODE}, Hello={"Handler": "app.handler"})
    outcome = run("start", "-t", project.template, "--warm", "11")
    assert outcome.status == 2
    assert "--warm 11: a function has 10 environments; set --max-environments" in outcome.errors
