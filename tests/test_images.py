"""The image of every example, built by its `make image` and used as a user would: curl, AWS CLI, SIGTERM.

Needs a container engine. PYTHON_VERSION in the environment chooses the base image, as it does for make.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running import PATIENCE, ROOT, Engine, container, find_engine

LOCAL_LAMBDA = os.environ.get("LOCAL_LAMBDA") or str(ROOT / "local-lambda/.venv/bin/local-lambda")
AWS = shutil.which("aws", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")


@dataclass(frozen=True)
class Example:
    """The event for an image, its response, and what it has to print before it ends."""

    function: str
    event: str
    answer: str
    """A pattern."""
    last_words: str = "platform | stopped"
    handler: str | None = None
    """In place of the image's CMD."""
    extensions: tuple[str, ...] = ()
    client: bool = True
    """Whether it contains the runtime interface client."""


HELLO = r'\{"greeting": "Hello Bogdan-Eugen Mihai, .*", "result": "Your age in hexadecimal is 0x22"\}'
EXAMPLES = {
    "hello-python3.8": Example("HelloFunction", "hello.json", HELLO),
    "external-extension-layer": Example(
        "HelloFunction",
        "hello.json",
        r'\{"greeting": "Hello .*\}',
        '[python-example-extension] {"eventType": "SHUTDOWN", "shutdownReason": "spindown"',
        extensions=("python-example-extension",),
    ),
    "external-extension-container": Example(
        "ContainerFunction",
        "hello.json",
        r'\{"greeting": "Hello Ada", "python": "3\.[\d.]+"\}',
        "[container-extension] SHUTDOWN (spindown) after 3 invocations",
        extensions=("container-extension",),
    ),
    "internal-extension": Example(
        "GracefulFunction", "visit.json", r'\{"pending": \d\}', "[journal] visits committed: 3"
    ),
    "logs-api-extension": Example(
        "LogsFunction",
        "three-lines.json",
        r'\{"lines": 3\}',
        "[logs-api-extension] leaving after 3 invocations: 10 lines of the function",
        extensions=("logs-api-extension",),
    ),
    "extension-toolbox": Example(
        "OrdersFunction",
        "order-without-coupon.json",
        r'\{"message": "Hi Ada", "card": "(\*{12}|400012341234)1234"\}',
        "[telemetry-to-s3] leaving: 1 object, 1 of them lost",
        extensions=("config-cache", "runtime-proxy", "telemetry-to-s3"),
    ),
    "durable-order": Example(
        "NaiveFunction", "order.json", r'\{"number": "\w+", "price": 40, "parcel": "parcel-\w+"\}'
    ),
    "powertools-decorators": Example(
        "pypwext-warehouse",
        "reserve.json",
        r'\{"reserved": ?true, "left": ?10\}',
        handler="app.warehouse.handler",
    ),
    "sqs-worker": Example(
        "sqs-worker", "not-an-order.json", r'\{"batchItemFailures": \[\{"itemIdentifier": "19dd0b57-.*"\}\]\}'
    ),
    "response-streaming": Example(
        "StreamedFunction", "report.json", r'\{"statusCode": 200, [^\0]*\}\0{8}(row \d\n){5}', client=False
    ),
}
# What the program in a container has to know about the execution environment around it.
LAMBDA_VARIABLES = (
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)

each_example = pytest.mark.parametrize("folder", EXAMPLES)

# Programs that compile or download. An image with one of them is larger than necessary, and useful to an intruder.
BUILD_TOOLS = ("cc", "gcc", "g++", "c++", "make", "ld", "as", "git", "curl", "wget")
# Files that building leaves behind.
LEFTOVERS = ("/root/.cache", "/source", "/libraries", "/function", "/extension", "/app", "/var/task/bin")


BASE = f"python:{os.environ.get('PYTHON_VERSION', '3.13')}-slim"


