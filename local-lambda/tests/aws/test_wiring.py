"""What a template declares for `start --aws`: what is not served is named in one line, and the rest is made."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from local_lambda.aws.resource_properties import PROPERTIES
from local_lambda.aws.resources import KINDS
from local_lambda.cli.local_aws import LocalAws
from local_lambda.functions.given import Given
from local_lambda.functions.template import load_functions
from local_lambda.http.access import Access
from support.aws_endpoint import RUNTIME
from support.schemas import properties_of

ACCOUNT, REGION = "123456789012", "us-east-1"
TOPIC = "arn:aws:sns:us-east-1:123456789012:elsewhere"


class Lines:
    """A console that keeps its lines."""

    def __init__(self) -> None:
        self.written: list[str] = []

    def write(self, lane: str, text: str, **_: bool) -> None:
        """Keep one."""
        self.written.append(text)


class Wired:
    """Templates that are completed on an endpoint that serves nobody."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.given = Given(shell={}, account=ACCOUNT, region=REGION)
        self.local = LocalAws("127.0.0.1", 0, Access(), 1, self.given)

    def lines(self, events: Mapping[str, Any], others: Mapping[str, Any] | None = None) -> list[str]:
        """The lines for a function with these events next to other resources."""
        function = {"Runtime": RUNTIME, "Handler": "app.handler", "CodeUri": ".", "Events": events}
        resources = {"Hello": {"Type": "AWS::Serverless::Function", "Properties": function}, **(others or {})}
        template = self._folder / "template.yaml"
        template.write_text(
            json.dumps({"Parameters": {"On": {"Type": "String", "Default": "true"}}, "Resources": resources})
        )
        lines = Lines()
        self.local.complete(load_functions(template, self.local.given(self.given)), lines)  # type: ignore[arg-type]
        return lines.written

    def rules(self) -> dict[str, Any]:
        """The rules on the default bus, as moto has them."""
        from moto.events.models import events_backends

        return dict(events_backends[ACCOUNT][REGION].event_buses["default"].rules)


@pytest.fixture
def wired(tmp_path: Path) -> Iterator[Wired]:
    """A moto whose services have nothing yet; resetting all of it takes long."""
    from moto.dynamodb.models import dynamodb_backends
    from moto.events.models import events_backends
    from moto.s3.models import s3_backends
    from moto.sns.models import sns_backends
    from moto.sqs.models import sqs_backends

    wired = Wired(tmp_path)
    for backends in (dynamodb_backends, events_backends, s3_backends, sns_backends, sqs_backends):
        wired.local._services.run(backends.reset).result()
    yield wired
    wired.local.close()


