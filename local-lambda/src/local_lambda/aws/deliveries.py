"""What moto's services send to functions: notifications of S3, messages of SNS, events of EventBridge.

moto would run functions itself, in containers, or refuse such a target. Here each becomes an asynchronous invocation:
https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html, with-sns.html and, for the input of a rule's target,
https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html.
"""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from local_lambda.aws.checks import function_name
from local_lambda.aws.services import reason_of_service
from local_lambda.errors import ApiError, UsageError
from local_lambda.events.printable import print_line
from local_lambda.sources.patterns import compiled

Deliver = Callable[[str, str, Any], None]
"""Takes the ARN of a function, what sends to it, and the event."""
_TARGETS = frozenset({"events", "lambda", "logs", "sns", "sqs"})
_BUS, _ARCHIVE = "event-bus/", "::"
"""The resources in ARNs of EventBridge that can be targets; that of an archive, which moto sets, has no name."""
_INPUTS = ("Input", "InputPath", "InputTransformer")
_REASONS = {
    "s3:ObjectCreated:Put": "PutObject",
    "s3:ObjectCreated:Post": "POST Object",
    "s3:ObjectCreated:Copy": "CopyObject",
    "s3:ObjectCreated:CompleteMultipartUpload": "CompleteMultipartUpload",
    "s3:ObjectRemoved:Delete": "DeleteObject",
    "s3:ObjectRemoved:DeleteMarkerCreated": "DeleteObject",
}
"""What EventBridge says in the place of an event's name."""
_DELETIONS = {
    "s3:ObjectRemoved:Delete": "Permanently Deleted",
    "s3:ObjectRemoved:DeleteMarkerCreated": "Delete Marker Created",
}


class _Marker(NamedTuple):
    """A delete marker as moto's events need it: it is empty."""

    name: str
    version_id: str
    etag: str = "d41d8cd98f00b204e9800998ecf8427e"
    size: int = 0


def lead_to(deliver: Deliver) -> None:
    """Let moto's services in this process send to `deliver`, which is called in moto's thread."""
    _match_patterns()
    _refuse_targets()
    _from_s3(deliver)
    _from_sns(deliver)
    _from_rules(deliver)


def is_function(arn: str) -> bool:
    """Whether it is the ARN of a Lambda function."""
    return arn.split(":")[2:3] == ["lambda"]