@pytest.fixture(scope="session")
def engine() -> Engine:
    """A container engine that works and has the base image. If one is required, its absence is an error."""
    found = find_engine()
    if found is None:
        absent = f"no container engine: {os.environ.get('DOCKER') or 'neither docker nor podman'} works here"
    elif not found.has(BASE):
        absent = f"{found.name} has no image {BASE} and cannot pull it"
    else:
        return found
    if os.environ.get("CI"):
        pytest.fail(absent)
    pytest.skip(absent)


def curl(address: str, function: str, event: Path) -> str:
    """Invoke the function as `make invoke` does; returns the response."""
    url = f"http://{address}/2015-03-31/functions/{function}/invocations"
    command = ["curl", "--silent", "--show-error", "--max-time", "60", "--data-binary", f"@{event}", url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def aws_invoke(address: str, function: str, event: Path, answer: Path) -> tuple[dict[str, Any], str]:
    """Invoke the function with the AWS CLI; returns what the CLI prints and the function's response."""
    assert AWS, "no aws: tests/requirements.txt has it"
    command = [AWS, "lambda", "invoke", "--endpoint-url", f"http://{address}", "--function-name", function]
    command += ["--payload", f"fileb://{event}", str(answer)]
    account = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_DEFAULT_REGION": "us-east-1"}
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **account}, timeout=60)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout), answer.read_text(encoding="utf-8")


@each_example
def test_image_when_served_on_a_mapped_port(engine: Engine, folder: str, tmp_path: Path) -> None:
    """curl by both names and the AWS CLI get the response; SIGTERM gracefully ends extensions, function, container."""
    example, event = EXAMPLES[folder], ROOT / folder / "events" / EXAMPLES[folder].event
    name = engine.image(folder)
    make = ["make", "--no-print-directory", "-C", folder, "run-image", f"DOCKER={engine.name}", "PORT="]
    with container(engine, name, *make) as served:
        address = engine.run("port", name, "8080").splitlines()[0]
        assert re.fullmatch(example.answer, curl(address, example.function, event)), served.output
        assert re.fullmatch(example.answer, curl(address, "function", event)), served.output
        status, answer = aws_invoke(address, example.function, event, tmp_path / "answer.json")
        assert status == {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
        assert re.fullmatch(example.answer, answer)
        for extension in example.extensions:
            assert re.search(
                rf"EXTENSION\tName: {extension}\tState: Ready\tEvents: \[(INVOKE, ?)?SHUTDOWN\]", served.output
            )
        engine.run("kill", "--signal", "TERM", name)
        assert served.process.wait(PATIENCE) == 0
    assert example.last_words in served.output
    assert served.output.rstrip().endswith("| stopped")


@each_example
def test_image_when_its_execution_environment_is_outside(engine: Engine, folder: str, tmp_path: Path) -> None:
    """The image runs unchanged, as on AWS: variables contain its Runtime API and its function's description."""
    example, event = EXAMPLES[folder], ROOT / folder / "events" / EXAMPLES[folder].event
    name = f"{engine.image(folder)}-outside"
    variables = [f"--env={name}" for name in LAMBDA_VARIABLES]
    image = [folder, *([example.handler] if example.handler else [])]
    run = [engine.name, "run", "--rm", "--init", "--name", name, "--network", "host", *variables, *image]
    with container(engine, name, LOCAL_LAMBDA, "exec", "--port", "0", "--", *run) as served:
        assert re.fullmatch(example.answer, curl(served.address, "function", event)), served.output
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE) == 0
    assert "| REPORT RequestId: " in served.output


@each_example
def test_user_when_run(engine: Engine, folder: str) -> None:
    """Nothing runs as root, and any user can read what is run."""
    image = engine.image(folder)
    assert engine.inside(image, "id", "-u") != "0"
    assert engine.inside(image, "find", "/var/task", "/opt", "!", "-readable") == ""


