"""What a template says may invoke its functions: `Events` of AWS SAM, and the resources of CloudFormation.

Specification: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html
Subscriptions, rules and notifications are set up in moto; for queues and streams there is an event source mapping.
Routes of APIs are read elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

from local_lambda.aws.checks import function_name
from local_lambda.aws.deployment import Stack, reason_in
from local_lambda.aws.resource_properties import PROPERTIES, unknown
from local_lambda.aws.targets import check_pattern, check_schedule, is_function, target_fault
from local_lambda.errors import ApiError, UsageError
from local_lambda.functions.function_resource import SERVERLESS
from local_lambda.functions.intrinsics import Unresolvable
from local_lambda.functions.property_names import AWS_EVENTS, EVENTS, ROUTES
from local_lambda.sources.schedule import next_time
from local_lambda.sources.settings import TUNING, other_source, tuning

_SOURCES = {"SQS": "Queue", "DynamoDB": "Stream", "Kinesis": "Stream"}
_ONLY_SAM = ("Queue", "Stream")
_BOOLEANS = {"true": True, "false": False}
_MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
_OF_RULES = frozenset(
    """
    Description Enabled EventBusName Input InputPath InputTransformer Name OmitName Pattern PermissionsBoundary RoleArn
    RuleName Schedule ScheduleExpression ScheduleExpressionTimezone StartDate State
    """.split()
)
"""What rules and schedules of AWS SAM say and is served, or only says what they may do."""
_OF_TARGETS = frozenset("Arn Id Input InputPath InputTransformer RoleArn SqsParameters".split())
"""The same of the targets of rules."""
_OF_FAILED_MESSAGES = frozenset({"DeliveryPolicy", "RedrivePolicy", "ReplayPolicy"})
"""What subscriptions say of messages that cannot be delivered, or were delivered long ago."""
_COLONS = 5
"""So many are in the ARN of a topic."""
_UTC = (None, "UTC", "Etc/UTC", "GMT", "Etc/GMT")


class Wiring(NamedTuple):
    """`mappings` are requests of CreateEventSourceMapping, `jobs` set up the rest in moto's thread.

    Each comes after the place in the template that it is from. `remarks` has a line for each event that is not served.
    """

    mappings: list[tuple[str, dict[str, Any]]]
    jobs: list[tuple[str, Callable[[], None]]]
    remarks: list[str]


def read_wiring(stack: Stack, served: Mapping[str, str], account: str, region: str) -> Wiring:
    """What may invoke the functions of a stack whose names are in `served`, each with the alias that is called, or "".

    Raises UsageError if the template refers to a resource that it does not have.
    """
    return _Reader(stack, served, account, region).read()


class _Reader:
    def __init__(self, stack: Stack, served: Mapping[str, str], account: str, region: str) -> None:
        self._stack = stack
        self._served = served
        self._account = account
        self._region = region
        self._wiring = Wiring([], [], [])
        self._accepted: dict[str, list[dict[str, Any]]] = {}
        """The notifications of each bucket that can be set up, once the jobs have run."""

    def read(self) -> Wiring:
        for logical_id, name, arn, events in self._functions():
            for event_id, event in events.items():
                where = f"{self._stack.name}{logical_id}.Events.{event_id}"
                if isinstance(event, dict) and event.get("Type") not in ROUTES:
                    self._check_source(where, event.get("Properties"), _SOURCES.get(str(event.get("Type")), ""))
                    self._attempt(where, self._event, str(event.get("Type")), event.get("Properties"), name, arn)
        for logical_id, kind, written in self._stack.included():
            where = f"{self._stack.name}{logical_id}"
            if kind == "AWS::Lambda::EventSourceMapping":
                self._check_source(where, written, "EventSourceArn")
            self._attempt(where, self._resource, logical_id, kind, written)
        self._note_triggers()
        for bucket, accepted in self._accepted.items():
            self._job(bucket, _notify, self._account, self._region, bucket, accepted)
        return self._wiring

    def _note_triggers(self) -> None:
        """Name the resources that invoke a function on AWS and are not served."""
        for logical_id, missing in self._stack.invokers.items():
            if missing:
                where = f"{self._stack.name}{logical_id}"
                self._wiring.remarks.append(f"{where} is not invoked by {', '.join(missing)}: not emulated")

    def _check_target(self, where: str, arn: object) -> None:
        """Name a function that does not run here; it may still be created on the endpoint."""
        name = _name(arn) if isinstance(arn, str) and is_function(arn) and arn.count(":") > _COLONS else ""
        if name and name not in self._served:
            self._wiring.remarks.append(f"{where} leads to {arn}, which is not a function that runs here")

    def _attempt(self, where: str, read: Callable[..., None], *arguments: Any) -> None:
        """Read a part of the template; one that is invalid is named, and the others are read."""
        try:
            read(where, *arguments)
        except (UsageError, Unresolvable, *_MALFORMED) as error:
            self._wiring.remarks.append(f"{where} is not served: {reason_in(error)}")

    def _functions(self) -> Iterator[tuple[str, str, str, Mapping[str, Any]]]:
        """Logical id, name, ARN and events of each function that is served; with `AutoPublishAlias`, of that alias."""
        for logical_id, _, properties in self._stack.included(SERVERLESS):
            try:
                name = self._stack.scope.resolve({"Ref": logical_id})
                arn = self._stack.scope.resolve({"Fn::GetAtt": [logical_id, "Arn"]})
            except Unresolvable:
                continue
            events = properties.get("Events")
            if name in self._served:
                if alias := self._served[name]:
                    name, arn = f"{name}:{alias}", f"{arn}:{alias}"
                yield logical_id, name, arn, events if isinstance(events, dict) else {}

    def _resolved(self, written: Any) -> dict[str, Any]:
        properties = self._stack.resolve(written or {})
        if not isinstance(properties, dict):
            raise UsageError("Properties must be a mapping")
        return properties

    def _check_source(self, where: str, written: Any, member: str) -> None:
        """Raises UsageError if a queue or stream is `!GetAtt` of a resource that the template does not have."""
        source = written.get(member) if isinstance(written, dict) else None
        attribute = source.get("Fn::GetAtt") if isinstance(source, dict) else None
        if isinstance(attribute, list) and attribute:
            attribute = attribute[0]
        if isinstance(attribute, str) and attribute.partition(".")[0] not in self._stack.resources:
            raise UsageError(f"{where}: {member}: the template has no resource {attribute.partition('.')[0]}")

    def _event(self, where: str, kind: str, written: Any, name: str, arn: str) -> None:
        if kind not in AWS_EVENTS:
            known = f"--aws has no events of type {kind}" if kind in EVENTS else f"{kind} is not a known event type"
            raise UsageError(known)
        given = self._resolved(written)
        fault = unknown(kind, given)
        if fault is not None:
            self._wiring.remarks.append(f"{where}: {fault}")
        if kind in _SOURCES:
            source = given.get(_SOURCES[kind])
            if not isinstance(source, str):
                raise UsageError(f"{_SOURCES[kind]} is missing; give it the ARN")
            names = set(PROPERTIES[kind].split()).difference(_ONLY_SAM)
            mapping = {key: value for key, value in given.items() if key in names}
            self._mapping(where, {**mapping, "FunctionName": name, "EventSourceArn": source})
        elif kind == "SNS":
            self._topic(where, given, arn, name)
        elif kind == "S3":
            if not isinstance(given.get("Bucket"), str):
                raise UsageError("Bucket is missing; give it a bucket of the template")
            events = given["Events"]
            wanted = {"Events": [events] if isinstance(events, str) else events, "Rules": _rules(given), "Arn": arn}
            self._notification(where, given["Bucket"], {**wanted, "Kind": "CloudFunction"})
        elif kind in ("EventBridgeRule", "CloudWatchEvent"):
            self._rule(where, given, arn, pattern=given.get("Pattern"))
        elif kind == "Schedule":
            if "Schedule" in given:
                check_schedule(given["Schedule"])
            self._rule(where, given, arn, schedule=given.get("Schedule"))
        else:
            self._rule(where, given, arn, schedule=given.get("ScheduleExpression"))

    def _resource(self, where: str, logical_id: str, kind: str, written: Mapping[str, Any]) -> None:
        """The same, written as a resource of CloudFormation."""
        if kind == "AWS::Lambda::EventSourceMapping":
            given = self._resolved(written)
            text = str(given.get("FunctionName", ""))
            if _name(text) not in self._served:
                raise UsageError(f"{text} is not a function that runs here")
            fault = other_source(given)
            if fault is not None:
                raise UsageError(fault)
            if not isinstance(given.get("EventSourceArn"), str):
                raise UsageError("EventSourceArn is missing; sources that are served are queues and streams")
            self._mapping(where, {**given, "FunctionName": text})
        elif kind == "AWS::SNS::Subscription":
            self._subscription(where, self._resolved(written))
        elif logical_id not in self._stack:  # its own line says why
            return
        elif kind == "AWS::SNS::Topic" and written.get("Subscription"):
            topic = self._stack.scope.resolve({"Ref": logical_id})
            for subscription in self._resolved(written)["Subscription"]:
                self._attempt(where, self._subscription, {**subscription, "TopicArn": topic})
        elif kind == "AWS::Events::Rule" and written.get("Targets"):
            given = self._resolved(written)
            rule = self._stack.scope.resolve({"Ref": logical_id})
            bus = given.get("EventBusName") or "default"
            for target in given["Targets"]:
                self._check_target(where, target["Arn"])
                self._ignore(f"{where}.Targets.{target.get('Id')}", target.keys() - _OF_TARGETS)
                self._job(where, _target, self._account, self._region, rule, bus, target)
        elif kind == "AWS::S3::Bucket" and written.get("NotificationConfiguration"):
            bucket = self._stack.scope.resolve({"Ref": logical_id})
            for wanted in _notifications(self._resolved(written)["NotificationConfiguration"]):
                self._check_target(where, wanted.get("Arn"))
                self._notification(where, bucket, wanted)

    def _topic(self, where: str, given: dict[str, Any], arn: str, name: str) -> None:
        """The subscription of a function, or of a queue between the topic and it."""
        if not isinstance(given.get("Topic"), str):
            raise UsageError("Topic is missing; give it the ARN")
        subscription = {**given, "TopicArn": given["Topic"], "Protocol": "lambda", "Endpoint": arn}
        through = _boolean(given.get("SqsSubscription", False))
        if through is True:
            made = where.rpartition("/")[2].replace(".Events.", "") + "Queue"  # as AWS SAM calls it
            self._job(where, _queue, self._account, self._region, made)
            through = {"QueueArn": ":".join((*arn.split(":")[:2], "sqs", self._region, self._account, made))}
        if isinstance(through, dict):
            queue = through.get("QueueArn")
            if not isinstance(queue, str):
                raise UsageError("give SqsSubscription the QueueArn of a queue")
            subscription |= {"Protocol": "sqs", "Endpoint": queue}
            batch = {key: through[key] for key in ("BatchSize", "Enabled") if key in through}
            self._mapping(where, {**batch, "FunctionName": name, "EventSourceArn": queue})
        elif through is not False:
            raise UsageError("SqsSubscription must be true, false or a mapping")
        self._subscription(where, subscription)

    def _subscription(self, where: str, given: dict[str, Any]) -> None:
        for member in ("TopicArn", "Protocol", "Endpoint"):
            if not isinstance(given.get(member), str):
                raise UsageError(f"{member} is missing")
        self._check_target(where, given["Endpoint"])
        if given["TopicArn"].count(":") != _COLONS:
            raise UsageError(f"TopicArn {given['TopicArn']} is not the ARN of a topic")
        self._ignore(where, given.keys() & _OF_FAILED_MESSAGES)
        self._job(where, _subscribe, self._account, self._region, given)

    def _rule(
        self, where: str, given: dict[str, Any], arn: str, pattern: object = None, schedule: object = None
    ) -> None:
        if pattern is None and not isinstance(schedule, str):
            raise UsageError("Pattern or Schedule is missing; give it one")
        if pattern is not None and not isinstance(pattern, dict):
            raise UsageError("Pattern must be a mapping")
        if pattern is not None:
            check_pattern(pattern)
        if isinstance(schedule, str):
            _check_schedule(schedule, given)
        parts = where.rpartition(".Events.")
        name = given.get("RuleName") or given.get("Name") or f"{parts[0]}{parts[2]}".replace("/", "-")[-64:]
        target = {"Id": "local", "Arn": arn}
        target |= {key: given[key] for key in ("Input", "InputPath", "InputTransformer") if key in given}
        enabled = _boolean(given.get("Enabled", True))
        if not isinstance(enabled, bool):
            raise UsageError(f"Enabled must be true or false, not {enabled}")
        enabled = enabled and given.get("State", "ENABLED") != "DISABLED"
        bus = given.get("EventBusName") or "default"
        ignored = [key for key in given if key not in _OF_RULES and not _is_off(key, given[key])]
        self._ignore(where, ignored)
        self._job(where, _rule, self._account, self._region, name, bus, pattern, schedule, enabled, target)

    def _mapping(self, where: str, given: dict[str, Any]) -> None:
        """A request of CreateEventSourceMapping: numbers and booleans may be texts in a template."""
        self._ignore(where, tuning(given))
        request = {key: _plain(value) for key, value in given.items() if value is not None and key not in TUNING}
        self._wiring.mappings.append((where, request))

    def _ignore(self, where: str, names: Collection[str]) -> None:
        """Name what has an effect on AWS and none here."""
        if names:
            self._wiring.remarks.append(f"{where}: not emulated: {', '.join(sorted(names))}")

    def _notification(self, where: str, bucket: str, wanted: dict[str, Any]) -> None:
        accepted = self._accepted.setdefault(bucket, [])
        self._job(where, _check_notification, self._account, self._region, bucket, wanted, accepted)

    def _job(self, where: str, function: Callable[..., None], *arguments: Any) -> None:
        self._wiring.jobs.append((where, lambda: function(*arguments)))


def _name(text: str) -> str:
    """The name in a name, partial ARN or ARN of a function; empty if the text is something else."""
    try:
        return function_name(text)[0]
    except ApiError:
        return ""


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return int(value) if value.isdecimal() else _BOOLEANS.get(value.lower(), value)
    if isinstance(value, dict):
        return {key: value[key] if key in ("Pattern", "Destination") else _plain(value[key]) for key in value}
    if isinstance(value, list):
        return [_plain(member) if isinstance(member, dict) else member for member in value]
    return value


def _boolean(value: Any) -> Any:
    """A boolean that may be a text, as the value of a parameter is."""
    return _BOOLEANS.get(value.lower(), value) if isinstance(value, str) else value


def _check_schedule(expression: str, given: Mapping[str, Any]) -> None:
    """Raises UsageError or ValueError for a schedule that is not served: it would be due at other times here."""
    if expression.startswith("at("):
        raise UsageError("--aws has no schedules for one time only, such as at(2026-12-01T00:00:00)")
    zone = given.get("ScheduleExpressionTimezone")
    if zone not in _UTC:
        raise UsageError(f"--aws has schedules in UTC only, not in {zone}")
    now = datetime.now(timezone.utc)
    if "StartDate" in given and _moment(given["StartDate"]) > now:
        raise UsageError(f"its StartDate {given['StartDate']} is in the future")
    if "EndDate" in given and _moment(given["EndDate"]) <= now:
        raise UsageError(f"its EndDate {given['EndDate']} is in the past")
    next_time(expression, now)


def _moment(written: Any) -> datetime:
    moment = datetime.fromisoformat(str(written).replace("Z", "+00:00"))
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)


def _is_off(name: str, value: Any) -> bool:
    return name == "FlexibleTimeWindow" and isinstance(value, dict) and value.get("Mode") == "OFF"


def _rules(given: Mapping[str, Any]) -> list[Any]:
    """The rules for keys of a notification."""
    rules = (given.get("Filter") or {}).get("S3Key", {}).get("Rules", [])
    return [{"Name": rule["Name"].lower(), "Value": rule["Value"]} for rule in rules]


def _notifications(configuration: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What CloudFormation's NotificationConfiguration says, one destination each."""
    for member, target, kind in (
        ("LambdaConfigurations", "Function", "CloudFunction"),
        ("QueueConfigurations", "Queue", "Queue"),
        ("TopicConfigurations", "Topic", "Topic"),
    ):
        for wanted in configuration.get(member, []):
            yield {"Events": [wanted["Event"]], "Rules": _rules(wanted), "Arn": wanted[target], "Kind": kind}
    if configuration.get("EventBridgeConfiguration"):
        yield {"Kind": "EventBridge"}


