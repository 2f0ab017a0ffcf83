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


class _Kind(NamedTuple):
    """How resources of one type are called: the property with the name, and what an ARN says after the account."""

    service: str
    resource: str = "{}"
    name: str = "Name"
    reference: str = "name"
    """What `!Ref` returns: `name`, `arn` or `url`."""


_KINDS: Mapping[str, _Kind] = {
    "AWS::ApiGateway::RestApi": _Kind("apigateway", "/restapis/{}", ""),
    "AWS::ApiGatewayV2::Api": _Kind("apigateway", "/apis/{}", ""),
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
    "AWS::Logs::LogGroup": _Kind("logs", "log-group:{}:*", "LogGroupName"),
    "AWS::S3::Bucket": _Kind("s3", "{}", "BucketName"),
    "AWS::SNS::Topic": _Kind("sns", "{}", "TopicName", "arn"),
    "AWS::SQS::Queue": _Kind("sqs", "{}", "QueueName", "url"),
    "AWS::SSM::Parameter": _Kind("ssm", "parameter/{}"),
    "AWS::SecretsManager::Secret": _Kind("secretsmanager", "secret:{}-a1b2c3", "Name", "arn"),
    "AWS::Serverless::Api": _Kind("apigateway", "/restapis/{}", ""),
    "AWS::Serverless::Function": _Kind("lambda", "function:{}", "FunctionName"),
    "AWS::Serverless::HttpApi": _Kind("apigateway", "/apis/{}", ""),
    "AWS::Serverless::SimpleTable": _Kind("dynamodb", "table/{}", "TableName"),
    "AWS::Serverless::StateMachine": _Kind("states", "stateMachine:{}", "Name", "arn"),
    "AWS::StepFunctions::StateMachine": _Kind("states", "stateMachine:{}", "StateMachineName", "arn"),
}
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
        kind, name = self._resource(logical_id)
        value = {"arn": self._arn(kind, name), "url": self._url(name)}.get(kind.reference, name)
        return self._use(f"!Ref {logical_id}", value)

    def attribute(self, logical_id: str, attribute: str) -> str:
        """For `!GetAtt` of a resource."""
        kind, name = self._resource(logical_id)
        if attribute in ("Arn", "TopicArn"):
            value = self._arn(kind, name)
        elif attribute == "StreamArn":
            value = f"{self._arn(kind, name)}/stream/2024-01-01T00:00:00.000"
        elif attribute == "QueueUrl":
            value = self._url(name)
        elif attribute in ("Name", "QueueName", "TopicName"):
            value = name
        else:
            value = f"{logical_id}.{attribute}"
        return self._use(f"!GetAtt {logical_id}.{attribute}", value)

    def _use(self, what: str, value: str) -> str:
        self.used[what] = value
        return value

    def _resource(self, logical_id: str) -> tuple[_Kind, str]:
        resource = self._resources.get(logical_id)
        resource = resource if isinstance(resource, dict) else {}
        type_name = str(resource.get("Type", ""))
        kind = _KINDS.get(type_name) or _Kind(type_name.split("::")[1].lower() if "::" in type_name else "local")
        properties = resource.get("Properties")
        name = properties.get(kind.name) if isinstance(properties, dict) else None
        if self.resolve is not None:
            name = self.resolve(name)
        return kind, name if isinstance(name, str) and name else logical_id

    def _arn(self, kind: _Kind, name: str) -> str:
        region, account = _GLOBAL.get(kind.service, ("{region}", "{account}"))
        place = f"{region}:{account}".format(region=self._given.region, account=self._given.account)
        return f"arn:{self._given.partition}:{kind.service}:{place}:{kind.resource.format(name)}"

    def _url(self, name: str) -> str:
        return f"https://sqs.{self._given.region}.amazonaws.com/{self._given.account}/{name}"
