"""What a function finds around it: variables, folder, context, and nothing of its caller's shell."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import MakeProject
from support.tool import FUNCTIONS, Project, Tool, serving

SHELL = {
    "LANG": "de_DE.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PYTHONSTARTUP": "/home/caller/start.py",
    "SECRET_OF_THE_CALLER": "leaked",
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIA-of-the-caller",
    "AWS_SECRET_ACCESS_KEY": "the caller's",
    "AWS_REGION": "eu-central-1",
    "HOME": "/home/caller",
    "NAMED": "from the shell",
    "NO_COLOR": "1",
}
RESERVED = {
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "TZ",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
}
"""Those a real Python function has, without the paths of the real machine."""

LOCALE = {"LANG", "LC_ALL"}


@pytest.fixture(scope="module")
def project(make_project: MakeProject) -> Project:
    """The same function with text logs and with JSON logs."""
    properties: dict[str, Any] = {
        "Handler": "app.describe",
        "MemorySize": 256,
        "Environment": {"Variables": {"NAMED": "from the template", "CUSTOM": "välue", "LD_LIBRARY_PATH": "lib"}},
    }
    return make_project(
        Hello=properties,
        Json={**properties, "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "group", "ApplicationLogLevel": "WARN"}},
    )


@pytest.fixture(scope="module")
def tool(project: Project) -> Iterator[Tool]:
    """Both, served from a shell with many variables that do not concern them."""
    with project.serving(variables=SHELL) as tool:
        yield tool


@pytest.fixture(scope="module")
def seen(tool: Tool) -> Any:
    """What the function with text logs sees."""
    return tool.invoke("Hello", {}).json


def test_environment_has_exactly_the_service_variables(seen: Any) -> None:
    """The reserved ones, the template's, PATH and the locale: nothing leaks, nothing is missing."""
    names = set(seen["environment"])
    assert names == RESERVED | {"NAMED", "CUSTOM", "LD_LIBRARY_PATH"} | LOCALE | {"PATH"} | (names & {"LC_CTYPE"})


def test_environment_values_are_the_functions(seen: Any) -> None:
    """Region, name, memory and credentials are the function's own, not those of the shell."""
    environment = seen["environment"]
    version = re.fullmatch(r"AWS_Lambda_python3\.\d+", environment["AWS_EXECUTION_ENV"])
    assert version
    expected = {
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": "Hello",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/Hello",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "CUSTOM": "välue",
        "LANG": "de_DE.UTF-8",
        "LD_LIBRARY_PATH": "lib",
        "TZ": ":UTC",
        "_HANDLER": "app.describe",
    }
    assert {name: environment[name] for name in expected} == expected
    assert "caller" not in " ".join(map(str, environment.values()))


def test_environment_names_an_xray_daemon_and_a_runtime_api_on_loopback(seen: Any) -> None:
    """Each as `host:port`, and the daemon in two parts as well."""
    environment = seen["environment"]
    host, port = environment["_AWS_XRAY_DAEMON_ADDRESS"], environment["_AWS_XRAY_DAEMON_PORT"]
    assert environment["AWS_XRAY_DAEMON_ADDRESS"] == f"{host}:{port}"
    for name in ("AWS_XRAY_DAEMON_ADDRESS", "AWS_LAMBDA_RUNTIME_API"):
        assert re.fullmatch(r"127\.\d+\.\d+\.\d+:\d+", environment[name])


def test_environment_of_a_variable_the_shell_sets_too_is_the_shells(seen: Any) -> None:
    """The template names the variable, so the shell may give its value."""
    assert seen["environment"]["NAMED"] == "from the shell"


def test_environment_of_variables_that_are_not_reserved_is_the_functions(make_project: MakeProject) -> None:
    """AWS's table says which are reserved; the time zone and X-Ray's are not."""
    wanted = {
        "TZ": "Europe/Zurich",
        "AWS_XRAY_CONTEXT_MISSING": "RUNTIME_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2001",
        "AWS_LAMBDA_LOG_LEVEL": "DEBUG",
    }
    function = {"Handler": "app.describe", "Environment": {"Variables": wanted}, "LoggingConfig": {"LogFormat": "JSON"}}
    environment = make_project(Hello=function).report({}).payloads[0]["environment"]
    assert {name: environment[name] for name in wanted} == wanted


def test_environment_with_json_logs_says_so(tool: Tool) -> None:
    """`AWS_LAMBDA_LOG_FORMAT` and `_LEVEL` are there in the JSON format only."""
    environment = tool.invoke("Json", {}).json["environment"]
    assert set(environment) - {"LC_CTYPE"} == RESERVED | LOCALE | {
        "NAMED",
        "CUSTOM",
        "LD_LIBRARY_PATH",
        "PATH",
        "AWS_LAMBDA_LOG_FORMAT",
        "AWS_LAMBDA_LOG_LEVEL",
    }
    assert (environment["AWS_LAMBDA_LOG_FORMAT"], environment["AWS_LAMBDA_LOG_LEVEL"]) == ("JSON", "WARN")
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "group"


