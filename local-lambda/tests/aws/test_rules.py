"""Rules: those with a schedule, on a clock that the test turns, and what their targets get."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from local_lambda.aws.client import ServiceClient
from local_lambda.aws.deliveries import lead_to
from local_lambda.aws.rules import Rules
from local_lambda.aws.services import Services
from local_lambda.sources.ports import SourceFault


def _make_rule() -> None:
    from moto.events.models import events_backends

    backend = events_backends["123456789012"]["us-east-1"]
    backend.put_rule("Tick", scheduled_expression="rate(1 hour)")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:Hello"
    backend.put_targets("Tick", "default", [{"Id": "1", "Arn": arn}])


def test_rule_fires_when_it_is_due() -> None:
    """Once for each time that has come, with the event of a schedule."""

    async def scenario() -> None:
        services, fired, loop = Services(), asyncio.Queue[Any](), asyncio.get_running_loop()
        clock = [datetime(2026, 11, 26, 12, tzinfo=timezone.utc)]
        read = asyncio.Event()

        def now() -> datetime:
            read.set()
            return clock[0]

        def deliver(arn: str, sender: str, event: Any) -> None:
            loop.call_soon_threadsafe(fired.put_nowait, (arn.rpartition(":")[2], sender, event))

        services.start()
        await asyncio.wrap_future(services.run(_make_rule))
        task = asyncio.ensure_future(Rules(services, deliver, lambda text, bad: None, now).run())
        await read.wait()
        assert fired.empty()
        clock[0] += timedelta(hours=1)
        services.stir()
        name, sender, event = await asyncio.wait_for(fired.get(), 30)
        assert (name, sender) == ("Hello", "the rule Tick")
        assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
        assert event["resources"] == ["arn:aws:events:us-east-1:123456789012:rule/Tick"]
        assert fired.empty()
        task.cancel()
        services.close()

    asyncio.run(scenario())


REGION, ACCOUNT = "us-east-1", "123456789012"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:Hello"
QUEUE = f"arn:aws:sqs:{REGION}:{ACCOUNT}:work"


class Sent:
    """moto's services that send to a list, and calls of them in their thread."""

    def __init__(self) -> None:
        self.services = Services()
        self.events: list[Any] = []
        self.run(lambda: lead_to(lambda arn, sender, event: self.events.append(event)))

    def run(self, job: Callable[[], Any]) -> Any:
        """The result of a job."""
        return self.services.run(job).result()

    def rule(self, name: str, *targets: dict[str, Any], **properties: str) -> None:
        """Put a rule with these targets; their ids are numbers."""
        from moto.events.models import events_backends

        backend = events_backends[ACCOUNT][REGION]
        numbered = [{"Id": str(number), **target} for number, target in enumerate(targets)]
        self.run(lambda: backend.put_rule(name, **properties))
        self.run(lambda: backend.put_targets(name, "default", numbered))

    def put(self, source: str, detail: str = '{"price": 5}') -> None:
        """Put an event on the default bus."""
        from moto.events.models import events_backends

        entry = {"Source": source, "DetailType": "sold", "Detail": detail}
        self.run(lambda: events_backends[ACCOUNT][REGION].put_events([entry]))

    def messages(self) -> list[Any]:
        """What is in the queue."""
        from moto.sqs.models import sqs_backends

        return [json.loads(message.body) for message in sqs_backends[ACCOUNT][REGION].queues["work"]._messages]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sent]:
    """With a queue, and without rules."""
    from moto.events.models import EventPattern, EventsBackend, Rule, events_backends
    from moto.events.responses import EventsHandler
    from moto.logs.models import logs_backends
    from moto.s3 import notifications
    from moto.s3.models import S3Backend, s3_backends
    from moto.s3.responses import S3Response
    from moto.sns.models import SNSBackend, Subscription, sns_backends
    from moto.sqs.models import sqs_backends

    changed = (Rule, "send_to_targets"), (EventsBackend, "put_targets"), (SNSBackend, "subscribe")
    more = (
        (EventPattern, "load"),
        (EventsHandler, "put_rule"),
        (EventPattern, "matches_event"),
        (Subscription, "publish"),
        (S3Backend, "complete_multipart_upload"),
        (S3Backend, "delete_object"),
        (S3Response, "put_object_tagging"),
    )
    functions = ("_get_s3_event", "_invoke_awslambda", "_send_event_bridge_message", "quote_plus", "send_event")
    for owner, name in (*changed, *more, *((notifications, function) for function in functions)):
        monkeypatch.setattr(owner, name, getattr(owner, name))  # so that it is as it was afterwards
    sent = Sent()
    for backends in (events_backends, logs_backends, s3_backends, sns_backends, sqs_backends):
        sent.run(backends.reset)
    sent.run(lambda: sqs_backends[ACCOUNT][REGION].create_queue("work", {}))
    yield sent
    sent.services.close()