def _event(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


PATTERN = {"source": ["shop"]}


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (_event("SNS", Topic=TOPIC), "Topic does not exist"),
        (_event("SNS", Topic=TOPIC, SqsSubscription="maybe"), "SqsSubscription must be true, false or a mapping"),
        (_event("EventBridgeRule", EventBusName="other", Pattern=PATTERN), "Event bus other does not exist."),
        (_event("EventBridgeRule", Pattern="text"), "Pattern must be a mapping"),
        (
            _event("EventBridgeRule", Pattern={"source": [{"begins": "s"}]}),
            "Event pattern is not valid. Reason: begins is not an operator",
        ),
        (
            _event("EventBridgeRule", Pattern=PATTERN, Input="no"),
            "JSON text in the Input for target local is malformed.",
        ),
        (_event("S3", Bucket="elsewhere", Events="s3:ObjectCreated:*"), "The specified bucket does not exist"),
        (_event("S3", Bucket="elsewhere"), "Events is missing"),
        (
            _event("Schedule", Schedule="rate(5 foo)"),
            "Parameter ScheduleExpression is not valid. Reason: rate(5 foo): is not",
        ),
        (
            _event("Schedule", Schedule="rate(1 minutes)"),
            "Parameter ScheduleExpression is not valid. Reason: rate(1 minutes): the unit must be singular after 1",
        ),
        (_event("Schedule", Schedule="rate(9999999 days)"), "rate(9999999 days): the number is too large"),
        (_event("Schedule", Schedule="rate(1 day)", Enabled="maybe"), "Enabled must be true or false, not maybe"),
        (
            _event("ScheduleV2", ScheduleExpression="at(2030-01-01T00:00:00)"),
            "--aws has no schedules for one time only",
        ),
        (
            _event("ScheduleV2", ScheduleExpression="rate(1 day)", ScheduleExpressionTimezone="Europe/Berlin"),
            "--aws has schedules in UTC only, not in Europe/Berlin",
        ),
        (
            _event("ScheduleV2", ScheduleExpression="rate(1 day)", StartDate="2999-01-01T00:00:00.000Z"),
            "its StartDate 2999-01-01T00:00:00.000Z is in the future",
        ),
        (_event("SQS"), "Queue is missing; give it the ARN"),
        (_event("HttpAPI"), "HttpAPI is not a known event type"),
        (_event("MSK"), "--aws has no events of type MSK"),
    ],
)
def test_event_that_is_not_served_is_named(wired: Wired, event: dict[str, Any], reason: str) -> None:
    """One line with its place and the reason; another event is served."""
    (line,) = wired.lines({"Wrong": event, "Tick": _event("Schedule", Schedule="rate(1 day)")})
    assert line.startswith(f"Hello.Events.Wrong is not served: {reason}")
    assert "HelloTick" in wired.rules()


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (("AWS::SNS::Subscription", {"Protocol": "lambda", "Endpoint": "x"}), "TopicArn is missing"),
        (
            ("AWS::SNS::Subscription", {"Protocol": "lambda", "Endpoint": "x", "TopicArn": "news"}),
            "TopicArn news is not the ARN of a topic",
        ),
        (
            (
                "AWS::S3::Bucket",
                {
                    "NotificationConfiguration": {
                        "TopicConfigurations": [{"Event": "s3:ObjectCreated:*", "Topic": {"Fn::ImportValue": "topic"}}]
                    }
                },
            ),
            "topic is not an ARN in us-east-1",
        ),
        (
            (
                "AWS::SNS::Topic",
                {
                    "Subscription": [
                        {"Protocol": "lambda", "Endpoint": "arn:aws:lambda:x", "FilterPolicy": {"a": "not a list"}}
                    ]
                },
            ),
            "Invalid parameter: ",
        ),
        (
            (
                "AWS::Events::Rule",
                {
                    "ScheduleExpression": "rate(1 day)",
                    "Targets": [{"Id": "1", "Arn": "arn:aws:states:us-east-1:123456789012:stateMachine:x"}],
                },
            ),
            "arn:aws:states:us-east-1:123456789012:stateMachine:x: rules have no targets of the service states here",
        ),
        (
            ("AWS::Lambda::EventSourceMapping", {"FunctionName": "Hello"}),
            "EventSourceArn is missing; sources that are served are queues and streams",
        ),
        (
            (
                "AWS::Lambda::EventSourceMapping",
                {
                    "FunctionName": "Hello",
                    "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": ["a:9092"]}},
                    "Topics": ["t"],
                },
            ),
            "a source with SelfManagedEventSource, Topics is not served; served here are SQS, Kinesis and DynamoDB",
        ),
        (
            (
                "AWS::Lambda::EventSourceMapping",
                {"FunctionName": "Hello", "EventSourceArn": "arn:aws:mq:us-east-1:1:broker:b", "Queues": ["q"]},
            ),
            "a source with Queues is not served",
        ),
    ],
)
def test_resource_that_cannot_lead_to_a_function_is_named(wired: Wired, resource: tuple[str, Any], reason: str) -> None:
    """The same for resources of CloudFormation."""
    kind, properties = resource
    (line,) = wired.lines({}, {"Wrong": {"Type": kind, "Properties": properties}})
    assert line.startswith(f"Wrong is not served: {reason}")


