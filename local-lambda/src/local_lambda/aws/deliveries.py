"""What moto's services send to functions: notifications of S3 and messages of SNS; rules are in `targets.py`.

moto would run functions itself, in containers, or refuse such a target. Here each becomes an asynchronous invocation:
https://docs.aws.amazon.com/lambda/latest/dg/with-s3.html and with-sns.html.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any, NamedTuple
from urllib.parse import quote_plus

from local_lambda.aws.targets import (
    Deliver,
    from_rules,
    is_function,
    is_function_arn,
    match_patterns,
    refuse_schedules,
    refuse_targets,
    text_of,
)
from local_lambda.events.identifiers import new_uuid

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
    match_patterns()
    refuse_targets()
    refuse_schedules()
    _from_s3(deliver)
    _from_sns(deliver)
    from_rules(deliver)


def _from_s3(deliver: Deliver) -> None:
    from moto.s3 import notifications

    make = notifications._get_s3_event

    def making(event_name: str, bucket: Any, key: Any, notification_id: str) -> Any:
        event = make(event_name, bucket, key, notification_id)
        for record in event["Records"]:
            record["requestParameters"] = {"sourceIPAddress": "127.0.0.1"}
            record["responseElements"] = {"x-amz-request-id": new_uuid(), "x-amz-id-2": new_uuid()}
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
        "request-id": new_uuid(),
        "requester": account,
        "source-ip-address": "127.0.0.1",
    }
    if event_name in _REASONS:
        detail["reason"] = _REASONS[event_name]
    if event_name in _DELETIONS:
        detail["deletion-type"] = _DELETIONS[event_name]
    event = {
        "version": "0",
        "id": new_uuid(),
        "detail-type": notifications._detail_type(event_name),
        "source": "aws.s3",
        "account": account,
        "time": text_of(datetime.now(timezone.utc).timestamp()),
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
        if protocol == "lambda" and not (is_function(endpoint) and is_function_arn(endpoint)):
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
            "Timestamp": text_of(datetime.now(timezone.utc).timestamp(), "milliseconds"),
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