def test_queue_gets_the_input_of_its_target(sent: Sent) -> None:
    """A constant, a part of the event, or the event with the account."""
    targets = {"Input": '{"a": 1}'}, {"InputPath": "$.detail"}, {}
    sent.rule("all", *({"Arn": QUEUE, **target} for target in targets), event_pattern='{"source": ["shop"]}')
    sent.put("shop")
    constant, part, event = sent.messages()
    assert (constant, part) == ({"a": 1}, {"price": 5})
    assert (event["account"], event["source"], event["detail"]) == (ACCOUNT, "shop", {"price": 5})


@pytest.mark.parametrize(
    ("detail", "matches"),
    [
        ({"price": [{"numeric": [">", 4, "<", 6]}]}, True),
        ({"price": [{"anything-but": [5]}]}, False),
        ({"$or": [{"price": [4]}, {"price": [5]}]}, True),
        ({"tags": [{"exists": False}]}, True),
        ({"name": [{"wildcard": "a*z"}]}, True),
        ({"name": [{"equals-ignore-case": "AMAZ"}]}, True),
        ({"name": [{"suffix": "maz"}]}, True),
        ({"name": [{"prefix": "z"}]}, False),
    ],
)
def test_rule_matches_as_eventbridge_does(sent: Sent, detail: dict[str, Any], matches: bool) -> None:
    """With all operators, by the same code as filters of event source mappings."""
    sent.rule("some", {"Arn": FUNCTION}, event_pattern=json.dumps({"detail": detail, "time": [{"prefix": "20"}]}))
    sent.put("shop", '{"price": 5, "name": "amaz"}')
    assert len(sent.events) == matches


@pytest.mark.parametrize("pattern", ["{}", "{", '{"a": 5}', '{"a": []}', '{"a": [{"pre": "b"}]}', '{"a": [[1]]}'])
def test_invalid_pattern_is_refused(sent: Sent, pattern: str) -> None:
    """By PutRule, in EventBridge's words."""
    from moto.events.exceptions import InvalidEventPatternException

    with pytest.raises(InvalidEventPatternException, match=r"Event pattern is not valid\. Reason: "):
        sent.rule("wrong", event_pattern=pattern)


def test_log_group_gets_the_input_of_its_target(sent: Sent) -> None:
    """The event, a part of it, or a record with its own text."""
    from moto.logs.models import logs_backends

    logs = logs_backends[ACCOUNT][REGION]
    sent.run(lambda: logs.create_log_group("/aws/events/shop", {}))
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/events/shop"
    record = {
        "InputPathsMap": {"at": "$.time", "what": "$.detail-type"},
        "InputTemplate": '{"timestamp": <at>, "message": <what>}',
    }
    targets = ({"Arn": group, "InputPath": "$.detail"}, {"Arn": f"{group}:*", "InputTransformer": record})
    sent.rule("all", *targets, {"Arn": group}, event_pattern='{"source": ["shop"]}')
    sent.put("shop")
    streams = logs.groups["/aws/events/shop"].streams.values()
    part, text, event = (message.message for stream in streams for message in stream.events)
    assert (json.loads(part), text, json.loads(event)["source"]) == ({"price": 5}, "sold", "shop")


def test_event_bus_gets_the_event_once(sent: Sent, capfd: pytest.CaptureFixture[str]) -> None:
    """With its id, and not forever when two buses send to one another."""
    from moto.events.models import events_backends

    backend = events_backends[ACCOUNT][REGION]
    bus = f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/"
    sent.run(lambda: backend.create_event_bus("other"))
    sent.rule("there", {"Arn": f"{bus}other"}, {"Arn": FUNCTION}, event_pattern='{"source": ["shop"]}')
    sent.run(lambda: backend.put_rule("back", event_pattern='{"source": ["shop"]}', event_bus_arn="other"))
    sent.run(
        lambda: backend.put_targets("back", "other", [{"Id": "1", "Arn": FUNCTION}, {"Id": "2", "Arn": f"{bus}other"}])
    )
    sent.put("shop")
    assert [event["id"] for event in sent.events] == [sent.events[0]["id"]] * 2
    assert "the event bus other has passed it on already" in capfd.readouterr().err


def test_schedule_without_a_pattern_gets_no_events(sent: Sent) -> None:
    """A queue would get every event of the bus; with a pattern, matching events are sent as well."""
    sent.rule("tick", {"Arn": QUEUE}, {"Arn": FUNCTION}, scheduled_expression="rate(1 day)")
    pattern = '{"source": ["shop"]}'
    sent.rule("both", {"Arn": FUNCTION}, scheduled_expression="rate(1 day)", event_pattern=pattern)
    sent.put("other")
    sent.put("shop")
    assert not sent.messages()
    assert [event["source"] for event in sent.events] == ["shop"]


def test_target_that_fails_does_not_stop_the_others(sent: Sent, capfd: pytest.CaptureFixture[str]) -> None:
    """PutEvents succeeds, as on AWS, and the lost event is named."""
    gone = f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"
    sent.rule("some", {"Arn": gone}, {"Arn": QUEUE}, {"Arn": FUNCTION}, event_pattern='{"source": ["shop"]}')
    sent.put("shop")
    assert (len(sent.messages()), len(sent.events)) == (1, 1)
    assert f"an event of the rule some to {gone} is lost: " in capfd.readouterr().err


