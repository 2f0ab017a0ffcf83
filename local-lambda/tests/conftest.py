"""Fixtures that start `local-lambda` as its users do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import pytest

from support.broker import RabbitMQ, missing
from support.environment_extended import ExtendedRig, MakeRig
from support.extended import ECHO, make_layer
from support.puppet_runtime import Puppet
from support.tool import FUNCTIONS, Gate, Project, Tool, serving

MakeProject = Callable[..., Project]


@pytest.fixture(scope="session")
def function_python() -> Path:
    """The interpreter that runs the functions: `LOCAL_LAMBDA_TEST_PYTHON`, or else the one that runs the tests."""
    python = Path(os.environ.get("LOCAL_LAMBDA_TEST_PYTHON") or sys.executable)
    asked = subprocess.run([python, "-c", "import awslambdaric, aws_xray_sdk"], capture_output=True, text=True)
    if asked.returncode != 0:
        reason = asked.stderr.strip().rpartition("\n")[2]
        pytest.fail(f"{python} cannot run the functions of these tests ({reason}); set LOCAL_LAMBDA_TEST_PYTHON", False)
    return python


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory, function_python: Path) -> MakeProject:
    """Makes a folder with a template for the given functions; their code is `support/functions` or the given files."""

    def make(files: dict[str, str] | None = None, **functions: dict[str, Any]) -> Project:
        return Project(tmp_path_factory.mktemp("project"), function_python, functions, files)

    return make


@pytest.fixture(scope="session")
def extend(make_project: MakeProject, tmp_path_factory: pytest.TempPathFactory, shared_folder: Path) -> MakeProject:
    """Makes the function `Hello` with the given code and scripted extensions: name to script, None for the usual."""

    def make(
        extensions: Mapping[str, str | None] | None = None,
        code: str = ECHO,
        variables: Mapping[str, str] | None = None,
        **properties: Any,
    ) -> Project:
        extensions = extensions or {}
        layers = [make_layer(tmp_path_factory.mktemp("layer"), extensions)] if extensions else []
        scripts = {name: script for name, script in extensions.items() if script is not None}
        variables = {"MARKERS": mkdtemp(dir=shared_folder), **(variables or {}), **scripts}
        return make_project(
            {"app.py": code},
            Hello={
                "Handler": "app.handler",
                "Layers": layers,
                "Environment": {"Variables": variables},
                **properties,
            },
        )

    return make


@pytest.fixture
def make_rig() -> MakeRig:
    """Makes a new environment with the named external extensions."""

    def make(*external: str, freeze: bool = False) -> ExtendedRig:
        return ExtendedRig(external, freeze)

    return make


@pytest.fixture(scope="module")
def puppet_tool() -> Iterator[Tool]:
    """`exec` with the runtime that does nothing on its own."""
    shell = {"AWS_LAMBDA_FUNCTION_NAME": "puppet", "AWS_LAMBDA_FUNCTION_TIMEOUT": "60", "AWS_REGION": "eu-west-1"}
    with serving("exec", "--", sys.executable, "-IS", FUNCTIONS / "puppet.py", variables=shell) as tool:
        # A failed first init is tried again, which would make the first test different from the others.
        first = Puppet(tool)
        first.begin()
        first.respond(first.next().headers["lambda-runtime-aws-request-id"])
        first.die()
        yield tool


@pytest.fixture
def runtime(puppet_tool: Tool) -> Iterator[Puppet]:
    """A runtime that has not requested anything yet; the first invocation starts it."""
    puppet = Puppet(puppet_tool)
    yield puppet
    puppet.die()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    """Threads that call at the same time."""
    with ThreadPoolExecutor(64) as callers:
        yield callers


@pytest.fixture(scope="session")
def shared_folder() -> Iterator[Path]:
    """A folder that both tests and functions see: an environment may have a separate `/tmp`."""
    with TemporaryDirectory(dir="/var/tmp") as folder:
        yield Path(folder)


@pytest.fixture
def make_gate(shared_folder: Path) -> Iterator[Callable[[], Gate]]:
    """Makes places where an invocation waits until the test lets it continue."""
    gates: list[Gate] = []

    def make() -> Gate:
        gates.append(Gate(shared_folder))
        return gates[-1]

    yield make
    for gate in gates:
        gate.open()
        gate.close()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMQ]:
    """A RabbitMQ for these tests only. Without it they are skipped, or fail if CI is set."""
    absent = missing()
    if absent:
        reason = f"RabbitMQ is not installed ({', '.join(absent)} missing): apt-get install rabbitmq-server"
        if os.environ.get("CI"):
            pytest.fail(reason, False)
        pytest.skip(reason)
    with RabbitMQ(tmp_path_factory.mktemp("broker")) as broker:
        yield broker
