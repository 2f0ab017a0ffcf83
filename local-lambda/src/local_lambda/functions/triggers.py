"""Resources that invoke functions on AWS: which of them refer to a function, so that none is dropped silently.

Their properties are on the CloudFormation pages of each type. Serving them takes a local AWS endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_CUSTOM = "AWS::CloudFormation::CustomResource"
TYPES: Mapping[str, tuple[str, bool]] = {
    _CUSTOM: ("ServiceToken", False),
    "AWS::Cognito::UserPool": ("LambdaConfig", False),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("Targets", False),
    "AWS::Events::Rule": ("Targets", True),
    "AWS::IoT::TopicRule": ("TopicRulePayload", False),
    "AWS::Lambda::EventSourceMapping": ("FunctionName", True),
    "AWS::Logs::SubscriptionFilter": ("DestinationArn", False),
    "AWS::S3::Bucket": ("NotificationConfiguration", True),
    "AWS::SNS::Subscription": ("Endpoint", True),
    "AWS::SNS::Topic": ("Subscription", True),
    "AWS::Scheduler::Schedule": ("Target", False),
    "AWS::Serverless::StateMachine": ("", False),
    "AWS::StepFunctions::StateMachine": ("", False),
}
"""Type -> the property that names the function, if it is one only, and whether a local AWS endpoint serves it."""


def triggers(resources: Mapping[str, Any], function: str) -> Iterator[tuple[str, bool]]:
    """The resources that invoke the function of this logical id, with their types; whether an endpoint serves them."""
    for logical_id, resource in resources.items():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or not isinstance(properties, dict):
            continue
        name, served = TYPES.get(_CUSTOM if kind.startswith("Custom::") else kind, (None, False))
        if name is not None and _refers(properties.get(name) if name else properties, function):
            yield f"{logical_id} ({kind})", served


def _refers(value: Any, logical_id: str) -> bool:
    """Whether a value has a reference to the resource somewhere in it."""
    if isinstance(value, list):
        return any(_refers(member, logical_id) for member in value)
    if not isinstance(value, dict):
        return False
    attribute = value.get("Fn::GetAtt")
    target = attribute[0] if isinstance(attribute, list) and attribute else str(attribute).partition(".")[0]
    sub = value.get("Fn::Sub")
    written = sub[0] if isinstance(sub, list) and sub else sub
    if logical_id in (value.get("Ref"), target) or _mentions(str(written), logical_id):
        return True
    return any(_refers(member, logical_id) for member in value.values())


def _mentions(written: str, logical_id: str) -> bool:
    return re.search(r"\$\{" + re.escape(logical_id) + r"[.}]", written) is not None
