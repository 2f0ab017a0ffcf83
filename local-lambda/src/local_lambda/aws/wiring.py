"""What a template says may invoke its functions: `Events` of AWS SAM, and the resources of CloudFormation.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html
Subscriptions, rules and notifications are set up in moto; for queues and streams there is an event source mapping.
Routes of APIs are read elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from local_lambda.aws.checks import function_name
from local_lambda.aws.deployment import Stack
from local_lambda.errors import ApiError, UsageError
from local_lambda.functions.intrinsics import Unresolvable

FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_ROUTES = ("Api", "HttpApi")
_SOURCES = {"SQS": "Queue", "DynamoDB": "Stream", "Kinesis": "Stream"}
_ONLY_SAM = ("Queue", "Stream")
_BOOLEANS = {"true": True, "false": False}


class Wiring(NamedTuple):
    """`mappings` are requests of CreateEventSourceMapping, `jobs` set up the rest in moto's thread.

    `remarks` has a line for each event that is not served.
    """

    mappings: list[dict[str, Any]]
    jobs: list[Callable[[], None]]
    remarks: list[str]


def read_wiring(stack: Stack, served: frozenset[str], account: str, region: str) -> Wiring:
    """What may invoke the functions of a stack whose names are in `served`. Raises UsageError for what is invalid."""
    return _Reader(stack, served, account, region).read()


class _Reader:
    def __init__(self, stack: Stack, served: frozenset[str], account: str, region: str) -> None:
        self._stack = stack
        self._served = served
        self._account = account
        self._region = region
        self._wiring = Wiring([], [], [])
        self._notifications: dict[str, list[dict[str, Any]]] = {}

    def read(self) -> Wiring:
        for logical_id, name, arn, events in self._functions():
            for event_id, event in events.items():
                where = f"{self._stack.name}{logical_id}.Events.{event_id}"
                if isinstance(event, dict) and event.get("Type") not in _ROUTES:
                    self._check_source(where, event.get("Properties"), _SOURCES.get(str(event.get("Type")), ""))
                    self._event(where, str(event.get("Type")), self._resolved(where, event), name, arn)
        self._resources()
        for bucket, wanted in self._notifications.items():
            self._job(_notify, self._account, self._region, bucket, wanted)
        return self._wiring

    def _functions(self) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
        """Logical id, name, ARN and events of each function that is served; with `AutoPublishAlias`, of that alias."""
        for logical_id, _, properties in self._stack.included(*FUNCTIONS):
            try:
                name = self._stack.scope.resolve({"Ref": logical_id})
                arn = self._stack.scope.resolve({"Fn::GetAtt": [logical_id, "Arn"]})
                alias = self._stack.scope.resolve(properties.get("AutoPublishAlias"))
            except Unresolvable:
                continue
            events = properties.get("Events")
            if name in self._served:
                if isinstance(alias, str):
                    name, arn = f"{name}:{alias}", f"{arn}:{alias}"
                yield logical_id, name, arn, events if isinstance(events, dict) else {}

    def _resolved(self, where: str, event: Mapping[str, Any]) -> dict[str, Any]:
        try:
            properties = self._stack.scope.resolve(event.get("Properties") or {})
        except Unresolvable as error:
            raise UsageError(f"{where}: {error}") from None
        if not isinstance(properties, dict):
            raise UsageError(f"{where}: must be a mapping; give it Properties")
        return properties

    def _check_source(self, where: str, written: Any, member: str) -> None:
        """Raises UsageError if a queue or stream is `!GetAtt` of a resource that the template does not have."""
        source = written.get(member) if isinstance(written, dict) else None
        attribute = source.get("Fn::GetAtt") if isinstance(source, dict) else None
        if isinstance(attribute, list) and attribute:
            attribute = attribute[0]
        if isinstance(attribute, str) and attribute.partition(".")[0] not in self._stack.resources:
            raise UsageError(f"{where}: {member}: the template has no resource {attribute.partition('.')[0]}")

    def _event(self, where: str, kind: str, given: dict[str, Any], name: str, arn: str) -> None:
        if kind in _SOURCES:
            source = given.get(_SOURCES[kind])
            if not isinstance(source, str):
                raise UsageError(f"{where}: {_SOURCES[kind]} is missing; give it the ARN")
            mapping = {key: value for key, value in given.items() if key not in _ONLY_SAM}
            self._wiring.mappings.append(_mapping({**mapping, "FunctionName": name, "EventSourceArn": source}))
        elif kind == "SNS":
            self._subscribe(where, given, arn, name)
        elif kind == "S3":
            rules = given.get("Filter", {}).get("S3Key", {}).get("Rules", [])
            events = given.get("Events")
            wanted = {"Events": [events] if isinstance(events, str) else events, "Rules": rules, "Function": arn}
            self._notifications.setdefault(str(given.get("Bucket")), []).append(wanted)
        elif kind in ("EventBridgeRule", "CloudWatchEvent"):
            self._rule(where, given, arn, pattern=given.get("Pattern"))
        elif kind == "Schedule":
            self._rule(where, given, arn, schedule=given.get("Schedule"))
        elif kind == "ScheduleV2" and not given.get("ScheduleExpressionTimezone"):
            self._rule(where, given, arn, schedule=given.get("ScheduleExpression"))
        else:
            self._wiring.remarks.append(f"{where} is not served: --aws has no events of type {kind}")

    def _resources(self) -> None:
        """The same, written as resources of CloudFormation."""
        for logical_id, kind, written in self._stack.included():
            where = f"{self._stack.name}{logical_id}"
            if kind == "AWS::Lambda::EventSourceMapping":
                self._check_source(where, written, "EventSourceArn")
                given = self._resolved(where, {"Properties": written})
                text = str(given.get("FunctionName", ""))
                if _name(text) in self._served:
                    self._wiring.mappings.append(_mapping({**given, "FunctionName": text}))
                else:
                    self._wiring.remarks.append(f"{where} is not served: {text} is not a function that runs here")
            elif kind == "AWS::SNS::Subscription":
                given = self._resolved(where, {"Properties": written})
                self._job(_subscribe, self._account, self._region, given)
            elif kind == "AWS::SNS::Topic" and written.get("Subscription"):
                given = self._resolved(where, {"Properties": written})
                topic = self._stack.scope.resolve({"Ref": logical_id})
                for subscription in given["Subscription"]:
                    self._job(_subscribe, self._account, self._region, {**subscription, "TopicArn": topic})
            elif kind == "AWS::Events::Rule" and written.get("Targets"):
                given = self._resolved(where, {"Properties": written})
                rule = self._stack.scope.resolve({"Ref": logical_id})
                bus = given.get("EventBusName") or "default"
                self._job(_target, self._account, self._region, rule, bus, given["Targets"])
            elif kind == "AWS::S3::Bucket" and written.get("NotificationConfiguration"):
                given = self._resolved(where, {"Properties": written})
                bucket = self._stack.scope.resolve({"Ref": logical_id})
                for wanted in _notifications(given["NotificationConfiguration"]):
                    self._notifications.setdefault(bucket, []).append(wanted)

    def _subscribe(self, where: str, given: dict[str, Any], arn: str, name: str) -> None:
        if not isinstance(given.get("Topic"), str):
            raise UsageError(f"{where}: Topic is missing; give it the ARN")
        subscription = {**given, "TopicArn": given["Topic"], "Protocol": "lambda", "Endpoint": arn}
        through = given.get("SqsSubscription")
        if through is True:
            through = {}
        if isinstance(through, dict):
            queue = through.get("QueueArn")
            if queue is None:
                self._wiring.remarks.append(f"{where} is not served: give SqsSubscription the QueueArn of a queue")
                return
            subscription |= {"Protocol": "sqs", "Endpoint": queue}
            batch = {key: through[key] for key in ("BatchSize", "Enabled") if key in through}
            self._wiring.mappings.append(_mapping({**batch, "FunctionName": name, "EventSourceArn": queue}))
        self._job(_subscribe, self._account, self._region, subscription)

    def _rule(
        self, where: str, given: dict[str, Any], arn: str, pattern: object = None, schedule: object = None
    ) -> None:
        if pattern is None and not isinstance(schedule, str):
            raise UsageError(f"{where}: Pattern or Schedule is missing; give it one")
        parts = where.rpartition(".Events.")
        name = given.get("RuleName") or given.get("Name") or f"{parts[0]}{parts[2]}".replace("/", "-")[-64:]
        target = {"Id": "local", "Arn": arn}
        target |= {key: given[key] for key in ("Input", "InputPath", "InputTransformer") if key in given}
        enabled = given.get("Enabled", True) is True and given.get("State", "ENABLED") == "ENABLED"
        bus = given.get("EventBusName") or "default"
        self._job(_rule, self._account, self._region, name, bus, pattern, schedule, enabled, [target])

    def _job(self, function: Callable[..., None], *arguments: Any) -> None:
        self._wiring.jobs.append(lambda: function(*arguments))


def _name(text: str) -> str:
    """The name in a name, partial ARN or ARN of a function; empty if the text is something else."""
    try:
        return function_name(text)[0]
    except ApiError:
        return ""


def _mapping(given: dict[str, Any]) -> dict[str, Any]:
    """A request of CreateEventSourceMapping: numbers and booleans may be texts in a template."""
    return {key: _plain(value) for key, value in given.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return int(value) if value.isdecimal() else _BOOLEANS.get(value.lower(), value)
    if isinstance(value, dict):
        return {key: value[key] if key in ("Pattern", "Destination") else _plain(value[key]) for key in value}
    if isinstance(value, list):
        return [_plain(member) if isinstance(member, dict) else member for member in value]
    return value


def _notifications(configuration: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What CloudFormation's NotificationConfiguration says, one destination each."""
    for member, target in (
        ("LambdaConfigurations", "Function"),
        ("QueueConfigurations", "Queue"),
        ("TopicConfigurations", "Topic"),
    ):
        for wanted in configuration.get(member, []):
            rules = wanted.get("Filter", {}).get("S3Key", {}).get("Rules", [])
            yield {"Events": [wanted["Event"]], "Rules": rules, target: wanted[target]}
    if configuration.get("EventBridgeConfiguration"):
        yield {"EventBridge": True}


