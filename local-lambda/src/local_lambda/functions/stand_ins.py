"""Stand-ins for values that only a deployed stack has, so that a function runs without it, as with `sam local`.

A stand-in looks like the value: the resource's own name if the template gives one, else its logical id, and an ARN or
a URL of that name. What a function does with it is its own affair; every stand-in that was used is reported.
What `Ref` and `GetAtt` return is on each resource's page, under "Return values":
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from local_lambda.functions.given import Given
from local_lambda.functions.references import generated_type


class _Kind(NamedTuple):
    """How resources of one type are called: the property with the name, and what an ARN says after the account."""

    service: str
    resource: str = "{}"
    name: str = "Name"
    reference: str = "name"
    """What `!Ref` returns: `name`, `arn` or `url`."""


_STACK = "stack/local-{}/00000000-0000-4000-8000-000000000001"
"""A nested stack in ARNs; its name begins with that of the stack around it."""
_KINDS: Mapping[str, _Kind] = {
    "AWS::ApiGateway::RestApi": _Kind("apigateway", "/restapis/{}", ""),
    "AWS::ApiGatewayV2::Api": _Kind("apigateway", "/apis/{}", ""),
    "AWS::CloudFormation::Stack": _Kind("cloudformation", _STACK, "", "arn"),
    "AWS::CloudWatch::Alarm": _Kind("cloudwatch", "alarm:{}", "AlarmName"),
    "AWS::Cognito::UserPool": _Kind("cognito-idp", "userpool/{}", ""),
    "AWS::DynamoDB::GlobalTable": _Kind("dynamodb", "table/{}", "TableName"),
    "AWS::DynamoDB::Table": _Kind("dynamodb", "table/{}", "TableName"),
    "AWS::ECR::Repository": _Kind("ecr", "repository/{}", "RepositoryName"),
    "AWS::EFS::AccessPoint": _Kind("elasticfilesystem", "access-point/{}", ""),
    "AWS::EFS::FileSystem": _Kind("elasticfilesystem", "file-system/{}", ""),
    "AWS::Events::EventBus": _Kind("events", "event-bus/{}"),
    "AWS::Events::Rule": _Kind("events", "rule/{}"),
    "AWS::IAM::Role": _Kind("iam", "role/{}", "RoleName"),
    "AWS::KMS::Key": _Kind("kms", "key/{}", ""),
    "AWS::Kinesis::Stream": _Kind("kinesis", "stream/{}"),
    "AWS::KinesisFirehose::DeliveryStream": _Kind("firehose", "deliverystream/{}", "DeliveryStreamName"),
    "AWS::Lambda::Function": _Kind("lambda", "function:{}", "FunctionName"),
    "AWS::Lambda::Url": _Kind("lambda", "function:{}", ""),
    "AWS::Logs::LogGroup": _Kind("logs", "log-group:{}:*", "LogGroupName"),
    "AWS::S3::Bucket": _Kind("s3", "{}", "BucketName"),
    "AWS::SNS::Topic": _Kind("sns", "{}", "TopicName", "arn"),
    "AWS::SQS::Queue": _Kind("sqs", "{}", "QueueName", "url"),
    "AWS::SSM::Parameter": _Kind("ssm", "parameter/{}"),
    "AWS::SecretsManager::Secret": _Kind("secretsmanager", "secret:{}-a1b2c3", "Name", "arn"),
    "AWS::Serverless::Api": _Kind("apigateway", "/restapis/{}", ""),
    "AWS::Serverless::Application": _Kind("cloudformation", _STACK, "", "arn"),
    "AWS::Serverless::Function": _Kind("lambda", "function:{}", "FunctionName"),
    "AWS::Serverless::HttpApi": _Kind("apigateway", "/apis/{}", ""),
    "AWS::Serverless::SimpleTable": _Kind("dynamodb", "table/{}", "TableName"),
    "AWS::Serverless::StateMachine": _Kind("states", "stateMachine:{}", "Name", "arn"),
    "AWS::StepFunctions::StateMachine": _Kind("states", "stateMachine:{}", "StateMachineName", "arn"),
}
_STAGES = {"AWS::Serverless::Api": "Prod", "AWS::Serverless::HttpApi": "$default"}
"""The APIs whose attribute `Stage` is the stage that SAM generates, with the name that the stage usually has."""
_GLOBAL = {"iam": ("", "{account}"), "s3": ("", "")}
"""Services whose ARNs have no region, or neither region nor account."""


class StandIns:
    """The stand-ins of a template with these `resources`. `used` has those that were asked for: what -> value."""

    def __init__(self, resources: Mapping[str, Any], given: Given) -> None:
        self._resources = resources
        self._given = given
        self.resolve: Callable[[Any], Any] | None = None
        """Resolves the name of a resource, to None if only AWS knows it. A scope sets this."""
        self.used: dict[str, str] = {}

    def parameter(self, name: str, definition: Mapping[str, Any]) -> str:
        """For a parameter without a value: the first one that it allows, else its name (1 for a number)."""
        allowed = definition.get("AllowedValues")
        value = name
        if isinstance(allowed, list) and allowed:
            first = allowed[0]
            value = str(first).lower() if isinstance(first, bool) else str(first)
        elif definition.get("Type") == "Number":
            value = str(definition.get("MinValue", 1))
        elif "Default" in definition:  # the name of a parameter in Systems Manager
            value = str(definition["Default"])
        return self._use(f"parameter {name}", value)

    def imported(self, name: str) -> str:
        """For `!ImportValue`: the name of the export."""
        return self._use(f"!ImportValue {name}", name)

    def reference(self, logical_id: str) -> str:
        """For `!Ref` of a resource."""
        owner, _, attribute = logical_id.partition(".")
        if attribute:  # a property that SAM makes referable
            return self.attribute(owner, attribute)
        kind, name = self._resource(logical_id)
        if self._type(logical_id) == "AWS::Lambda::Url":
            value = self._function_of_url(logical_id)
        else:
            value = {"arn": self._arn(kind, name), "url": self._url(name)}.get(kind.reference, name)
        return self._use(f"!Ref {logical_id}", value)

    def attribute(self, logical_id: str, attribute: str, value: str | None = None) -> str:
        """For `!GetAtt` of a resource; `value` is what it is if that is known, but has a stand-in in it."""
        if value is None:
            value = self._attribute(logical_id, attribute)
        return self._use(f"!GetAtt {logical_id}.{attribute}", value)

    def _attribute(self, logical_id: str, attribute: str) -> str:
        kind, name = self._resource(logical_id)
        if attribute in ("Arn", "TopicArn"):
            return self._arn(kind, name)
        if attribute == "StreamArn":
            return f"{self._arn(kind, name)}/stream/2024-01-01T00:00:00.000"
        if attribute == "QueueUrl":
            return self._url(name)
        if attribute in ("Name", "QueueName", "TopicName"):
            return name
        if attribute == "Stage" and self._type(logical_id) in _STAGES:
            return self._property(logical_id, "StageName") or _STAGES[self._type(logical_id)]
        if self._type(logical_id) == "AWS::Lambda::Url" and attribute == "FunctionArn":
            return self._function_of_url(logical_id)
        if self._type(logical_id) == "AWS::Lambda::Url" and attribute == "FunctionUrl":
            return f"https://{logical_id.lower()}.lambda-url.{self._given.region}.on.aws/"
        return f"{logical_id}.{attribute}"

    def _use(self, what: str, value: str) -> str:
        self.used[what] = value
        return value

    def _type(self, logical_id: str) -> str:
        resource = self._resources.get(logical_id)
        if resource is None:
            return generated_type(self._resources, logical_id)[0]
        return str(resource.get("Type", "")) if isinstance(resource, dict) else ""

    def _resource(self, logical_id: str) -> tuple[_Kind, str]:
        type_name = self._type(logical_id)
        kind = _KINDS.get(type_name) or _Kind(type_name.split("::")[1].lower() if "::" in type_name else "local")
        return kind, self._property(logical_id, kind.name) or logical_id

    def _property(self, logical_id: str, name: str) -> str | None:
        resource = self._resources.get(logical_id)
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        value = properties.get(name) if isinstance(properties, dict) else None
        if self.resolve is not None:
            value = self.resolve(value)
        return value if isinstance(value, str) else None

    def _function_of_url(self, logical_id: str) -> str:
        """The ARN of the function that has this URL."""
        target = self._property(logical_id, "TargetFunctionArn")
        owner = generated_type(self._resources, logical_id)[1]
        if target is None and self.resolve is not None:
            target = self.resolve({"Fn::GetAtt": [owner, "Arn"]})
        target = target if isinstance(target, str) else owner
        return target if target.startswith("arn:") else self._arn(_KINDS["AWS::Lambda::Function"], target)

    def _arn(self, kind: _Kind, name: str) -> str:
        region, account = _GLOBAL.get(kind.service, ("{region}", "{account}"))
        place = f"{region}:{account}".format(region=self._given.region, account=self._given.account)
        return f"arn:{self._given.partition}:{kind.service}:{place}:{kind.resource.format(name)}"

    def _url(self, name: str) -> str:
        return f"https://sqs.{self._given.region}.amazonaws.com/{self._given.account}/{name}"