def test_resources_that_would_invoke_a_function_are_named(wired: Wired) -> None:
    """For each function, in one line; another resource that is not served is in another."""
    arn = {"Fn::GetAtt": ["Hello", "Arn"]}
    written: dict[str, tuple[str, dict[str, Any]]] = {
        "Pool": ("AWS::Cognito::UserPool", {"LambdaConfig": {"PreSignUp": arn}}),
        "Thing": ("AWS::IoT::TopicRule", {"TopicRulePayload": {"Actions": [{"Lambda": {"FunctionArn": arn}}]}}),
        "Logs": ("AWS::Logs::SubscriptionFilter", {"DestinationArn": arn}),
        "Flow": ("AWS::Serverless::StateMachine", {"DefinitionSubstitutions": {"Function": arn}}),
        "Made": ("Custom::Made", {"ServiceToken": arn}),
        "Text": ("AWS::StepFunctions::StateMachine", {"DefinitionString": '{"FunctionName": "Hello"}'}),
    }
    others = {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in written.items()}
    unserved, line = wired.lines({}, {**others, "Net": {"Type": "AWS::EC2::VPC"}})
    named = ", ".join(f"{name} ({kind})" for name, (kind, _) in written.items())
    assert unserved == "not made, because --aws does not serve them: Net (AWS::EC2::VPC)"
    assert line == f"Hello is not invoked by {named}: not emulated"


def test_function_that_does_not_run_here_is_named(wired: Wired) -> None:
    """A bucket, a rule and a topic that lead to it are made; it may be created later."""
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Later"
    notification = {"LambdaConfigurations": [{"Event": "s3:ObjectCreated:*", "Function": arn}]}
    others = {
        "Box": {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": notification}},
        "Tick": {
            "Type": "AWS::Events::Rule",
            "Properties": {"ScheduleExpression": "rate(1 day)", "Targets": [{"Id": "1", "Arn": arn}]},
        },
        "News": {
            "Type": "AWS::SNS::Topic",
            "Properties": {"Subscription": [{"Protocol": "lambda", "Endpoint": arn}]},
        },
    }
    lines = wired.lines({}, others)
    assert lines == [f"{name} leads to {arn}, which is not a function that runs here" for name in others]
    assert wired.rules()["Tick"].targets[0]["Arn"] == arn


def test_resources_that_are_not_made_are_named(wired: Wired) -> None:
    """Types that are not served are in one line; a wrong property has its own, and other resources are made."""
    others: dict[str, Any] = {f"Thing{number:02}": {"Type": "AWS::EC2::VPC"} for number in range(22)}
    others["Fifo"] = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "without-suffix", "FifoQueue": True}}
    others["B"] = {"Type": "AWS::S3::Bucket"}
    others["Long" * 20] = {"Type": "AWS::S3::Bucket"}
    for kind in ("AWS::CDK::Metadata", "AWS::Serverless::Connector", "AWS::Serverless::WebSocketApi"):
        others[kind.replace(":", "")] = {"Type": kind}
    others["Tick"] = {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": [{"begins": "s"}]}}}
    others["Tock"] = {"Type": "AWS::Events::Rule", "Properties": {"ScheduleExpression": "rate(5 minute)"}}
    unserved, fifo, rule, schedule = wired.lines({}, others)
    things = ", ".join(f"Thing{number:02} (AWS::EC2::VPC)" for number in range(20))
    assert unserved == f"not made, because --aws does not serve them: {things} and 2 more"
    assert fifo.startswith("Fifo (AWS::SQS::Queue) cannot be made: ")
    reason = "Event pattern is not valid. Reason: begins is not an operator"
    assert rule == f"Tick (AWS::Events::Rule) cannot be made: {reason}"
    reason = "Parameter ScheduleExpression is not valid. Reason: rate(5 minute): the unit must be singular after 1"
    assert schedule.startswith(f"Tock (AWS::Events::Rule) cannot be made: {reason}")
    from moto.s3.models import s3_backends

    short, long = sorted(s3_backends[ACCOUNT]["aws"].buckets)
    assert short == "local-b"
    assert (len(long), long[:50]) == (63, ("long" * 20)[:50])


def test_schedule_is_enabled_by_a_text(wired: Wired) -> None:
    """The value of a parameter is a text, also if it is a boolean."""
    events = {
        "On": _event("Schedule", Schedule="rate(1 day)", Enabled={"Ref": "On"}),
        "Off": _event("EventBridgeRule", Pattern=PATTERN, Enabled="False"),
        "State": _event("ScheduleV2", ScheduleExpression="rate(1 day)", State="DISABLED"),
    }
    assert wired.lines(events) == []
    states = {name: rule.state for name, rule in wired.rules().items()}
    assert states == {"HelloOn": "ENABLED", "HelloOff": "DISABLED", "HelloState": "DISABLED"}


def test_properties_of_rules_without_effect_here_are_named(wired: Wired) -> None:
    """One line; a window that is off has no effect on AWS either, and UTC is the time zone here."""
    off = {"FlexibleTimeWindow": {"Mode": "OFF"}, "ScheduleExpressionTimezone": "UTC"}
    given = {"ScheduleExpression": "rate(1 day)", "StartDate": "2020-01-01T00:00:00Z", **off}
    events = {
        "Quiet": _event("ScheduleV2", **{**given, "ScheduleExpression": "rate(1 days)"}),
        "Loud": _event("ScheduleV2", **given, RetryPolicy={}, GroupName="g", EndDate="2999-01-01T00:00:00Z"),
    }
    assert wired.lines(events) == ["Hello.Events.Loud: not emulated: EndDate, GroupName, RetryPolicy"]
    assert set(wired.rules()) == {"HelloQuiet", "HelloLoud"}


def test_attribute_that_a_resource_does_not_have_is_named(wired: Wired) -> None:
    """One line for an event, for a mapping and for a resource; a stand-in would lead nowhere."""
    table = {
        "AttributeDefinitions": [{"AttributeName": "a", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    stream = {"Fn::GetAtt": ["Plain", "StreamArn"]}
    wrong = {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["Dead", "Arm"]}, "maxReceiveCount": 2}}
    others = {
        "Plain": {"Type": "AWS::DynamoDB::Table", "Properties": table},
        "Dead": {"Type": "AWS::SQS::Queue"},
        "Work": {"Type": "AWS::SQS::Queue", "Properties": wrong},
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"FunctionName": "Hello", "EventSourceArn": stream, "StartingPosition": "LATEST"},
        },
    }
    events = {
        "Change": _event("DynamoDB", Stream=stream, StartingPosition="LATEST"),
        "Note": _event("SNS", Topic={"Fn::Sub": "${Dead.Topic}"}),
    }
    assert wired.lines(events, others) == [
        "Work (AWS::SQS::Queue) cannot be made: Dead has no attribute Arm here",
        "Hello.Events.Change is not served: Plain has no attribute StreamArn here; give it a StreamSpecification",
        "Hello.Events.Note is not served: Dead has no attribute Topic here",
        "Mapping is not served: Plain has no attribute StreamArn here; give it a StreamSpecification",
    ]
    assert wired.local._mappings == []


