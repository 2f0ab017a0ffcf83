"""The real AWS CLI on the local endpoint, as in the README: no option tells it that this is not AWS."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.aws_endpoint import ROLE, RUNTIME, VARIABLES, Endpoint, code, make_zip
from support.extended import SCRIPTED
from support.tool import DEADLINE_SECONDS

GREET = "def handler(event, context):\n    print('greeting')\n    return {'hello': event['name'], 'version': %d}\n"
POLICY = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
Cli = Callable[..., Any]


@pytest.fixture
def cli(aws: Endpoint, tmp_path: Path) -> Cli:
    """Runs `aws` in a separate folder; returns the document it prints, or the last line of the error."""
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    shell |= VARIABLES | {"AWS_ENDPOINT_URL": aws.tool.url, "AWS_CONFIG_FILE": os.devnull, "AWS_PAGER": ""}
    shell["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull

    def run(line: str, fails: bool = False) -> Any:
        ended = subprocess.run(
            [sys.executable, "-m", "awscli", *line.split()],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=shell,
            timeout=DEADLINE_SECONDS,
        )
        assert (ended.returncode != 0) == fails, ended.stdout + ended.stderr
        if fails:
            return ended.stderr.strip()
        try:
            return json.loads(ended.stdout or "null")
        except ValueError:
            return ended.stdout

    return run


def test_cli_takes_a_function_from_creation_to_deletion(aws: Endpoint, cli: Cli, tmp_path: Path) -> None:
    """Create, wait, invoke, update, read the log, list, delete; a second creation is a conflict."""
    (tmp_path / "function.zip").write_bytes(code(GREET % 1))
    (tmp_path / "event.json").write_text('{"name": "Ada"}')
    assert cli("sts get-caller-identity")["Account"] == "123456789012"
    create = f"lambda create-function --function-name greet --runtime {RUNTIME} --handler app.handler --role {ROLE}"
    create += " --zip-file fileb://function.zip"
    assert cli(create)["State"] == "Active"
    assert (
        "(ResourceConflictException) when calling the CreateFunction operation: Function already exist: greet"
        in cli(create, fails=True)
    )
    cli("lambda wait function-active-v2 --function-name greet")
    invoke = "lambda invoke --function-name greet --payload file://event.json"
    answer = cli(f"{invoke} --log-type Tail out.json")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "\ngreeting\n" in base64.b64decode(answer["LogResult"]).decode()
    assert json.loads((tmp_path / "out.json").read_text()) == {"hello": "Ada", "version": 1}

    (tmp_path / "function.zip").write_bytes(code(GREET % 2))
    cli("lambda update-function-code --function-name greet --zip-file fileb://function.zip")
    cli("lambda update-function-configuration --function-name greet --timeout 7 --environment Variables={MODE=b}")
    cli("lambda wait function-updated-v2 --function-name greet")
    cli(f"{invoke} out.json")
    assert json.loads((tmp_path / "out.json").read_text())["version"] == 2
    assert cli("lambda get-function-configuration --function-name greet")["Timeout"] == 7
    assert cli("lambda list-functions --query Functions[].FunctionName") == ["greet"]

    aws.messages("/aws/lambda/greet", "REPORT")
    log = cli("logs filter-log-events --log-group-name /aws/lambda/greet --query events[].message")
    assert log.count("greeting\n") == 2
    cli("lambda delete-function --function-name greet")
    assert "(ResourceNotFoundException)" in cli("lambda get-function --function-name greet", fails=True)


def test_cli_attaches_a_layer_and_takes_it_off(aws: Endpoint, cli: Cli, tmp_path: Path) -> None:
    """Publish, attach, see the extension at work, detach, delete the version."""
    (tmp_path / "function.zip").write_bytes(code(GREET % 1))
    (tmp_path / "layer.zip").write_bytes(make_zip({"extensions/one": SCRIPTED.read_bytes()}))
    (tmp_path / "event.json").write_text('{"name": "Ada"}')
    arn = cli(
        f"lambda publish-layer-version --layer-name one --zip-file fileb://layer.zip --compatible-runtimes {RUNTIME}"
    )["LayerVersionArn"]
    assert cli("lambda list-layers --query Layers[].LatestMatchingVersion.LayerVersionArn") == [arn]
    cli(
        f"lambda create-function --function-name layered --runtime {RUNTIME} --handler app.handler --role {ROLE} "
        f"--zip-file fileb://function.zip --layers {arn}"
    )
    cli("lambda invoke --function-name layered --payload file://event.json out.json")
    aws.tool.wait_for(r"EXTENSION\s+Name: one\s+State: Ready")
    cli("lambda update-function-configuration --function-name layered --layers []")
    since = len(aws.tool.lines)
    cli("lambda invoke --function-name layered --payload file://event.json out.json")
    aws.tool.wait_for("REPORT", since)
    assert not any("EXTENSION" in line for line in aws.tool.lines[since:])
    cli("lambda delete-layer-version --layer-name one --version-number 1")
    assert cli("lambda list-layer-versions --layer-name one")["LayerVersions"] == []
    cli("lambda delete-function --function-name layered")


def test_cli_uploads_a_package_and_creates_from_it(cli: Cli, tmp_path: Path) -> None:
    """A package of 12 MB, which the CLI sends in parts."""
    (tmp_path / "function.zip").write_bytes(make_zip({"app.py": GREET % 3, "data": os.urandom(12_000_000)}))
    (tmp_path / "event.json").write_text('{"name": "Ada"}')
    cli("s3 mb s3://packages")
    cli("s3 cp --no-progress function.zip s3://packages/app/function.zip")
    assert "12" in cli("s3 ls s3://packages/app/")
    cli(
        f"lambda create-function --function-name uploaded --runtime {RUNTIME} --handler app.handler --role {ROLE} "
        "--code S3Bucket=packages,S3Key=app/function.zip"
    )
    cli("lambda invoke --function-name uploaded --payload file://event.json out.json")
    assert json.loads((tmp_path / "out.json").read_text())["version"] == 3
    cli("s3 cp --no-progress s3://packages/app/function.zip back.zip")
    assert (tmp_path / "back.zip").read_bytes() == (tmp_path / "function.zip").read_bytes()
    cli("s3 rb --force s3://packages")


def test_cli_makes_and_deletes_a_role(cli: Cli) -> None:
    """With the policy that lets a function write its log; AWS's own policies are there."""
    cli("iam create-role --role-name mine --assume-role-policy-document {}")
    cli(f"iam attach-role-policy --role-name mine --policy-arn {POLICY}")
    assert cli("iam get-role --role-name mine --query Role.Arn").strip('"\n').endswith(":role/mine")
    attached = cli("iam list-attached-role-policies --role-name mine --query AttachedPolicies[].PolicyArn")
    assert attached == [POLICY]
    cli(f"iam detach-role-policy --role-name mine --policy-arn {POLICY}")
    cli("iam delete-role --role-name mine")
    assert "(NoSuchEntity)" in cli("iam get-role --role-name mine", fails=True)
