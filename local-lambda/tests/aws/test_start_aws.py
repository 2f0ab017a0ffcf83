"""`start --aws`: the resources of a template exist, the function has their names, and they invoke it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from support.aws_endpoint import RUNTIME, VARIABLES, code, error_of
from support.tool import Tool, run, serving

CODE = """
import json, os

def handler(event, context):
    if event == "variables":
        return dict(os.environ)
    print("GOT", json.dumps(event))
"""
TEMPLATE = """
Parameters:
  Color: {Type: String, Default: blue}
  Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /app/color}
Conditions:
  Never: !Equals [a, b]
Resources:
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: RUNTIME
      Handler: app.handler
      CodeUri: .
      Timeout: 30
      Environment:
        Variables:
          QUEUE: !Ref Queue
          QUEUE_ARN: !GetAtt Queue.Arn
          DEAD: !GetAtt Dead.QueueName
          FIFO: !Ref Fifo
          TABLE: !Ref Table
          STREAM: !GetAtt Table.StreamArn
          SIMPLE: !Ref Simple
          TOPIC: !Ref Topic
          BUCKET: !Sub "${Bucket}"
          KINESIS: !GetAtt Stream.Arn
          PARAMETER: !Ref Parameter
          COLOR: "{{resolve:ssm:/app/color}}"
          STORED: !Ref Stored
          PASSWORD: "{{resolve:secretsmanager:db:SecretString:password}}"
          POOL: !Ref Pool
      Events:
        Note: {Type: SNS, Properties: {Topic: !Ref Topic, FilterPolicy: {kind: [loud]}}}
        Put:
          Type: S3
          Properties:
            Bucket: !Ref Bucket
            Events: "s3:ObjectCreated:*"
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}, {Name: suffix, Value: .txt}]}}
        Sold: {Type: EventBridgeRule, Properties: {Pattern: {source: [shop]}, InputPath: $.detail}}
        Work: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 1}}
        Change: {Type: DynamoDB, Properties: {Stream: !GetAtt Table.StreamArn, StartingPosition: TRIM_HORIZON}}
        Data: {Type: Kinesis, Properties: {Stream: !GetAtt Stream.Arn, StartingPosition: TRIM_HORIZON, BatchSize: 1}}
        Tick: {Type: Schedule, Properties: {Schedule: rate(1 day), Input: '{"tick": 1}'}}
        Logged: {Type: CloudWatchLogs, Properties: {LogGroupName: a, FilterPattern: b}}
  Queue:
    Type: AWS::SQS::Queue
    Properties: {VisibilityTimeout: 60, RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 2}}
  Dead: {Type: AWS::SQS::Queue}
  Extra: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Orders, EventSourceArn: !GetAtt Extra.Arn, BatchSize: 2}
  Fifo: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true, ContentBasedDeduplication: true}}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: items
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
  Simple: {Type: AWS::Serverless::SimpleTable, Properties: {PrimaryKey: {Name: n, Type: Number}}}
  Topic: {Type: AWS::SNS::Topic}
  Bucket: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}
  Stream: {Type: AWS::Kinesis::Stream, Properties: {ShardCount: 2}}
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: /app/color, Type: String, Value: !Ref Color}}
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties: {Name: db, GenerateSecretString: {SecretStringTemplate: '{"user": "a"}', GenerateStringKey: password}}
  Excluded: {Type: AWS::SQS::Queue, Condition: Never}
  Pool: {Type: AWS::Cognito::UserPool}
"""


class Stack:
    """A running `start --aws`, and clients for its endpoint."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool
        self.url = tool.wait_for(r"AWS_ENDPOINT_URL=(\S+)")[1]

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=VARIABLES["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=VARIABLES["AWS_SECRET_ACCESS_KEY"],
        )

    def got(self, number: int) -> Any:
        """The event with this number that the function has got."""
        self.tool.wait_for_lines("function \\| GOT ", number + 1)
        lines = [line.partition("GOT ")[2] for line in list(self.tool.lines) if "function | GOT " in line]
        return json.loads(lines[number])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, function_python: Path) -> Iterator[Stack]:
    """The template above, served; its tests are in the order in which they send."""
    folder = tmp_path_factory.mktemp("stack")
    (folder / "app.py").write_text(CODE)
    (folder / "template.yaml").write_text(TEMPLATE.replace("RUNTIME", RUNTIME))
    arguments = ("start", "--aws", "0", "-t", folder / "template.yaml", "--python", function_python)
    with serving(*arguments, "--max-environments", "1") as tool:
        yield Stack(tool)