@each_example
def test_content_when_built(engine: Engine, folder: str) -> None:
    """The image contains what the function needs, and nothing that only the build needed."""
    image = engine.image(folder)
    script = (
        f"for tool in {' '.join(BUILD_TOOLS)}; do command -v $tool; done; ls -d {' '.join(LEFTOVERS)} 2>/dev/null; true"
    )
    assert engine.inside(image, "sh", "-c", script) == ""
    top = engine.inside(image, "ls", "/var/task").splitlines()
    assert ("awslambdaric" in top) == EXAMPLES[folder].client
    assert {"tests", "pip", "pytest", "local_lambda", ".venv"}.isdisjoint(top)
    launchers = engine.inside(image, "sh", "-c", "ls /opt/extensions 2>/dev/null; true").split()
    assert tuple(launchers) == EXAMPLES[folder].extensions


@each_example
def test_base_when_named_by_an_argument(engine: Engine, folder: str) -> None:
    """You can name any base image, including one pinned by its digest; PYTHON_VERSION is then ignored."""
    base = engine.run("image", "inspect", engine.image(folder), "--format", "{{index .RootFS.Layers 0}}")
    named = f"BUILD_OPTIONS=--build-arg BASE={BASE}"
    made = engine.make(folder, "image", "PYTHON_VERSION=none", named, f"IMAGE={folder}:base")
    assert made.returncode == 0, made.stdout
    assert engine.run("image", "inspect", f"{folder}:base", "--format", "{{index .RootFS.Layers 0}}") == base
    engine.run("rmi", f"{folder}:base")


@pytest.mark.parametrize("known", [True, False])
def test_logs_when_the_sandbox_has_its_name_or_not(engine: Engine, known: bool) -> None:
    """The extension names an address that Lambda reaches, whether or not the container knows `sandbox.localdomain`."""
    folder = "logs-api-extension"
    name, event = f"{engine.image(folder)}-name", ROOT / folder / "events/three-lines.json"
    local = ["--build-arg", f"IMAGE={folder}", "--tag", f"{folder}:local", str(ROOT / "local-lambda")]
    engine.run("build", "--quiet", *local)
    host = ["--add-host", "sandbox.localdomain:127.0.0.1"] if known else []
    run = ["run", "--rm", "--init", "--name", name, "--publish", "127.0.0.1::8080", *host, f"{folder}:local"]
    runtime = ["python", "-m", "awslambdaric", "lambda_function.lambda_handler"]
    with container(engine, name, engine.name, *run, *runtime) as served:
        address = engine.run("port", name, "8080").splitlines()[0]
        assert curl(address, "function", event) == '{"lines": 3}'
        engine.run("kill", "--signal", "TERM", name)
        assert served.process.wait(PATIENCE) == 0
    host_name = "sandbox.localdomain" if known else "127.0.0.1"
    assert re.search(rf'"URI": "http://{re.escape(host_name)}:\d+"', served.output)
    assert "leaving after 1 invocations: 4 lines of the function" in served.output


def test_entry_point_when_there_is_no_execution_environment(engine: Engine) -> None:
    """The container example's image for AWS says what is missing when it runs on its own."""
    image = engine.image("external-extension-container")
    ended = subprocess.run([engine.name, "run", "--rm", image], capture_output=True, text=True, timeout=PATIENCE)
    assert ended.returncode == 2
    assert "this is not Lambda" in ended.stderr and "make run-image" in ended.stderr


@each_example
def test_make_when_the_engine_is_missing(folder: str) -> None:
    """A missing tool is named, with where to get it."""
    for target in ("image", "run-image"):
        command = ["make", "-C", str(ROOT / folder), target, "DOCKER=no-such-engine"]
        made = subprocess.run(command, capture_output=True, text=True)
        assert made.returncode == 2
        assert "no-such-engine is missing" in made.stderr and "https://" in made.stderr


def test_run_image_when_there_is_no_image(engine: Engine) -> None:
    """The target that builds it is named."""
    made = engine.make("hello-python3.8", "run-image", "IMAGE=no-such-image")
    assert made.returncode == 2
    assert "No image no-such-image: 'make image' builds it" in made.stdout