def test_folder_is_the_code(seen: Any) -> None:
    """Relative paths begin at the function's code, which is the task root."""
    assert seen["folder"] == seen["environment"]["LAMBDA_TASK_ROOT"]
    assert {"app.py", "failing.py"} <= set(seen["files"])


def test_context_has_what_the_service_gives(tool: Tool) -> None:
    """Name, version, ARN, memory as text, log names of the variables, identity without content."""
    before = time.time() * 1000
    reply = tool.invoke("Hello", {})
    seen = reply.json
    context, environment = seen["context"], seen["environment"]
    deadline = context.pop("deadline")
    assert before + 30_000 - 1 <= deadline <= time.time() * 1000 + 30_000
    assert 0 < context.pop("remaining") <= 30_000
    assert context == {
        "aws_request_id": reply.request_id,
        "invoked_function_arn": "arn:aws:lambda:eu-central-1:123456789012:function:Hello",
        "function_name": "Hello",
        "function_version": "$LATEST",
        "memory_limit_in_mb": "256",
        "log_group_name": "/aws/lambda/Hello",
        "log_stream_name": environment["AWS_LAMBDA_LOG_STREAM_NAME"],
        "identity": [None, None],
        "client_context": None,
        "client": None,
    }
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", context["log_stream_name"])


def test_environment_when_warm_stays_the_same_but_for_the_trace(tool: Tool) -> None:
    """One log stream and one Runtime API per environment, a trace id per invocation."""
    first, second = (tool.invoke("Hello", {}).json["environment"] for _ in range(2))
    assert first.pop("_X_AMZN_TRACE_ID") != second.pop("_X_AMZN_TRACE_ID")
    assert first == second


def test_environment_of_exec_is_the_shells_and_the_platforms(tmp_path: Path, function_python: Path) -> None:
    """A program of the caller's own gets the caller's variables, as in a container image, and the reserved ones."""
    command = ("exec", "--", function_python, "-m", "awslambdaric", "app.describe")
    shell = {**SHELL, "AWS_LAMBDA_FUNCTION_NAME": "named", "AWS_LAMBDA_FUNCTION_TIMEOUT": "7"}
    with serving(*command, cwd=FUNCTIONS, variables=shell) as tool:
        seen = tool.invoke("function", {}).json
    environment, context = seen["environment"], seen["context"]
    assert environment["SECRET_OF_THE_CALLER"] == "leaked"
    assert environment["AWS_ACCESS_KEY_ID"] == "AKIA-of-the-caller"
    assert environment["_HANDLER"] == "app.describe"
    assert (context["function_name"], context["memory_limit_in_mb"]) == ("named", "3008")
    assert context["invoked_function_arn"] == "arn:aws:lambda:eu-central-1:123456789012:function:named"
    assert 0 < context["remaining"] <= 7000
    assert Path(seen["folder"]).samefile(FUNCTIONS)


def test_modules_named_like_the_tools_are_the_functions(make_project: MakeProject) -> None:
    """The runtime's folder has nothing but `bootstrap.py`, so it hides no module even in front of them on the path."""
    code = """
import os, subprocess, sys
import amqp, config, events

PRINT = "import sys; del sys.path[0]; import amqp, config, events; print(amqp.WHOSE, config.WHOSE, events.WHOSE)"

def handler(event, context):
    runtime, task = os.environ["LAMBDA_RUNTIME_DIR"], os.environ["LAMBDA_TASK_ROOT"]
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join((runtime, task))}
    child = subprocess.run([sys.executable, "-c", PRINT], env=variables, stdout=subprocess.PIPE, check=True)
    here = [amqp.WHOSE, config.WHOSE, events.WHOSE]
    return {"runtime": os.listdir(runtime), "here": here, "child": child.stdout.decode().split()}
"""
    names = ("amqp", "config", "events")
    files = {"app.py": code, **{f"{name}.py": f"WHOSE = 'function-{name}'\n" for name in names}}
    (seen,) = make_project(files, Hello={"Handler": "app.handler"}).report({}).payloads
    whose = [f"function-{name}" for name in names]
    assert seen == {"runtime": ["bootstrap.py"], "here": whose, "child": whose}


def test_main_module_has_the_runtime_interface_client(make_project: MakeProject) -> None:
    """Under the name by which error trackers find what to patch: `awslambdaricmain`."""
    code = """
import sys

def handler(event, context):
    client = sys.modules["__main__"].awslambdaricmain
    return [client.__name__, client.bootstrap.__name__, callable(client.bootstrap.handle_event_request)]
"""
    (seen,) = make_project({"app.py": code}, Hello={"Handler": "app.handler"}).report({}).payloads
    assert seen == ["awslambdaric.__main__", "awslambdaric.bootstrap", True]