def test_declared_resources_exist_and_the_function_knows_them(stack: Stack) -> None:
    """`!Ref` and `!GetAtt` are those of the endpoint; dynamic references are read there."""
    answer = stack.client("lambda").invoke(FunctionName="Orders", Payload=b'"variables"')
    found = json.loads(answer["Payload"].read())
    assert found["AWS_ENDPOINT_URL"] == stack.url
    sqs = stack.client("sqs")
    attributes = sqs.get_queue_attributes(QueueUrl=found["QUEUE"], AttributeNames=["All"])["Attributes"]
    assert attributes["QueueArn"] == found["QUEUE_ARN"]
    assert attributes["VisibilityTimeout"] == "60"
    dead = {"deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:Dead", "maxReceiveCount": 2}
    assert json.loads(attributes["RedrivePolicy"]) == dead
    assert found["DEAD"] == "Dead"
    assert sqs.get_queue_attributes(QueueUrl=found["FIFO"], AttributeNames=["All"])["Attributes"]["FifoQueue"] == "true"
    assert {url.rpartition("/")[2] for url in sqs.list_queues()["QueueUrls"]} == {"Queue", "Dead", "Extra", "Fifo.fifo"}
    table = stack.client("dynamodb").describe_table(TableName=found["TABLE"])["Table"]
    assert table["LatestStreamArn"] == found["STREAM"]
    key = stack.client("dynamodb").describe_table(TableName=found["SIMPLE"])["Table"]["AttributeDefinitions"]
    assert key == [{"AttributeName": "n", "AttributeType": "N"}]
    assert stack.client("s3").get_bucket_versioning(Bucket=found["BUCKET"])["Status"] == "Enabled"
    assert stack.client("sns").get_topic_attributes(TopicArn=found["TOPIC"])["Attributes"]
    stream = stack.client("kinesis").describe_stream(StreamARN=found["KINESIS"])["StreamDescription"]
    assert len(stream["Shards"]) == 2
    assert stack.client("ssm").get_parameter(Name=found["PARAMETER"])["Parameter"]["Value"] == found["COLOR"] == "blue"
    assert found["STORED"] == "blue"
    secret = json.loads(stack.client("secretsmanager").get_secret_value(SecretId="db")["SecretString"])
    assert secret == {"user": "a", "password": found["PASSWORD"]}


def test_what_is_not_served_is_named(stack: Stack) -> None:
    """One line for a resource, one for an event, one for the value that stands in."""
    stack.tool.wait_for(r"not made, because --aws does not serve them: Pool \(AWS::Cognito::UserPool\)")
    stack.tool.wait_for("Orders.Events.Logged is not served: --aws has no events of type CloudWatchLogs")
    stack.tool.wait_for("stand-ins for values that only AWS has: !Ref Pool;")


def test_function_of_the_template_can_be_looked_up_but_not_changed(stack: Stack) -> None:
    """The endpoint lists it; its code and configuration are the template's."""
    client = stack.client("lambda")
    (function,) = client.list_functions()["Functions"]
    assert (function["FunctionName"], function["Handler"], function["Timeout"]) == ("Orders", "app.handler", 30)
    refused = error_of(client.update_function_configuration, FunctionName="Orders", Timeout=3)
    assert refused[:2] == (400, "InvalidParameterValueException")
    assert "is declared in the template" in refused[2]


