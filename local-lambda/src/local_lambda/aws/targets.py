"""Rules of EventBridge: the patterns that events match, and what each target gets.

moto would match with fewer operators, and run functions itself. Here a function's event is an asynchronous invocation.
The input of a target: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from local_lambda.aws.checks import function_name
from local_lambda.aws.services import reason_of_service
from local_lambda.errors import ApiError, UsageError
from local_lambda.events.identifiers import new_uuid
from local_lambda.events.printable import print_line
from local_lambda.sources.patterns import compiled
from local_lambda.sources.schedule import check_rule

Deliver = Callable[[str, str, Any], None]
"""Takes the ARN of a function, what sends to it, and the event."""
_TARGETS = frozenset({"events", "lambda", "logs", "sns", "sqs"})
_BUS, _ARCHIVE = "event-bus/", "::"
"""The resources in ARNs of EventBridge that can be targets; that of an archive, which moto sets, has no name."""
_NO_SCHEDULE = "Parameter ScheduleExpression is not valid."
_INPUTS = ("Input", "InputPath", "InputTransformer")


def is_function(arn: str) -> bool:
    """Whether it is the ARN of a Lambda function."""
    return arn.split(":")[2:3] == ["lambda"]


def is_function_arn(arn: str) -> bool:
    """Whether it is the ARN of a function, with a valid name."""
    try:
        function_name(arn)
    except ApiError:
        return False
    return len(arn.split(":")) >= 7


def match_patterns() -> None:
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


def refuse_targets() -> None:
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


def refuse_schedules() -> None:
    """Refuse a rule with a schedule that EventBridge would refuse. Schedules of a template are rules here as well."""
    from moto.events.exceptions import ValidationException
    from moto.events.responses import EventsHandler

    put = EventsHandler.put_rule

    def putting(self: Any) -> Any:
        expression = self._get_param("ScheduleExpression")
        if expression:
            try:
                check_rule(str(expression))
            except ValueError:
                raise ValidationException(_NO_SCHEDULE) from None
        return put(self)

    EventsHandler.put_rule = putting


def from_rules(deliver: Deliver) -> None:
    """Let rules in this process send to `deliver`."""
    from moto.events.models import Rule

    send = Rule.send_to_targets

    def sending(self: Any, original_event: Any, transform_input: bool = True) -> None:
        scheduled_only = self.scheduled_expression and not self.event_pattern.dump()
        event = {name: value for name, value in original_event.items() if name != "ingestion-time"}
        if isinstance(event["time"], (int, float)):
            event["time"] = text_of(event["time"])
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


def fire(rule: Any, deliver: Deliver) -> int:
    """Send a rule's targets what a schedule sends, now; returns their number. `rule` is moto's."""
    event = {
        "version": "0",
        "id": new_uuid(),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": rule.account_id,
        "time": text_of(datetime.now(timezone.utc).timestamp()),
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
    malformed = (is_function(arn) and not is_function_arn(arn)) or (
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


def check_schedule(expression: object) -> None:
    """Raises UsageError for the schedule of a rule that EventBridge would refuse."""
    try:
        check_rule(str(expression))
    except ValueError as error:
        raise UsageError(f"{_NO_SCHEDULE} Reason: {error}") from None


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
    backend, stream = logs_backends[account][region], new_uuid()
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


def text_of(seconds: float, precision: str = "seconds") -> str:
    """A time in seconds since the epoch, as ISO 8601 in UTC."""
    moment = datetime.fromtimestamp(float(seconds), timezone.utc)
    return moment.isoformat(timespec=precision).replace("+00:00", "Z")
