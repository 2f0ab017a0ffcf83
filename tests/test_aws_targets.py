"""The make targets that talk to AWS, against a local endpoint: the recipes are exactly those for the cloud."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from running import PATIENCE, ROOT, serving

from walkthrough.copies import tracked_files
from walkthrough.parse import parse

LOCAL_LAMBDA = os.environ.get("LOCAL_LAMBDA") or str(ROOT / "local-lambda/.venv/bin/local-lambda")
CONTAINER = "external-extension-container"
NOBODY = "http://127.0.0.1:9"
"""An endpoint where nothing is listening."""

LOG = r"START RequestId: \S+ Version: \$LATEST\n(.*\n)*REPORT RequestId: "


@dataclass(frozen=True)
class Example:
    """The function's response, and a line that its log must contain."""

    answer: str
    log: str
    layer: str | None = None


EXAMPLES = {
    "hello-python3.8": Example(r'\{"greeting": "Hello Bogdan-Eugen Mihai, .*"result": .*\}', "stays while warm"),
    "external-extension-layer": Example(
        r'\{"greeting": "Hello Ada!"\}',
        '[python-example-extension] {"eventType": "INVOKE"',
        layer="python-example-extension",
    ),
    "internal-extension": Example(r'\{"pending": 1\}', '[internal-example-extension] registered for ["INVOKE"]'),
    "logs-api-extension": Example(
        r'\{"lines": 3\}', "[logs-api-extension] PUT /2020-08-15/logs", layer="logs-api-extension"
    ),
    "extension-toolbox": Example(r'\{"message": "Hi Ada", "card": "\*{12}1234"\}', "[time-imports] "),
    "durable-order": Example(r'\{"number": "\w+", "price": 40, "parcel": "parcel-\w+"\}', "outside: charged"),
    "powertools-decorators": Example(r'\{"reserved": ?true, "left": ?10\}', '"operation"'),
    "sqs-worker": Example(r'\{"batchItemFailures": \[\{"itemIdentifier": "19dd0b57-.*"\}\]\}', "batch of 1, 1 failed"),
    "response-streaming": Example("row 5", "INIT_START Runtime Version: python"),
}
each_example = pytest.mark.parametrize("folder", EXAMPLES)


@pytest.fixture(scope="session", autouse=True)
def tools() -> None:
    """The AWS CLI of these tests, and the packages of the examples that the endpoint runs functions with."""
    folder = Path(sys.executable).parent
    assert (folder / "aws").exists(), "no aws next to this Python: tests/requirements.txt has it"