@pytest.mark.parametrize(
    "target",
    [
        {"Arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:Flow"},
        {"Arn": "arn:aws:lambda:us-east-1"},
        {"Arn": "arn:aws:lambda"},
        {"Arn": FUNCTION, "Input": "not JSON"},
        {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:api-destination/web/1"},
        {"Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default", "Input": "{}"},
        {"Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:shop"},
    ],
)
def test_target_that_cannot_be_served_is_refused(sent: Sent, target: dict[str, Any]) -> None:
    """When it is put, and not when an event comes."""
    from moto.events.exceptions import ValidationException

    with pytest.raises(ValidationException):
        sent.rule("wrong", target, event_pattern='{"source": ["shop"]}')


def test_schedule_that_is_not_valid_is_refused(sent: Sent) -> None:
    """In the words of EventBridge."""
    client = ServiceClient(sent.services, REGION)
    for expression in ("rate(1 minutes)", "at(2030-01-01T00:00:00)"):
        with pytest.raises(SourceFault) as raised:
            asyncio.run(client("events", "PutRule", {"Name": "tick", "ScheduleExpression": expression}))
        assert str(raised.value) == "ValidationException: Parameter ScheduleExpression is not valid."
    asyncio.run(client("events", "PutRule", {"Name": "tick", "ScheduleExpression": "rate(1 minute)"}))


def test_malformed_function_cannot_subscribe(sent: Sent) -> None:
    """An ARN without a name would fail with each message."""
    from moto.sns.exceptions import SNSInvalidParameter
    from moto.sns.models import sns_backends

    backend = sns_backends[ACCOUNT][REGION]
    topic = sent.run(lambda: backend.create_topic("news")).arn
    with pytest.raises(SNSInvalidParameter):
        sent.run(lambda: backend.subscribe(topic, "arn:aws:lambda", "lambda"))
    assert sent.run(lambda: backend.subscribe(topic, FUNCTION, "lambda")).endpoint == FUNCTION


def test_bucket_sends_one_event_for_each_object(sent: Sent) -> None:
    """Also for an upload in parts; EventBridge names the operation, and each event has another id."""
    from moto.s3.models import s3_backends

    backend = s3_backends[ACCOUNT]["aws"]

    def use() -> None:
        backend.create_bucket("box", REGION)
        backend.put_bucket_notification_configuration("box", {"EventBridgeConfiguration": []})
        key = backend.put_object("box", "one", b"1")
        backend.put_object_tagging(key, {})  # moto does so for each PutObject
        upload = backend.create_multipart_upload("box", "two", {}, "STANDARD", {}, None, "AES256", "").id
        etag = backend.upload_part("box", upload, 1, b"2").etag
        backend.complete_multipart_upload("box", upload, [(1, etag)])
        backend.delete_object("box", "one")

    sent.rule("box", {"Arn": FUNCTION}, event_pattern='{"source": ["aws.s3"]}')
    sent.run(use)
    reasons = [event["detail"]["reason"] for event in sent.events]
    assert reasons == ["PutObject", "CompleteMultipartUpload", "DeleteObject"]
    assert [event["detail"]["object"]["key"] for event in sent.events] == ["one", "two", "one"]
    assert len({event["id"] for event in sent.events}) == 3


def test_bucket_with_versions_sends_an_event_for_each_of_them(sent: Sent) -> None:
    """Removing an object makes a delete marker; versions, also that marker, are removed for good."""
    from moto.s3.models import s3_backends

    backend = s3_backends[ACCOUNT]["aws"]
    versions: list[str] = []

    def use() -> None:
        backend.create_bucket("kept", REGION)
        backend.put_bucket_versioning("kept", "Enabled")
        wanted = {"Id": "all", "Event": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"], "CloudFunction": FUNCTION}
        notifications = {"CloudFunctionConfiguration": [wanted], "EventBridgeConfiguration": []}
        backend.put_bucket_notification_configuration("kept", notifications)
        versions.append(backend.put_object("kept", "one", b"1").version_id)
        versions.append(backend.put_object("kept", "one", b"2").version_id)
        versions.append(backend.delete_object("kept", "one")[1]["version-id"])
        for version in versions[1:]:
            backend.delete_object("kept", "one", version_id=version)
        backend.delete_object("kept", "one", version_id="unknown")

    sent.rule("kept", {"Arn": FUNCTION}, event_pattern='{"source": ["aws.s3"]}')
    sent.run(use)
    records = [event["Records"][0] for event in sent.events if "Records" in event]
    created, marked, deleted = "ObjectCreated:Put", "ObjectRemoved:DeleteMarkerCreated", "ObjectRemoved:Delete"
    assert [(each["eventName"], each["s3"]["object"]["versionId"]) for each in records] == list(
        zip((created, created, marked, deleted, deleted), (*versions, *versions[1:]), strict=True)
    )
    details = [event["detail"] for event in sent.events if "detail" in event]
    assert [each["object"]["version-id"] for each in details] == [*versions, *versions[1:]]
    kinds = [each.get("deletion-type") for each in details]
    assert kinds == [None, None, "Delete Marker Created", "Permanently Deleted", "Permanently Deleted"]