# --- in moto's thread


def _subscribe(account: str, region: str, given: Mapping[str, Any]) -> None:
    from moto.sns.models import sns_backends

    backend = sns_backends[account][region]
    subscription = backend.subscribe(given["TopicArn"], given["Endpoint"], given["Protocol"])
    for name in ("FilterPolicyScope", "FilterPolicy", "RawMessageDelivery", "RedrivePolicy"):
        if name in given:
            value = given[name]
            text = json.dumps(value) if isinstance(value, dict) else str(value)
            text = text.lower() if name == "RawMessageDelivery" else text
            backend.set_subscription_attributes(subscription.arn, name, text)


def _rule(
    account: str,
    region: str,
    name: str,
    bus: str,
    pattern: Any,
    schedule: str | None,
    enabled: bool,
    targets: list[dict[str, Any]],
) -> None:
    from moto.events.models import events_backends

    events_backends[account][region].put_rule(
        name,
        scheduled_expression=schedule,
        event_pattern=None if pattern is None else json.dumps(pattern),
        state="ENABLED" if enabled else "DISABLED",
        event_bus_arn=bus,
    )
    _target(account, region, name, bus, targets)


def _target(account: str, region: str, rule: str, bus: str, targets: list[dict[str, Any]]) -> None:
    from moto.events.models import events_backends

    events_backends[account][region].put_targets(name=rule, event_bus_arn=bus, targets=targets)


def _notify(account: str, region: str, bucket: str, wanted: list[dict[str, Any]]) -> None:
    from moto.s3.models import s3_backends
    from moto.utilities.utils import get_partition

    names = {"Function": "CloudFunction", "Queue": "Queue", "Topic": "Topic"}
    document: dict[str, list[dict[str, Any]]] = {}
    for number, each in enumerate(wanted):
        if "EventBridge" in each:
            document["EventBridgeConfiguration"] = []
            continue
        target = next(name for name in names if name in each)
        rules = [{"Name": rule["Name"].lower(), "Value": rule["Value"]} for rule in each["Rules"]]
        entry: dict[str, Any] = {"Id": f"local-{number}", "Event": each["Events"], names[target]: each[target]}
        if rules:
            entry["Filter"] = {"S3Key": {"FilterRule": rules}}
        document.setdefault(f"{names[target]}Configuration", []).append(entry)
    s3_backends[account][get_partition(region)].put_bucket_notification_configuration(bucket, document)