# --- in moto's thread


def _queue(account: str, region: str, name: str) -> None:
    from moto.sqs.models import sqs_backends

    sqs_backends[account][region].create_queue(name, {})


def _subscribe(account: str, region: str, given: Mapping[str, Any]) -> None:
    from moto.sns.models import sns_backends

    backend = sns_backends[account][region]
    subscription = backend.subscribe(given["TopicArn"], given["Endpoint"], given["Protocol"])
    try:
        for name in ("FilterPolicyScope", "FilterPolicy", "RawMessageDelivery", "RedrivePolicy"):
            if name in given:
                value = given[name]
                text = json.dumps(value) if isinstance(value, dict) else str(value)
                text = text.lower() if name == "RawMessageDelivery" else text
                backend.set_subscription_attributes(subscription.arn, name, text)
    except Exception:
        backend.unsubscribe(subscription.arn)  # it would get messages that its policy excludes
        raise


def _rule(
    account: str,
    region: str,
    name: str,
    bus: str,
    pattern: Any,
    schedule: str | None,
    enabled: bool,
    target: dict[str, Any],
) -> None:
    from moto.events.models import events_backends

    events_backends[account][region].put_rule(
        name,
        scheduled_expression=schedule,
        event_pattern=None if pattern is None else json.dumps(pattern),
        state="ENABLED" if enabled else "DISABLED",
        event_bus_arn=bus,
    )
    _target(account, region, name, bus, target)