def test_topic_bucket_and_rule_invoke_the_function(stack: Stack) -> None:
    """Each as its service writes it; what a filter excludes does not come."""
    topic = "arn:aws:sns:us-east-1:123456789012:Topic"
    sns, s3, events = stack.client("sns"), stack.client("s3"), stack.client("events")
    sns.publish(TopicArn=topic, Message="quiet")
    loud = {"kind": {"DataType": "String", "StringValue": "loud"}}
    sns.publish(TopicArn=topic, Message="hello", Subject="s", MessageAttributes=loud)
    notification = stack.got(0)["Records"][0]
    assert (notification["EventSource"], notification["Sns"]["Message"]) == ("aws:sns", "hello")
    assert notification["Sns"]["MessageAttributes"] == {"kind": {"Type": "String", "Value": "loud"}}
    for key in ("in/a b.png", "out/a b.txt", "in/a b.txt"):
        s3.put_object(Bucket="bucket", Key=key, Body=b"12345")
    record = stack.got(1)["Records"][0]
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert record["s3"]["bucket"]["name"] == "bucket"
    assert (record["s3"]["object"]["key"], record["s3"]["object"]["size"]) == ("in/a+b.txt", 5)
    entries = [{"Source": name, "DetailType": "d", "Detail": '{"n": 1}'} for name in ("other", "shop")]
    assert events.put_events(Entries=entries)["FailedEntryCount"] == 0
    assert stack.got(2) == {"n": 1}


def test_queue_and_table_invoke_the_function(stack: Stack) -> None:
    """The template's event source mappings are on the endpoint too."""
    mappings = stack.client("lambda").list_event_source_mappings(FunctionName="Orders")["EventSourceMappings"]
    assert [(each["BatchSize"], each["State"]) for each in mappings] == [
        (1, "Enabled"),
        (100, "Enabled"),
        (1, "Enabled"),
        (2, "Enabled"),
    ]
    stack.client("sqs").send_message(QueueUrl=f"{stack.url}/123456789012/Queue", MessageBody="work")
    record = stack.got(3)["Records"][0]
    assert (record["eventSource"], record["body"]) == ("aws:sqs", "work")
    stack.client("dynamodb").put_item(TableName="items", Item={"id": {"S": "1"}})
    record = stack.got(4)["Records"][0]
    assert (record["eventSource"], record["eventName"]) == ("aws:dynamodb", "INSERT")
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "1"}}


def test_stream_and_mapping_invoke_the_function(stack: Stack) -> None:
    """`Kinesis` among the events, and a mapping that is a resource."""
    stack.client("kinesis").put_record(StreamName="Stream", Data=b"data", PartitionKey="a")
    record = stack.got(5)["Records"][0]
    assert (record["eventSource"], record["kinesis"]["data"]) == ("aws:kinesis", "ZGF0YQ==")
    stack.client("sqs").send_message(QueueUrl=f"{stack.url}/123456789012/Extra", MessageBody="extra")
    record = stack.got(6)["Records"][0]
    assert (record["eventSourceARN"].rpartition(":")[2], record["body"]) == ("Extra", "extra")


def test_rule_can_be_fired(stack: Stack) -> None:
    """`local-lambda fire` sends what the schedule sends; a rule that is not there is named, with those that are."""
    outcome = run("fire", "OrdersTick", "--endpoint-url", stack.url)
    assert (outcome.status, outcome.output, outcome.errors) == (0, b"", "local-lambda: fired OrdersTick: 1 target\n")
    assert stack.got(7) == {"tick": 1}
    outcome = run("fire", "Tick", "--endpoint-url", stack.url)
    assert outcome.status == 2
    assert outcome.errors == "local-lambda: There is no rule Tick on default; rules: OrdersSold, OrdersTick\n"


def test_fire_without_an_endpoint_says_what_to_start() -> None:
    """Exit status 3."""
    outcome = run("fire", "Tick", "--endpoint-url", "http://127.0.0.1:1")
    assert outcome.status == 3
    assert "run `start --aws`, or name its address with --endpoint-url" in outcome.errors


def test_source_that_does_not_suit_is_named(tmp_path: Path, function_python: Path) -> None:
    """One line for each, with the service's reason, and the function is served."""
    function: dict[str, Any] = {"Runtime": RUNTIME, "Handler": "app.handler", "CodeUri": ".", "Timeout": 60}
    function["Events"] = {
        "Work": {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["Queue", "Arn"]}}},
        "Change": {"Type": "DynamoDB", "Properties": {"Stream": {"Ref": "StreamArn"}, "StartingPosition": "LATEST"}},
    }
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": function},
        "Queue": {"Type": "AWS::SQS::Queue"},
    }
    parameters = {"StreamArn": {"Type": "String"}}
    (tmp_path / "template.yaml").write_text(json.dumps({"Parameters": parameters, "Resources": resources}))
    (tmp_path / "app.py").write_text(CODE)
    with serving("start", "--aws", "0", "-t", tmp_path / "template.yaml", "--python", function_python) as tool:
        tool.wait_for(
            "Hello.Events.Work is not served: Hello: arn:aws:sqs:us-east-1:123456789012:Queue: "
            "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"
        )
        tool.wait_for("Hello.Events.Change is not served: Hello: StreamArn: ")
        tool.wait_for("AWS_ENDPOINT_URL=")