def fire(rule: Any, deliver: Deliver) -> int:
    """Send a rule's targets what a schedule sends, now; returns their number. `rule` is moto's."""
    event = {
        "version": "0",
        "id": _new_id(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": _time(datetime.now(timezone.utc).timestamp()),
        "region": rule.region_name,
        "resources": [rule.arn],
        "detail": {},
    }
    faults = []
    for target in list(rule.targets):
        try:
            _send(rule, target, event, deliver)
        except Exception as error:  # of the service of a target
            faults.append(f"{target['Arn']}: {reason_of_service(error)}")
    if faults:
        raise ValueError("; ".join(faults))
    return len(rule.targets)


def target_fault(target: dict[str, Any]) -> str | None:
    """Why a rule cannot have this target here; None if it can."""
    arn = str(target.get("Arn"))
    parts = arn.split(":", 5)
    malformed = (is_function(arn) and not _is_function_arn(arn)) or (
        parts[2:3] == ["logs"] and not parts[-1].startswith("log-group:")
    )
    if len(parts) < 6 or parts[0] != "arn" or malformed:
        return f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
    if parts[2] not in _TARGETS:
        return f"{arn}: rules have no targets of the service {parts[2]} here"
    if parts[2] == "events" and not parts[5].startswith((_BUS, ":")):
        return f"{arn}: of EventBridge, rules have event buses as targets only here"
    if parts[5].startswith(_BUS) and any(target.get(each) for each in _INPUTS):
        return f"{arn}: an event bus gets the event itself here; leave out {', '.join(_INPUTS)}"
    if target.get("Input"):
        try:
            json.loads(target["Input"])
        except (TypeError, ValueError):
            return f"JSON text in the Input for target {target.get('Id')} is malformed."
    return None


def check_pattern(pattern: object) -> None:
    """Raises UsageError for the pattern of a rule that EventBridge would refuse."""
    try:
        compiled(json.dumps(pattern))
    except ValueError as error:
        raise UsageError(f"Event pattern is not valid. Reason: {error}") from None


def _is_function_arn(arn: str) -> bool:
    try:
        function_name(arn)
    except ApiError:
        return False
    return len(arn.split(":")) >= 7


def _send(rule: Any, target: dict[str, Any], event: dict[str, Any], deliver: Deliver) -> None:
    """Send an event to one target."""
    _, _, service, region, account, name = target["Arn"].split(":", 5)
    given = target_input(target, event)
    if service == "lambda":
        deliver(target["Arn"], f"the rule {rule.name}", given)
    elif service == "sqs":
        from moto.sqs.models import sqs_backends

        group = target.get("SqsParameters", {}).get("MessageGroupId")
        sqs_backends[account][region].send_message(name, json.dumps(given), group_id=group)
    elif service == "sns":
        from moto.sns.models import sns_backends

        sns_backends[account][region].publish(arn=target["Arn"], message=json.dumps(given))
    elif service == "logs":
        _log(account, region, name.split(":")[1], given)
    else:
        _put_on_bus(account, region, name.removeprefix(_BUS), event)


def _log(account: str, region: str, group: str, given: Any) -> None:
    """Write an event to a log group.

    An input of `message` and `timestamp` is a record of the log, the form that the CDK documents:
    https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.aws_events_targets.LogGroupTargetInputOptions.html
    """
    from moto.logs.models import logs_backends

    record = isinstance(given, dict) and "message" in given and given.keys() <= {"message", "timestamp"}
    message = given["message"] if record else given
    text = message if isinstance(message, str) else json.dumps(message)
    moment = datetime.now(timezone.utc)
    if record and "timestamp" in given:
        moment = datetime.fromisoformat(str(given["timestamp"]).replace("Z", "+00:00"))
    backend, stream = logs_backends[account][region], _new_id()
    backend.create_log_stream(group, stream)
    backend.put_log_events(group, stream, [{"timestamp": int(moment.timestamp() * 1000), "message": text}])


def _put_on_bus(account: str, region: str, name: str, event: dict[str, Any]) -> None:
    """Put an event on a bus, with the id, the time and the resources that it has."""
    from moto.events.models import events_backends

    bus = events_backends[account][region].event_buses.get(name)
    if bus is None:
        raise ValueError(f"Event bus {name} does not exist.")
    if getattr(bus, "passing", False):
        raise ValueError(f"the event bus {name} has passed it on already")
    bus.passing = True
    try:
        for rule in list(bus.rules.values()):
            rule.send_to_targets(event)
    finally:
        bus.passing = False


def _match_patterns() -> None:
    """Let rules match events as EventBridge does, and refuse patterns that it would refuse."""
    from moto.events.exceptions import InvalidEventPatternException
    from moto.events.models import EventPattern

    load = EventPattern.load.__func__

    def loading(cls: Any, raw_pattern: str | None) -> Any:
        pattern = load(cls, raw_pattern)
        if raw_pattern:
            try:
                compiled(raw_pattern)
            except ValueError as error:
                raise InvalidEventPatternException(reason=str(error)) from None
        return pattern

    def matching(self: Any, event: dict[str, Any]) -> bool:
        raw_pattern = self.dump()
        if not raw_pattern:
            return True
        if not hasattr(self, "compiled"):  # of a template, rules come before this
            self.compiled = compiled(raw_pattern)
        return bool(self.compiled(event))

    EventPattern.load, EventPattern.matches_event = classmethod(loading), matching


def _refuse_targets() -> None:
    """Refuse a target that would fail later, when an event is put."""
    from moto.events.exceptions import ValidationException
    from moto.events.models import EventsBackend

    put = EventsBackend.put_targets

    def putting(self: Any, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
        for target in targets:
            fault = target_fault(target)
            if fault is not None:
                raise ValidationException(fault)
        put(self, name, event_bus_arn, targets)

    EventsBackend.put_targets = putting


def _from_s3(deliver: Deliver) -> None:
    from moto.s3 import notifications

    make = notifications._get_s3_event

    def making(event_name: str, bucket: Any, key: Any, notification_id: str) -> Any:
        event = make(event_name, bucket, key, notification_id)
        for record in event["Records"]:
            record["requestParameters"] = {"sourceIPAddress": "127.0.0.1"}
            record["responseElements"] = {"x-amz-request-id": _new_id(), "x-amz-id-2": _new_id()}
            record["userIdentity"] = {"principalId": "AWS:AIDALOCALLAMBDA"}
            record["s3"]["bucket"]["ownerIdentity"] = {"principalId": "LOCALLAMBDA"}
            thing = record["s3"]["object"]
            thing["sequencer"] = f"{int(datetime.now().timestamp() * 1e6):018X}"
            if bucket.is_versioned:
                thing["versionId"] = key.version_id
            if record["eventName"].startswith("ObjectRemoved"):
                for name in ("size", "eTag"):
                    thing.pop(name, None)
        return event

    def invoke(account: str, event: Any, arn: str, region: str) -> None:
        deliver(arn, f"the bucket {event['Records'][0]['s3']['bucket']['name']}", event)

    notifications._get_s3_event = making
    notifications._invoke_awslambda = invoke
    notifications._send_event_bridge_message = _send_to_bus
    notifications.quote_plus = lambda key: quote_plus(key, safe="/")
    _one_event_for_each_request()
    _events_of_versions()


def _send_to_bus(account: str, bucket: Any, event_name: str, key: Any) -> None:
    """Put the event of a bucket on the default bus, as EventBridge has it.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
    """
    from moto.events.models import events_backends
    from moto.s3 import notifications

    thing = {"key": key.name, "etag": key.etag.replace('"', "")}
    if not event_name.startswith("s3:ObjectRemoved"):
        thing["size"] = key.size
    thing["sequencer"] = f"{int(datetime.now().timestamp() * 1e6):018X}"
    if bucket.is_versioned:
        thing["version-id"] = key.version_id
    detail = {
        "version": "0",
        "bucket": {"name": bucket.name},
        "object": thing,
        "request-id": _new_id(),
        "requester": account,
        "source-ip-address": "127.0.0.1",
    }
    if event_name in _REASONS:
        detail["reason"] = _REASONS[event_name]
    if event_name in _DELETIONS:
        detail["deletion-type"] = _DELETIONS[event_name]
    event = {
        "version": "0",
        "id": _new_id(),
        "detail-type": notifications._detail_type(event_name),
        "source": "aws.s3",
        "account": account,
        "time": _time(datetime.now(timezone.utc).timestamp()),
        "region": bucket.region_name,
        "resources": [bucket.arn],
        "detail": detail,
    }
    for rule in list(events_backends[account][bucket.region_name].event_buses["default"].rules.values()):
        rule.send_to_targets(event, transform_input=False)


def _one_event_for_each_request() -> None:
    """Send no event for a step of moto: putting an object sets its tags, and completing an upload puts an object."""
    from moto.s3 import notifications
    from moto.s3.models import S3Backend
    from moto.s3.responses import S3Response

    send, complete, tag = notifications.send_event, S3Backend.complete_multipart_upload, S3Response.put_object_tagging
    within: list[str] = []

    def sending(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        name = getattr(event_name, "value", event_name)
        step = (name == "s3:ObjectTagging:Put" and "tag" not in within) or (
            name in ("s3:ObjectCreated:Put", "s3:ObjectCreated:Post") and "complete" in within
        )
        if not step:
            send(account_id, event_name, bucket, key)

    def during(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            within.append(what)
            try:
                return function(*arguments, **named)
            finally:
                within.pop()

        return call

    notifications.send_event = sending
    S3Backend.complete_multipart_upload = during("complete", complete)
    S3Response.put_object_tagging = during("tag", tag)


def _events_of_versions() -> None:
    """Send an event when an object gets a delete marker, and for each version that is removed."""
    from moto.s3 import notifications
    from moto.s3.models import FakeDeleteMarker, S3Backend

    delete = S3Backend.delete_object

    def deleting(
        self: Any, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> Any:
        bucket = self.get_bucket(bucket_name)
        if not getattr(bucket, "is_versioned", False):
            return delete(self, bucket_name, key_name, version_id, bypass)
        versions = bucket.keys.getlist(key_name) if version_id is not None and key_name in bucket.keys else []
        removed = next((each for each in versions if str(each.version_id) == version_id), None)
        configured, bucket.notification_configuration = bucket.notification_configuration, None
        try:  # without an event: moto sends one for the last version only
            done = delete(self, bucket_name, key_name, version_id, bypass)
        finally:
            bucket.notification_configuration = configured
        name = "DELETE"
        if version_id is None and done[0]:
            name, removed = "DELETE_MARKER_CREATED", bucket.keys[key_name]
        if isinstance(removed, FakeDeleteMarker):
            removed = _Marker(removed.name, removed.version_id)
        if removed is not None:
            event = notifications.S3NotificationEvent[f"OBJECT_REMOVED_{name}_EVENT"]
            notifications.send_event(self.account_id, event, bucket, removed)
        return done

    S3Backend.delete_object = deleting


def _from_sns(deliver: Deliver) -> None:
    from moto.sns.exceptions import SNSInvalidParameter
    from moto.sns.models import SNSBackend, Subscription

    publish, subscribe = Subscription.publish, SNSBackend.subscribe

    def subscribing(self: Any, topic_arn: str, endpoint: str, protocol: str) -> Any:
        if protocol == "lambda" and not (is_function(endpoint) and _is_function_arn(endpoint)):
            raise SNSInvalidParameter(f"Invalid parameter: Endpoint Reason: {endpoint} is not the ARN of a function")
        return subscribe(self, topic_arn, endpoint, protocol)

    def publishing(
        self: Any,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        message_structure: str | None = None,
        **others: Any,
    ) -> None:
        if self.protocol != "lambda":
            publish(
                self,
                message,
                message_id,
                subject=subject,
                message_attributes=message_attributes,
                message_structure=message_structure,
                **others,
            )
            return
        matcher = self._filter_policy_matcher
        if matcher is not None and not matcher.matches(message_attributes, message):
            return
        if message_structure == "json":
            structure = json.loads(message)
            message = structure.get("lambda", structure.get("default", ""))
        notification = {
            "SignatureVersion": "1",
            "Timestamp": _time(datetime.now(timezone.utc).timestamp(), "milliseconds"),
            "Signature": "local",
            "SigningCertUrl": f"https://sns.{self.topic.arn.split(':')[3]}.amazonaws.com/local.pem",
            "MessageId": message_id,
            "Message": message,
            "MessageAttributes": {name: _attribute(value) for name, value in (message_attributes or {}).items()},
            "Type": "Notification",
            "UnsubscribeUrl": f"https://sns.{self.topic.arn.split(':')[3]}.amazonaws.com/?Action=Unsubscribe",
            "TopicArn": self.topic.arn,
            "Subject": subject,
        }
        record = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": self.arn,
            "Sns": notification,
        }
        deliver(self.endpoint, f"the topic {self.topic.name}", {"Records": [record]})

    SNSBackend.subscribe = subscribing
    Subscription.publish = publishing


def _attribute(attribute: dict[str, Any]) -> dict[str, str]:
    value = attribute["Value"]
    return {
        "Type": attribute["Type"],
        "Value": b64encode(value).decode() if isinstance(value, bytes) else str(value),
    }


def _from_rules(deliver: Deliver) -> None:
    from moto.events.models import Rule

    send = Rule.send_to_targets

    def sending(self: Any, original_event: Any, transform_input: bool = True) -> None:
        scheduled_only = self.scheduled_expression and not self.event_pattern.dump()
        event = {name: value for name, value in original_event.items() if name != "ingestion-time"}
        if isinstance(event["time"], (int, float)):
            event["time"] = _time(event["time"])
        if self.state != "ENABLED" or scheduled_only or not self.event_pattern.matches_event(event):
            return
        targets = self.targets
        for target in targets:
            try:
                if not target["Arn"].endswith(_ARCHIVE):
                    _send(self, target, event, deliver)
                else:
                    self.targets = [target]
                    send(self, original_event, transform_input)
            except Exception as error:  # of the service of a target; on AWS, PutEvents does not fail either
                print_line(f"an event of the rule {self.name} to {target['Arn']} is lost: {reason_of_service(error)}")
            finally:
                self.targets = targets

    Rule.send_to_targets = sending


def target_input(target: dict[str, Any], event: dict[str, Any]) -> Any:
    """What a rule's target gets of an event: a constant, a part of it, a template filled in, or all of it."""
    if target.get("Input"):
        return json.loads(target["Input"])
    if target.get("InputPath"):
        return _at(event, target["InputPath"])
    if target.get("InputTransformer"):
        return _transformed(target["InputTransformer"], event)
    return event


def _at(event: Any, path: str) -> Any:
    """The part of an event at a path such as `$.detail.items[0]`; None if it has none."""
    for name, index, quoted in re.findall(r"""\.([^.\[]+)|\[(\d+)\]|\[['"]([^'"]+)['"]\]""", path):
        try:
            event = event[int(index)] if index else event[name or quoted]
        except (LookupError, TypeError):
            return None
    return event


def _transformed(transformer: dict[str, Any], event: dict[str, Any]) -> Any:
    """The template with its variables in angle brackets filled in: JSON, or a text in quotes."""
    template = str(transformer["InputTemplate"]).strip()
    values = {name: _at(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
    values["aws.events.event.json"] = event
    values["aws.events.event.ingestion-time"] = event["time"]
    inside = False
    filled, rest = "", template
    while rest:
        name = rest[1:].partition(">")[0] if rest.startswith("<") else ""
        if name in values and name:
            value = values[name]
            text = value if isinstance(value, str) else json.dumps(value)
            filled += json.dumps(text)[1:-1] if inside else text if not isinstance(value, str) else json.dumps(value)
            rest = rest[len(name) + 2 :]
            continue
        if rest[0] == "\\" and inside:
            filled, rest = filled + rest[:2], rest[2:]
            continue
        inside = inside != (rest[0] == '"')
        filled, rest = filled + rest[0], rest[1:]
    try:
        return json.loads(filled)
    except ValueError:
        return filled


def _time(seconds: float, precision: str = "seconds") -> str:
    moment = datetime.fromtimestamp(float(seconds), timezone.utc)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _new_id() -> str:
    from local_lambda.events.identifiers import new_uuid

    return new_uuid()