def run(command: list[str], cwd: Path, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """Run a command with an account-less environment; a variable that is None is left out."""
    nothing = {name: None for name in os.environ if name.startswith("AWS_") or name in ("MAKEFLAGS", "MAKELEVEL")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    given = {**os.environ, "PATH": path, "AWS_EC2_METADATA_DISABLED": "true", **nothing, **variables}
    environment = {name: value for name, value in given.items() if value is not None}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=cwd, timeout=600)


def make(folder: str, *arguments: str, **variables: str | None) -> subprocess.CompletedProcess[str]:
    """Run make in an example's folder."""
    return run(["make", "--no-print-directory", *arguments], ROOT / folder, **variables)


@pytest.fixture
def endpoint(folder: str) -> Iterator[str]:
    """The URL of a local AWS endpoint that runs functions with the example's packages, as `make serve-aws` does."""
    installed = make(folder, "install")
    assert installed.returncode == 0, installed.stderr
    with serving(LOCAL_LAMBDA, "aws", "--port", "0", cwd=ROOT / folder) as served:
        yield f"http://{served.address}"
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(PATIENCE) == 0


def succeed(folder: str, endpoint: str, *arguments: str) -> str:
    """Run make, which must succeed; returns what it printed."""
    made = make(folder, *arguments, AWS_ENDPOINT_URL=endpoint)
    assert made.returncode == 0, f"{' '.join(arguments)}\n{made.stdout}{made.stderr}"
    return made.stdout


@each_example
def test_function_when_deployed_invoked_and_deleted(folder: str, endpoint: str) -> None:
    """A function is created, invoked, read from its log, and deleted. An extension comes and goes with its layer."""
    example = EXAMPLES[folder]
    output = succeed(folder, endpoint, "deploy", "invoke-aws", "logs-aws")
    assert "aws lambda create-function " in output
    assert re.search(rf"^{example.answer}$", output, re.MULTILINE)
    assert re.search(LOG, output)
    assert example.log in output
    if example.layer:
        extension = f"\n[{example.layer}]"
        without = succeed(folder, endpoint, "detach", "invoke-aws", "logs-aws")
        assert f":layer:{example.layer}:" not in without
        assert re.search(rf"^{example.answer}$", without, re.MULTILINE)
        assert without.count("\nREPORT ") == 2
        started_once = without.count(f"{extension} registered") + without.count(f"{extension} PUT ")
        assert started_once == 1
    succeed(folder, endpoint, "delete")
    gone = make(folder, "invoke-aws", AWS_ENDPOINT_URL=endpoint)
    assert gone.returncode == 2
    assert "ResourceNotFoundException" in gone.stderr


@pytest.mark.parametrize("folder", ["extension-toolbox"])
def test_toolbox_when_its_resources_come_and_go(folder: str, endpoint: str, tmp_path: Path) -> None:
    """Creating and deleting them twice is no error. What the extension uploads at the end can be read."""
    bucket, event = "BUCKET=telemetry-of-a-test", "AWS_EVENT=events/order.json"
    for _ in range(2):
        succeed(folder, endpoint, "resources", bucket)
    output = succeed(folder, endpoint, "deploy", "invoke-aws", "delete", bucket, event)
    assert '"coupon": "coupon-0"' in output
    aws = ["aws", "--endpoint-url", endpoint, "--region", "us-east-1"]
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    copy = [*aws, "s3", "cp", "--recursive", "s3://telemetry-of-a-test", str(tmp_path / "copy")]
    deadline = time.monotonic() + PATIENCE
    files: list[Path] = []
    while not files and time.monotonic() < deadline:  # the environment ends soon after `delete`
        copied = run(copy, tmp_path, **keys)
        assert copied.returncode == 0, copied.stderr
        files = list((tmp_path / "copy").rglob("*.jsonl"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert "platform.runtimeDone" in [json.loads(line)["type"] for line in lines]
    for _ in range(2):
        succeed(folder, endpoint, "delete-resources", bucket)
    assert run([*aws, "s3", "ls"], tmp_path, **keys).stdout == ""
    described = run([*aws, "secretsmanager", "list-secrets", "--query", "length(SecretList)"], tmp_path, **keys)
    assert described.stdout.strip() == "0"


def test_folder_when_copied_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The folder alone, with a local-lambda that LOCAL_LAMBDA names, runs and deploys."""
    name = "external-extension-layer"
    folder = tmp_path_factory.mktemp("copied") / name
    for file in tracked_files():
        if file.startswith(f"{name}/"):
            (folder.parent / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, folder.parent / file)
    ran = run(["make", "run", f"LOCAL_LAMBDA={LOCAL_LAMBDA}"], folder)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count('{"greeting": "Hello Ada!"}') == 3
    deployed = run([LOCAL_LAMBDA, "aws", "--", "make", "deploy", "invoke-aws", "delete"], folder)
    assert deployed.returncode == 0, deployed.stderr
    assert '{"greeting": "Hello Ada!"}' in deployed.stdout


@pytest.mark.parametrize("folder", ["hello-python3.8"])
def test_hello_when_each_step_is_taken_by_itself(folder: str, endpoint: str) -> None:
    """create, update, invoke, invoke-error, get, list and delete work; deploying an existing function updates it."""
    output = succeed(folder, endpoint, "create", "update", "invoke-error", "get", "list")
    assert '"LastUpdateStatus": "Successful"' in output
    assert '"FunctionError": "Unhandled"' in output
    assert '"errorType": "SimpleException"' in output
    assert '"RepositoryType": "S3"' in output
    assert re.search(r"^hello-python3_8\tpython3\.\d+\t", output, re.MULTILINE)
    twice = make(folder, "create", AWS_ENDPOINT_URL=endpoint)
    assert twice.returncode == 2
    assert "ResourceConflictException" in twice.stderr
    assert "aws lambda update-function-code " in succeed(folder, endpoint, "deploy")
    assert not re.search(r"^hello-python3_8\t", succeed(folder, endpoint, "delete", "list"), re.MULTILINE)


def test_role_when_made_as_the_readme_says(tmp_path: Path) -> None:
    """The commands end with a role that a function can have."""
    blocks = parse(ROOT / "docs" / "examples.md").blocks
    found = [command.text for block in blocks if block.language == "console" for command in block.commands()]
    first = next(number for number, text in enumerate(found) if "create-role" in text)
    script = "\n".join(["set -e", *found[first : first + 4], "echo role $AWS_ROLE_ARN"])
    assert "export AWS_ROLE_ARN=" in script
    made = run([LOCAL_LAMBDA, "aws", "--", "sh", "-c", script], tmp_path)
    assert made.returncode == 0, made.stderr
    assert made.stdout.endswith("role arn:aws:iam::123456789012:role/lambda-examples\n")


@pytest.mark.parametrize("folder", ["external-extension-layer"])
def test_layer_when_each_step_is_taken_by_itself(folder: str, endpoint: str) -> None:
    """publish-layer-version, attach, detach, delete: the newest of two versions is attached, and all are deleted."""
    succeed(folder, endpoint, "create", "publish-layer-version")
    assert ":layer:python-example-extension:2" in succeed(folder, endpoint, "publish-layer-version", "attach")
    succeed(folder, endpoint, "detach", "delete")
    attached = make(folder, "attach", AWS_ENDPOINT_URL=endpoint)
    assert attached.returncode == 2


@pytest.mark.parametrize("folder", [*EXAMPLES, CONTAINER])
def test_deploy_when_the_role_is_missing(folder: str) -> None:
    """It is named, and nothing has been done."""
    made = make(folder, "deploy", AWS_DEFAULT_REGION="us-east-1")
    assert (made.returncode, made.stdout) == (2, "")
    assert "AWS_ROLE_ARN is missing" in made.stderr


@pytest.mark.parametrize("target", ["deploy", "delete"])
@pytest.mark.parametrize("folder", ["hello-python3.8", CONTAINER])
def test_target_when_credentials_are_missing(folder: str, target: str, tmp_path: Path) -> None:
    """The AWS CLI says so, we say what to do, and nothing has been done."""
    role = "arn:aws:iam::123456789012:role/any"
    made = make(folder, target, AWS_DEFAULT_REGION="us-east-1", AWS_ROLE_ARN=role, HOME=str(tmp_path))
    assert (made.returncode, made.stdout) == (2, "")
    assert "Unable to locate credentials" in made.stderr
    assert "'aws configure' sets credentials" in made.stderr


@pytest.mark.parametrize("folder", [*EXAMPLES, CONTAINER])
def test_target_when_the_region_is_missing(folder: str, tmp_path: Path) -> None:
    """It is named before AWS is asked."""
    made = make(folder, "invoke-aws", HOME=str(tmp_path))
    assert (made.returncode, made.stdout) == (2, "")
    assert "No region: name one with AWS_DEFAULT_REGION=" in made.stderr


@pytest.mark.parametrize("folder", [*EXAMPLES, CONTAINER])
def test_target_when_the_aws_cli_is_missing(folder: str, tmp_path: Path) -> None:
    """The tool is named, with where to get it."""
    for name in ("sh", "env", "make", "python3", "awk"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    made = make(folder, "invoke-aws", PATH=str(tmp_path))
    assert (made.returncode, made.stdout) == (2, "")
    assert "aws is missing: see https://" in made.stderr


@pytest.mark.parametrize("folder", ["hello-python3.8"])
def test_target_when_nobody_serves_the_local_endpoint(folder: str) -> None:
    """It says what to start."""
    made = make(folder, "invoke-aws", "AWS=local", AWS_ENDPOINT_URL=NOBODY, AWS_MAX_ATTEMPTS="1")
    assert (made.returncode, made.stdout) == (2, "")
    assert "Could not connect to the endpoint URL" in made.stderr
    assert "is 'make serve-aws' running?" in made.stderr


@each_example
def test_account_when_aws_is_local(folder: str, tmp_path: Path) -> None:
    """The address is that of `make serve-aws`, and the shell's credentials are left out."""
    seen = tmp_path / "aws"
    seen.write_text("#!/bin/sh\nenv | grep ^AWS_ | sort\n", encoding="utf-8")
    seen.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    shell = {"AWS_ACCESS_KEY_ID": "mine", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}
    made = make(folder, "invoke-aws", "AWS=local", PATH=path, AWS_PROFILE="work", AWS_REGION="eu-west-1", **shell)
    variables = re.findall(r"^AWS_.*", made.stdout, re.MULTILINE)
    assert variables == [
        "AWS_ACCESS_KEY_ID=local",
        "AWS_DEFAULT_REGION=us-east-1",
        "AWS_EC2_METADATA_DISABLED=true",
        "AWS_ENDPOINT_URL=http://127.0.0.1:4566",
        "AWS_PAGER=",
        "AWS_SECRET_ACCESS_KEY=local",
    ]


@pytest.mark.parametrize("target", ["deploy", "create", "update", "push", "invoke-aws", "logs-aws", "delete"])
@pytest.mark.parametrize("local", ["AWS=local", f"AWS_ENDPOINT_URL={NOBODY}"])
def test_container_when_the_endpoint_is_local(target: str, local: str) -> None:
    """It does not take images; the message says what to do instead."""
    made = make(CONTAINER, target, local)
    assert (made.returncode, made.stdout) == (2, "")
    assert "takes no images: 'make run-image' serves this one" in made.stderr
