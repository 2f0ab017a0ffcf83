"""Tenant isolation as users of Invoke, boto3 and `invoke` see it."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from conftest import MakeProject
from support.streaming import client
from support.tool import Project, Tool

LOGGING = {"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}
CODE = """
import os
seen = []
def handler(event, context):
    seen.append(context.tenant_id)
    return {"tenants": seen, "log": context.log_stream_name}
"""


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """One function that isolates tenants, and one that does not."""
    isolated = {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}, "LoggingConfig": LOGGING}
    return make_project(
        {"app.py": CODE}, Hello={"Handler": "app.handler", **isolated}, Other={"Handler": "app.handler"}
    )


@pytest.fixture(scope="module")
def tool(project: Project) -> Iterator[Tool]:
    """`start` with both."""
    with project.serving("--max-environments", "2") as tool:
        yield tool


def test_boto3_names_the_tenant(tool: Tool) -> None:
    """Each tenant has its own module state; the context knows who it is."""
    for count in (1, 2):
        for tenant in ("blue", "green"):
            answer = client(tool).invoke(FunctionName="Hello", TenantId=tenant, Payload=b"{}")
            assert json.load(answer["Payload"])["tenants"] == [tenant] * count


def test_log_names_the_tenant(tool: Tool) -> None:
    """In the platform's lines and in the function's."""
    tool.invoke("Hello", {}, X_Amz_Tenant_Id="red@example.com")
    tool.wait_for('"type":"platform.start".*"tenantId":"red@example.com"')
    tool.wait_for('"type":"platform.runtimeDone".*"tenantId":"red@example.com"')


@pytest.mark.parametrize(
    ("function", "tenant", "text"),
    [
        ("Hello", None, "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your"),
        ("Other", "blue", "not enabled with tenancy configuration"),
        ("Hello", "a!b", "failed to satisfy constraint"),
    ],
)
@pytest.mark.parametrize("kind", ["RequestResponse", "Event"])
def test_invocation_without_the_right_tenant_is_400(
    tool: Tool, function: str, tenant: str | None, text: str, kind: str
) -> None:
    """With the service's words."""
    headers = {} if tenant is None else {"X_Amz_Tenant_Id": tenant}
    refused = tool.invoke(function, {}, X_Amz_Invocation_Type=kind, **headers)
    assert (refused.status, refused.headers["x-amzn-ErrorType"]) == (400, "InvalidParameterValueException")
    assert text in refused.json["message"]


def test_invoke_command_has_a_tenant(project: Project) -> None:
    """The function sees it."""
    outcome = project.invoke("Hello", "--tenant-id", "blue")
    assert json.loads(outcome.output)["tenants"] == ["blue"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("Hello",), "Hello isolates tenants; name one with --tenant-id"),
        (("Hello", "--tenant-id", "a!b"), "--tenant-id: 'a!b' is not a tenant ID, which must match"),
        (("Other", "--tenant-id", "blue"), "--tenant-id: Other does not isolate tenants; leave the option out"),
    ],
)
def test_invoke_command_without_the_right_tenant_starts_nothing(
    project: Project, arguments: tuple[str, ...], line: str
) -> None:
    """A line says what to do."""
    outcome = project.invoke(*arguments)
    assert outcome.status == 2
    assert line in outcome.errors
    assert "INIT_START" not in outcome.errors