def test_properties_that_do_not_exist_are_named(wired: Wired) -> None:
    """Of resources, of subscriptions, and of the events that AWS SAM checks; what is right is served."""
    others = {
        "Q": {"Type": "AWS::SQS::Queue", "Properties": {"VisibilityTimeoutSeconds": 1800, "Foo": 1}},
        "T": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": "t"}},
        "S": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "T"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Q", "Arn"]},
                "FilterPolcy": {"a": ["b"]},
            },
        },
        "B": {"Type": "AWS::S3::Bucket"},
    }
    event = _event("S3", Bucket={"Ref": "B"}, Events="s3:ObjectCreated:*", Filters=1)
    assert wired.lines({"Put": event}, others) == [
        "Q: CloudFormation does not know VisibilityTimeoutSeconds (did you mean VisibilityTimeout?), Foo",
        "S: CloudFormation does not know FilterPolcy (did you mean FilterPolicy?)",
        "Hello.Events.Put: AWS SAM does not know Filters (did you mean Filter?)",
    ]


@pytest.mark.parametrize("kind", [kind for kind in PROPERTIES if "::" in kind and "::Serverless::" not in kind])
def test_no_property_of_a_resource_is_forgotten(kind: str) -> None:
    """By the schema that cfn-lint ships."""
    assert set(PROPERTIES[kind].split()) == properties_of(kind)


def test_every_resource_that_is_made_has_its_properties() -> None:
    """And so has a subscription, which functions lead to."""
    assert {*KINDS, "AWS::SNS::Subscription"} == {kind for kind in PROPERTIES if "::" in kind}