@pytest.mark.parametrize("written", [{"Fn::GetAtt": ["Queues", "Arn"]}, {"Fn::GetAtt": "Queues.Arn"}])
@pytest.mark.parametrize("as_resource", [False, True])
def test_source_that_is_not_in_the_template_is_named(
    tmp_path: Path, function_python: Path, written: object, as_resource: bool
) -> None:
    """A misspelled `!GetAtt`, in an event of SAM or in a mapping of CloudFormation: exit status 2 and its name."""
    function: dict[str, Any] = {"Runtime": RUNTIME, "Handler": "app.handler", "CodeUri": "."}
    resources = {
        "Hello": {"Type": "AWS::Serverless::Function", "Properties": function},
        "Queue": {"Type": "AWS::SQS::Queue"},
    }
    if as_resource:
        given = {"FunctionName": {"Ref": "Hello"}, "EventSourceArn": written}
        resources["Work"] = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": given}
    else:
        function["Events"] = {"Work": {"Type": "SQS", "Properties": {"Queue": written}}}
    (tmp_path / "template.yaml").write_text(json.dumps({"Resources": resources}))
    outcome = run("start", "--aws", "0", "-t", tmp_path / "template.yaml", "--python", function_python, "--port", "0")
    assert outcome.status == 2
    if as_resource:
        assert "local-lambda: Work: EventSourceArn: the template has no resource Queues\n" in outcome.errors
    else:
        expected = (
            "Hello.Events.Work.Properties.Queue: Template format error: Unresolved resource dependencies [Queues] "
        )
        assert expected in outcome.errors


def test_account_of_the_command_is_that_of_the_endpoint(tmp_path: Path, function_python: Path) -> None:
    """Roles, functions and layers have it."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return context.invoked_function_arn\n")
    (tmp_path / "template.yaml").write_text(
        json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Own": _function()}})
    )
    arguments = ("start", "--aws", "0", "-t", tmp_path / "template.yaml", "--python", function_python)
    with serving(*arguments, "--account", "111122223333") as tool:
        stack = Stack(tool)
        role = stack.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        client = stack.client("lambda")
        package = {"ZipFile": code("def handler(event, context):\n    return context.invoked_function_arn\n")}
        created = client.create_function(
            FunctionName="made", Runtime=RUNTIME, Role=role, Handler="app.handler", Code=package
        )
        assert role.split(":")[4] == created["FunctionArn"].split(":")[4] == "111122223333"
        for name in ("made", "Own"):
            answer = client.invoke(FunctionName=name, Payload=b"{}")
            assert json.load(answer["Payload"]) == f"arn:aws:lambda:us-east-1:111122223333:function:{name}"


def _function() -> dict[str, Any]:
    properties = {"Runtime": RUNTIME, "Handler": "app.handler", "CodeUri": "."}
    return {"Type": "AWS::Serverless::Function", "Properties": properties}


EXTENSION = """#!/usr/bin/env python3
import json, os, sys, urllib.error, urllib.request

api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
body = json.dumps({"events": ["SHUTDOWN"]}).encode()
name = {"Lambda-Extension-Name": "last"}
registered = urllib.request.urlopen(urllib.request.Request(f"{api}/register", body, name))
identifier = {"Lambda-Extension-Identifier": registered.headers["Lambda-Extension-Identifier"]}
urllib.request.urlopen(urllib.request.Request(f"{api}/event/next", headers=identifier)).read()
scope = "Credential=x/20260101/us-east-1/s3/aws4_request"
signed = {"Authorization": f"AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=x"}
url = os.environ["AWS_ENDPOINT_URL"] + "/kept"
put = urllib.request.Request(url, headers=signed, method="PUT")
print("bucket made at the end:", urllib.request.urlopen(put).status, flush=True)
try:
    urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/2015-03-31/functions/Hello/invocations", b"{}")
