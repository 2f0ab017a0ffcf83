"""Resources that invoke functions on AWS: which of them refer to a function, so that none is dropped silently.

Their properties are on the CloudFormation pages of each type. Serving them takes a local AWS endpoint.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_CUSTOM = "AWS::CloudFormation::CustomResource"
TYPES: Mapping[str, tuple[str, bool]] = {
    "AWS::AppConfig::Extension": ("Actions", False),
    "AWS::AppSync::DataSource": ("LambdaConfig", False),
    "AWS::Bedrock::Agent": ("ActionGroups", False),
    _CUSTOM: ("ServiceToken", False),
    "AWS::CloudFront::Distribution": ("DistributionConfig", False),
    "AWS::CloudWatch::Alarm": ("AlarmActions InsufficientDataActions OKActions", False),
    "AWS::CodeCommit::Repository": ("Triggers", False),
    "AWS::CodePipeline::Pipeline": ("Stages", False),
    "AWS::Cognito::UserPool": ("LambdaConfig", False),
    "AWS::Config::ConfigRule": ("Source", False),
    "AWS::Connect::IntegrationAssociation": ("IntegrationArn", False),
    "AWS::ElasticLoadBalancingV2::TargetGroup": ("Targets", False),
    "AWS::Events::Rule": ("Targets", True),
    "AWS::IoT::TopicRule": ("TopicRulePayload", False),
    "AWS::KinesisFirehose::DeliveryStream": ("", False),
    "AWS::Lambda::EventSourceMapping": ("FunctionName", True),
    "AWS::Lex::BotAlias": ("BotAliasLocaleSettings", False),
    "AWS::Logs::SubscriptionFilter": ("DestinationArn", False),
    "AWS::Pipes::Pipe": ("Enrichment Target", False),
    "AWS::S3::Bucket": ("NotificationConfiguration", True),
    "AWS::S3ObjectLambda::AccessPoint": ("ObjectLambdaConfiguration", False),
    "AWS::SES::ReceiptRule": ("Rule", False),
    "AWS::SNS::Subscription": ("Endpoint", True),
    "AWS::SNS::Topic": ("Subscription", True),
    "AWS::SSM::MaintenanceWindowTask": ("TaskArn", False),
    "AWS::Scheduler::Schedule": ("Target", False),
    "AWS::SecretsManager::RotationSchedule": ("RotationLambdaARN", False),
    "AWS::Serverless::GraphQLApi": ("DataSources", False),
    "AWS::Serverless::StateMachine": ("Definition DefinitionSubstitutions", False),
    "AWS::StepFunctions::StateMachine": ("Definition DefinitionString DefinitionSubstitutions", False),
    "AWS::Transfer::Workflow": ("OnExceptionSteps Steps", False),
    "AWS::VpcLattice::TargetGroup": ("Targets", False),
}
"""Type -> the properties that can name the function (none: all), and whether a local AWS endpoint serves them."""


def triggers(resources: Mapping[str, Any], function: str, name: str = "") -> Iterator[tuple[str, bool]]:
    """The resources that invoke the function of this logical id, with their types; whether an endpoint serves them.

    With `name`, also those that have the function's name or ARN as a text.
    """
    for logical_id, resource in resources.items():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if not isinstance(kind, str) or not isinstance(properties, dict):
            continue
        members, served = TYPES.get(_CUSTOM if kind.startswith("Custom::") else kind, (None, False))
        wanted = properties if not members else {each: properties.get(each) for each in members.split()}
        if members is not None and (_refers(wanted, function) or (name and _names(wanted, name))):
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


def _names(value: Any, function: str) -> bool:
    """Whether the name or the ARN of the function is a text somewhere in a value, such as a state machine's JSON."""
    if isinstance(value, list):
        return any(_names(member, function) for member in value)
    if isinstance(value, dict):
        named = str(value.get("FunctionName")).partition(":")[0]
        return named == function or any(_names(member, function) for member in value.values())
    written = rf':function:{re.escape(function)}(?![\w-])|"FunctionName"\s*:\s*"{re.escape(function)}[":]'
    return isinstance(value, str) and re.search(written, value) is not None


def _mentions(written: str, logical_id: str) -> bool:
    return re.search(r"\$\{" + re.escape(logical_id) + r"[.}]", written) is not None