def test_settings_of_targets_without_effect_here_are_named(wired: Wired) -> None:
    """As for the events of AWS SAM."""
    arn = {"Fn::GetAtt": ["Hello", "Arn"]}
    target = {"Id": "a", "Arn": arn, "RetryPolicy": {"MaximumRetryAttempts": 1}, "DeadLetterConfig": {"Arn": "q"}}
    rule = {"ScheduleExpression": "rate(1 day)", "Targets": [target, {"Id": "b", "Arn": arn, "Input": "{}"}]}
    lines = wired.lines({}, {"Tick": {"Type": "AWS::Events::Rule", "Properties": rule}})
    assert lines == ["Tick.Targets.a: not emulated: DeadLetterConfig, RetryPolicy"]
    assert [target["Id"] for target in wired.rules()["Tick"].targets] == ["a", "b"]


def test_settings_of_a_subscription_without_effect_here_are_named(wired: Wired) -> None:
    """Of a resource, and of the topic's own list."""
    arn = {"Fn::GetAtt": ["Hello", "Arn"]}
    told = {"Protocol": "lambda", "Endpoint": arn, "RedrivePolicy": {"deadLetterTargetArn": "q"}, "FilterPolicy": {}}
    others = {
        "News": {"Type": "AWS::SNS::Topic", "Properties": {}},
        "Read": {"Type": "AWS::SNS::Subscription", "Properties": {"TopicArn": {"Ref": "News"}, **told}},
    }
    assert wired.lines({}, others) == ["Read: not emulated: RedrivePolicy"]


def test_misspelled_setting_of_a_mapping_is_named(wired: Wired) -> None:
    """The mapping has the default then, as on a template without it."""
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs"
    lines = wired.lines({"Work": _event("SQS", Queue=queue, BatchSzie=5)})
    assert lines == ["Hello.Events.Work: AWS SAM does not know BatchSzie (did you mean BatchSize?)"]
    ((where, request),) = wired.local._mappings
    assert (where, "BatchSzie" in request) == ("Hello.Events.Work", False)


def test_settings_that_only_tune_a_mapping_are_named(wired: Wired) -> None:
    """The queue is polled without them; an empty one asks for nothing."""
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"
    given = {"MetricsConfig": {"Metrics": ["EventCount"]}, "ProvisionedPollerConfig": {"MinimumPollers": 2}}
    written = {"FunctionName": "Hello", "EventSourceArn": arn, "KmsKeyArn": "k", "LoggingConfig": {}, "BatchSize": 1}
    mapping = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": written}
    assert wired.lines({"Work": _event("SQS", Queue=arn, **given)}, {"Mapping": mapping}) == [
        "Hello.Events.Work: not emulated: MetricsConfig, ProvisionedPollerConfig",
        "Mapping: not emulated: KmsKeyArn",
    ]
    assert wired.local._mappings == [
        ("Hello.Events.Work", {"FunctionName": "Hello", "EventSourceArn": arn}),
        ("Mapping", {"FunctionName": "Hello", "EventSourceArn": arn, "BatchSize": 1}),
    ]


def test_subscription_makes_the_queue_of_an_event(wired: Wired) -> None:
    """`SqsSubscription: true`: AWS SAM makes a queue, and its mapping."""
    event = _event("SNS", Topic={"Ref": "Topic"}, SqsSubscription=True)
    assert wired.lines({"Note": event}, {"Topic": {"Type": "AWS::SNS::Topic"}}) == []
    from moto.sqs.models import sqs_backends

    assert list(sqs_backends[ACCOUNT][REGION].queues) == ["HelloNoteQueue"]
    ((where, mapping),) = wired.local._mappings
    assert where == "Hello.Events.Note"
    assert mapping["EventSourceArn"] == "arn:aws:sqs:us-east-1:123456789012:HelloNoteQueue"


def test_subscription_with_a_wrong_policy_gets_nothing(wired: Wired) -> None:
    """Without its policy it would get every message."""
    event = _event("SNS", Topic={"Ref": "Topic"}, FilterPolicy={"kind": "not a list"})
    (line,) = wired.lines({"Note": event}, {"Topic": {"Type": "AWS::SNS::Topic"}})
    assert line.startswith("Hello.Events.Note is not served: Invalid parameter: ")
    from moto.sns.models import sns_backends

    assert not sns_backends[ACCOUNT][REGION].subscriptions