except urllib.error.HTTPError as error:
    print("function invoked at the end:", error.code, error.read().decode(), flush=True)
"""


def test_services_are_there_until_extensions_have_ended(function_python: Path, tmp_path: Path) -> None:
    """What an extension sends at SHUTDOWN arrives. An invocation is refused: nothing would end its environment."""
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 1\n")
    extension = tmp_path / "layer" / "extensions" / "last"
    extension.parent.mkdir(parents=True)
    extension.write_text(EXTENSION.replace("/usr/bin/env python3", str(function_python)))
    extension.chmod(0o755)
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "layer"}}
    properties = {"Runtime": RUNTIME, "Handler": "app.handler", "CodeUri": ".", "Layers": [{"Ref": "Layer"}]}
    function = {"Type": "AWS::Serverless::Function", "Properties": properties}
    template = tmp_path / "template.yaml"
    template.write_text(json.dumps({"Resources": {"Hello": function, "Layer": layer}}))
    with serving("start", "-t", template, "--python", function_python, "--aws", "0", variables=VARIABLES) as tool:
        assert tool.invoke("Hello", {}).json == 1
        tool.stop()
        assert "bucket made at the end: 200" in tool.text
        assert re.search("function invoked at the end: 503 .*local-lambda is shutting down", tool.text)


ALIAS = """
Globals:
  Function:
    AutoPublishAlias: live
    ProvisionedConcurrencyConfig: {ProvisionedConcurrentExecutions: 1}
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: RUNTIME
      Handler: app.handler
      CodeUri: .
      Events:
        Work: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 1}}
        Note: {Type: SNS, Properties: {Topic: !Ref Topic}}
        Sold: {Type: EventBridgeRule, Properties: {Pattern: {source: [shop]}}}
  Queue: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  Extra: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: 60}}
  Topic: {Type: AWS::SNS::Topic}
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: !Ref Hello.Alias, EventSourceArn: !GetAtt Extra.Arn, BatchSize: 1}
  Elsewhere:
    Type: AWS::Lambda::EventSourceMapping
    Properties: {FunctionName: somebody-elses, EventSourceArn: !GetAtt Extra.Arn}
"""
SAYS_ALIAS = """
def handler(event, context):
    print("ALIAS", context.invoked_function_arn.rpartition(":")[2], context.function_version)
"""


def test_events_invoke_the_alias_that_is_published(function_python: Path, tmp_path: Path) -> None:
    """As SAM connects them; a mapping for a function that is not here is named."""
    (tmp_path / "app.py").write_text(SAYS_ALIAS)
    template = tmp_path / "template.yaml"
    template.write_text(ALIAS.replace("RUNTIME", RUNTIME))
    with serving("start", "-t", template, "--python", function_python, "--aws", "0", variables=VARIABLES) as tool:
        stack = Stack(tool)
        tool.wait_for("Elsewhere is not served: somebody-elses is not a function that runs here")
        client = stack.client("lambda")
        (ahead,) = client.list_provisioned_concurrency_configs(FunctionName="Hello")["ProvisionedConcurrencyConfigs"]
        assert ahead["FunctionArn"].endswith(":Hello:live")
        assert ahead["RequestedProvisionedConcurrentExecutions"] == 1
        mappings = client.list_event_source_mappings()["EventSourceMappings"]
        assert [each["FunctionArn"].rpartition(":")[2] for each in mappings] == ["live", "live"]
        stack.client("sqs").send_message(QueueUrl=f"{stack.url}/123456789012/Queue", MessageBody="a")
        stack.client("sqs").send_message(QueueUrl=f"{stack.url}/123456789012/Extra", MessageBody="b")
        topic = "arn:aws:sns:us-east-1:123456789012:Topic"
        stack.client("sns").publish(TopicArn=topic, Message="c")
        entry = {"Source": "shop", "DetailType": "d", "Detail": "{}"}
        assert stack.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
        tool.wait_for_lines("ALIAS live 1", 4)