def _target(account: str, region: str, rule: str, bus: str, target: dict[str, Any]) -> None:
    from moto.events.models import events_backends

    fault = target_fault(target)
    if fault is not None:
        raise UsageError(fault)
    events_backends[account][region].put_targets(name=rule, event_bus_arn=bus, targets=[target])


def _check_notification(
    account: str, region: str, bucket: str, wanted: dict[str, Any], accepted: list[dict[str, Any]]
) -> None:
    """Add a notification to those that are accepted. Raises what moto raises if there is no such destination."""
    from moto.s3.models import s3_backends
    from moto.s3.notifications import S3NotificationEvent
    from moto.sns.models import sns_backends
    from moto.sqs.models import sqs_backends
    from moto.utilities.utils import get_partition

    s3_backends[account][get_partition(region)].get_bucket(bucket)
    if wanted["Kind"] != "EventBridge":
        for event in wanted["Events"]:
            if not S3NotificationEvent.is_event_valid(event):
                raise UsageError(f"{event} is not an event of S3")
        arn = wanted["Arn"].split(":", 5)
        if len(arn) < 6 or arn[3] != region:
            raise UsageError(f"{wanted['Arn']} is not an ARN in {region}")
        if wanted["Kind"] == "Queue":
            sqs_backends[account][region].get_queue(arn[5])
        elif wanted["Kind"] == "Topic":
            sns_backends[account][region].get_topic(wanted["Arn"])
    accepted.append(wanted)


def _notify(account: str, region: str, bucket: str, accepted: list[dict[str, Any]]) -> None:
    from moto.s3.models import s3_backends
    from moto.utilities.utils import get_partition

    document: dict[str, list[dict[str, Any]]] = {}
    for number, each in enumerate(accepted):
        if each["Kind"] == "EventBridge":
            document["EventBridgeConfiguration"] = []
            continue
        entry: dict[str, Any] = {"Id": f"local-{number}", "Event": each["Events"], each["Kind"]: each["Arn"]}
        if each["Rules"]:
            entry["Filter"] = {"S3Key": {"FilterRule": each["Rules"]}}
        document.setdefault(f"{each['Kind']}Configuration", []).append(entry)
    if document:
        s3_backends[account][get_partition(region)].put_bucket_notification_configuration(bucket, document)
