"""The resources of nested stacks on the local AWS endpoint, and their outputs."""

from __future__ import annotations

import json
from pathlib import Path

from local_lambda.cli.local_aws import LocalAws
from local_lambda.functions.given import Given
from local_lambda.functions.template import load_functions
from local_lambda.http.access import Access
from support.aws_endpoint import RUNTIME


def test_stacks_with_the_same_logical_ids_have_different_resources(tmp_path: Path) -> None:
    """A function gets those of both: its own queue, and that of the nested stack by an output."""
    queue = {"Type": "AWS::SQS::Queue"}
    child = {"Resources": {"Orders": queue}, "Outputs": {"Orders": {"Value": {"Fn::GetAtt": ["Orders", "Arn"]}}}}
    (tmp_path / "child.json").write_text(json.dumps(child))
    variables = {  # the output is read first, so the queue of the nested stack is made first
        "CHILD": {"Fn::GetAtt": ["Child", "Outputs.Orders"]},
        "GROUP": {"Fn::GetAtt": ["Logs", "Arn"]},
        "OWN": {"Fn::GetAtt": ["Orders", "Arn"]},
    }
    properties = {"Runtime": RUNTIME, "Handler": "app.handler", "CodeUri": ".", "Environment": {"Variables": variables}}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": properties},
        "Orders": queue,
        "Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "all"}},
        "Child": {"Type": "AWS::Serverless::Application", "Properties": {"Location": "child.json"}},
    }
    template = tmp_path / "template.json"
    template.write_text(json.dumps({"Resources": resources}))
    given = Given(account="210987654321")
    local = LocalAws("127.0.0.1", 0, Access(), 1, given)
    try:
        for _ in ("at first", "when it is read again"):
            (function,) = load_functions(template, local.given(given))
            arn = "arn:aws:sqs:us-east-1:210987654321:"
            assert function.environment == {
                "GROUP": "arn:aws:logs:us-east-1:210987654321:log-group:all:*",
                "OWN": f"{arn}Orders",
                "CHILD": f"{arn}Child-Orders",
            }
    finally:
        local.close()
