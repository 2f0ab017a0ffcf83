"""What options add to a template: variables from files, parameters, region, account and layers."""

from __future__ import annotations

import io
import json
import os
import threading
from pathlib import Path

import pytest

from local_lambda.cli.given import note_template, read_env_file, read_env_vars, region_of
from local_lambda.errors import UsageError
from local_lambda.functions.given import Given
from local_lambda.functions.template import load_functions
from local_lambda.sinks.console import Console


def test_env_file_is_read_as_a_shell_would_when_it_has_quotes_and_comments(tmp_path: Path) -> None:
    """A line each; quotes keep spaces and signs, and nothing is substituted."""
    path = tmp_path / ".env"
    path.write_text(
        "# a comment\n\nPLAIN=a b # why\nexport EXPORTED = yes\nEMPTY=\nHASH=a#b\nSINGLE='  $HOME \\n ' # c\n"
        'DOUBLE="one\\ntwo \\"three\\" # not a comment"\nURL=http://x/?a=b\n',
        encoding="utf-8-sig",
    )
    assert read_env_file(path) == {
        "PLAIN": "a b",
        "EXPORTED": "yes",
        "EMPTY": "",
        "HASH": "a#b",
        "SINGLE": "  $HOME \\n ",
        "DOUBLE": 'one\ntwo "three" # not a comment',
        "URL": "http://x/?a=b",
    }


@pytest.mark.parametrize("line", ["NAME", "1NAME=x", "=x", "A='open", 'A="x" y', "A B=x"])
def test_env_file_is_refused_with_the_line_when_one_is_wrong(tmp_path: Path, line: str) -> None:
    """Nothing is skipped in silence."""
    path = tmp_path / ".env"
    path.write_text(f"GOOD=yes\n{line}\n")
    with pytest.raises(UsageError, match=r"\.env: line 2: is not NAME=value"):
        read_env_file(path)


def test_env_vars_are_read_as_sam_local_reads_them(tmp_path: Path) -> None:
    """By function, with those of all functions under Parameters; numbers and booleans become text."""
    path = tmp_path / "env.json"
    path.write_text('{"Parameters": {"STAGE": "dev"}, "Hello": {"COUNT": 3, "ON": true}}')
    assert read_env_vars(path) == {"": {"STAGE": "dev"}, "Hello": {"COUNT": "3", "ON": "true"}}


def test_env_vars_are_kept_when_they_come_through_a_pipe(tmp_path: Path) -> None:
    """A template may be read again, and a pipe such as /dev/stdin can be read once only."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = threading.Thread(target=path.write_text, args=('{"Hello": {"A": "1"}}',))
    writing.start()
    assert read_env_vars(path) == read_env_vars(path) == {"Hello": {"A": "1"}}
    writing.join()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"{", "is not JSON"),
        (b"[]", "is not a mapping"),
        (b'{"Hello": "x"}', "Hello: is not a mapping"),
        (b'{"Hello": {"A": [1]}}', r"Hello\.A: is not a string"),
        (b'{"Hello": {"A": null}}', r"Hello\.A: is not a string"),
        (b"\xff", "is not UTF-8"),
        (b" " * 1_048_577, "is larger than 1048576 bytes"),
    ],
)
def test_env_vars_are_refused_when_they_are_not_variables(tmp_path: Path, content: bytes, expected: str) -> None:
    """One line says what is wrong."""
    path = tmp_path / "env.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=expected) as error:
        read_env_vars(path)
    assert "\n" not in str(error.value)


def test_region_is_the_options_when_the_shell_has_one_too() -> None:
    """The option, then AWS_REGION, then AWS_DEFAULT_REGION, then us-east-1."""
    shell = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-2"}
    assert region_of("eu-west-3", shell) == "eu-west-3"
    assert region_of(None, shell) == "eu-west-1"
    assert region_of(None, {"AWS_DEFAULT_REGION": "eu-west-2", "AWS_REGION": ""}) == "eu-west-2"
    assert region_of(None, {}) == "us-east-1"
    with pytest.raises(UsageError, match=r"AWS_REGION: 'Frankfurt' is not a region"):
        region_of(None, {"AWS_REGION": "Frankfurt"})


def test_what_aws_does_not_combine_with_tenants_is_noted(tmp_path: Path) -> None:
    """With what happens instead; a REST API can name a tenant."""
    events = {
        "Jobs": {"Type": "SQS"},
        "Web": {"Type": "HttpApi"},
        "Rest": {"Type": "Api", "Properties": {"Path": "/", "Method": "get"}},
    }
    apart = {
        "Events": events,
        "FunctionUrlConfig": {"AuthType": "NONE"},
        "AutoPublishAlias": "live",
        "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1},
    }
    common = {"Runtime": "python3.13", "Handler": "app.handler", "CodeUri": "."}
    isolated = {**common, "TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}
    settings = {"Apart": {**isolated, **apart}, "Alone": isolated, "Other": {**common, **apart}}
    resources = {name: {"Type": "AWS::Serverless::Function", "Properties": each} for name, each in settings.items()}
    (tmp_path / "template.yaml").write_text(json.dumps({"Resources": resources}))
    given, written = Given(shell={}), io.StringIO()
    functions = load_functions(tmp_path / "template.yaml", given)
    console = Console(written, {})
    note_template(given, functions, tuple(functions), console)
    console.flush()
    assert [line for line in written.getvalue().splitlines() if "TenancyConfig" in line] == [
        "platform | Apart: ProvisionedConcurrencyConfig has no effect: AWS does not combine it with TenancyConfig",
        "platform | Apart: refused without a tenant, and AWS does not combine TenancyConfig with: "
        "a function URL, an HTTP API, the event Jobs",
    ]


def test_events_that_nothing_serves_are_not_said_to_be_served_with_aws(tmp_path: Path) -> None:
    """Types that --aws does not serve, and those that do not exist, have a line of their function."""
    events = {name: {"Type": name} for name in ("SQS", "MSK", "HttpAPI")}
    function = {"Runtime": "python3.13", "Handler": "app.handler", "CodeUri": ".", "Events": events}
    resources = {"Hello": {"Type": "AWS::Serverless::Function", "Properties": function}}
    (tmp_path / "template.yaml").write_text(json.dumps({"Resources": resources}))
    given, written = Given(shell={}), io.StringIO()
    functions = load_functions(tmp_path / "template.yaml", given)
    console = Console(written, {})
    note_template(given, functions, tuple(functions), console, events=True)
    console.flush()
    assert "Hello: served with --aws only: SQS (SQS)\n" in written.getvalue()
    assert "Hello: left out: MSK (MSK: not served), HttpAPI (HttpAPI: not a known event type)\n" in written.getvalue()
