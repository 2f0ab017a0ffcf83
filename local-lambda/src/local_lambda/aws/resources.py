"""Creates resources of a template in moto, from their properties with every reference resolved.

moto's own models know how CloudFormation writes each type, so they are asked to create it. This runs in moto's thread.
Types and return values: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-template-resource-type-ref.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib import import_module
from typing import Any, NamedTuple

from local_lambda.aws.targets import check_pattern, check_schedule
from local_lambda.functions.intrinsics import STACK

Properties = Mapping[str, Any]


class Kind(NamedTuple):
    """A type of resource: moto's service, and the property with a resource's name.

    `reference` is the attribute of moto's model that `!Ref` returns, `attributes` those that `!GetAtt` returns.
    """

    service: str
    name: str
    reference: str
    attributes: Mapping[str, str]


_TABLE = Kind("dynamodb", "TableName", "name", {"Arn": "table_arn", "StreamArn": "latest_stream_arn"})
_BUCKET = {
    "Arn": "arn",
    "DomainName": "domain_name",
    "DualStackDomainName": "dual_stack_domain_name",
    "RegionalDomainName": "regional_domain_name",
    "WebsiteURL": "website_url",
}
KINDS: Mapping[str, Kind] = {
    "AWS::DynamoDB::Table": _TABLE,
    "AWS::Events::EventBus": Kind("events", "Name", "name", {"Arn": "arn", "Name": "name"}),
    "AWS::Events::Rule": Kind("events", "Name", "name", {"Arn": "arn"}),
    "AWS::Kinesis::Stream": Kind("kinesis", "Name", "stream_name", {"Arn": "arn"}),
    "AWS::Logs::LogGroup": Kind("logs", "LogGroupName", "name", {"Arn": "log_group_arn"}),
    "AWS::S3::Bucket": Kind("s3", "BucketName", "name", _BUCKET),
    "AWS::SNS::Topic": Kind("sns", "TopicName", "arn", {"TopicArn": "arn", "TopicName": "name"}),
    "AWS::SQS::Queue": Kind("sqs", "QueueName", "", {"Arn": "queue_arn", "QueueName": "name", "QueueUrl": ""}),
    "AWS::SSM::Parameter": Kind("ssm", "Name", "name", {"Type": "parameter_type", "Value": "value"}),
    "AWS::SecretsManager::Secret": Kind("secretsmanager", "Name", "arn", {"Id": "arn"}),
    "AWS::Serverless::SimpleTable": _TABLE,
}
"""The types that are created. An empty attribute is the URL of a queue."""
NO_EFFECT = (
    "AWS::ApiGateway",
    "AWS::CDK::Metadata",
    "AWS::CloudFormation::WaitCondition",
    "AWS::IAM::",
    "AWS::Lambda::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Permission",
    "AWS::Lambda::Url",
    "AWS::Lambda::Version",
    "AWS::Lambda::WebFunction",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::Subscription",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Serverless::Api",
    "AWS::Serverless::Application",
    "AWS::Serverless::Connector",
    "AWS::Serverless::Function",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::WebFunction",
    "AWS::Serverless::WebSocketApi",
)
"""Beginnings of types that are served or named elsewhere, or only say who may do what, which is not checked here."""

_SHORTEST_BUCKET, _LONGEST_BUCKET = 3, 63
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html"""
_LONGEST_QUEUE = 80
"""https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html"""
_LONGEST_NAME = 255
"""The longest logical id, which other services take as a name."""


class Resource:
    """One resource in moto. `url` is the URL of the endpoint."""

    def __init__(self, kind: str, model: Any, url: str) -> None:
        self._kind = KINDS[kind]
        self._model = model
        self._url = url

    @property
    def reference(self) -> str:
        """What `!Ref` returns."""
        return str(self._read(self._kind.reference))

    def attribute(self, name: str) -> Any:
        """What `!GetAtt` returns; None if there is no such attribute here."""
        attribute = self._kind.attributes.get(name)
        return None if attribute is None else self._read(attribute)

    def _read(self, attribute: str) -> Any:
        if not attribute:
            return f"{self._url}/{self._model.account_id}/{self._model.name}"
        if attribute == "log_group_arn":  # of the group and all of its streams
            return f"{self._model.arn}:*"
        if attribute == "latest_stream_arn":
            return self._model.describe()["TableDescription"].get("LatestStreamArn")
        return getattr(self._model, attribute)


def create(kind: str, logical_id: str, properties: Properties, account: str, region: str) -> Any:
    """Create a resource; return moto's model of it. Raises what moto raises for properties that are wrong."""
    given = dict(properties)
    if kind == "AWS::Serverless::SimpleTable":
        kind, given = "AWS::DynamoDB::Table", _table(given)
    service, name_property, *_ = KINDS[kind]
    name = str(given.get(name_property) or _name(kind, logical_id, given))
    given[name_property] = name
    if kind == "AWS::Events::Rule" and "EventPattern" in given:
        check_pattern(given["EventPattern"])
    if kind == "AWS::Events::Rule" and "ScheduleExpression" in given:
        check_schedule(given["ScheduleExpression"])
    if kind == "AWS::SecretsManager::Secret":
        return _Secret(given, account, region)
    if kind == "AWS::SQS::Queue":
        del given[name_property]
        given = {key: _text(value) for key, value in given.items()}
    if kind == "AWS::SNS::Topic":
        given.pop("Subscription", None)  # `wiring.py` adds them when functions and queues are there
        given = {key: value if key == "Tags" else _text(value) for key, value in given.items()}
    if kind == "AWS::DynamoDB::Table" and "StreamSpecification" in given:
        given["StreamSpecification"] = {"StreamEnabled": True, **given["StreamSpecification"]}
    if kind == "AWS::SSM::Parameter" and isinstance(given.get("Tags"), dict):
        given["Tags"] = [{"Key": key, "Value": value} for key, value in given["Tags"].items()]
    model = _model(kind, service)
    created = model.create_from_cloudformation_json(name, {"Properties": given}, account, region)
    if kind == "AWS::S3::Bucket" and given.get("VersioningConfiguration", {}).get("Status") == "Enabled":
        created.versioning_status = "Enabled"
    return created


def _name(kind: str, logical_id: str, properties: Properties) -> str:
    """A name for a resource that has none: the logical id, in the form and length that the service permits."""
    if kind == "AWS::S3::Bucket":
        name = logical_id.lower()
        return _shortened(name if len(name) >= _SHORTEST_BUCKET else f"{STACK}-{name}", _LONGEST_BUCKET)
    fifo = str(properties.get("FifoQueue", properties.get("FifoTopic", ""))).lower() == "true"
    ending = ".fifo" if fifo else ""
    most = _LONGEST_QUEUE if kind == "AWS::SQS::Queue" else _LONGEST_NAME
    return _shortened(logical_id, most - len(ending)) + ending


def _shortened(name: str, most: int) -> str:
    """The name if it is not too long, else its beginning and a digest that makes it unique, as CloudFormation does."""
    return name if len(name) <= most else f"{name[: most - 13]}-{sha256(name.encode()).hexdigest()[:12]}"


def _text(value: Any) -> Any:
    """A property as the service's own API takes it: texts, and JSON for a mapping."""
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else value


def _table(properties: Properties) -> dict[str, Any]:
    """A table as `AWS::Serverless::SimpleTable` describes it: one key, on demand unless it says otherwise."""
    key = {"Name": "id", "Type": "String", **properties.get("PrimaryKey", {})}
    throughput = properties.get("ProvisionedThroughput")
    return {
        **({"TableName": properties["TableName"]} if "TableName" in properties else {}),
        "KeySchema": [{"AttributeName": key["Name"], "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": key["Name"], "AttributeType": key["Type"][0]}],
        **({"ProvisionedThroughput": throughput} if throughput else {"BillingMode": "PAY_PER_REQUEST"}),
    }


def _model(kind: str, service: str) -> Any:
    from moto.core.common_models import CloudFormationModel

    import_module(f"moto.{service}.models")
    return next(model for model in _subclasses(CloudFormationModel) if model.cloudformation_type() == kind)


def _subclasses(model: Any) -> Iterator[Any]:
    for subclass in model.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


class _Secret:
    """A secret, which moto's CloudFormation does not know."""

    def __init__(self, properties: Properties, account: str, region: str) -> None:
        from moto.secretsmanager.models import secretsmanager_backends

        backend = secretsmanager_backends[account][region]
        text = properties.get("SecretString")
        wish = properties.get("GenerateSecretString")
        if text is None and wish is not None:
            text = _generated(backend, wish)
        answer = backend.create_secret(
            name=properties["Name"],
            secret_string=text,
            secret_binary=None,
            description=properties.get("Description"),
            tags=properties.get("Tags"),
            kms_key_id=properties.get("KmsKeyId"),
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        self.arn: str = json.loads(answer)["ARN"]


def _generated(backend: Any, wish: Mapping[str, Any]) -> str:
    password = backend.get_random_password(
        password_length=int(wish.get("PasswordLength", 32)),
        exclude_characters=wish.get("ExcludeCharacters", ""),
        exclude_numbers=bool(wish.get("ExcludeNumbers", False)),
        exclude_punctuation=bool(wish.get("ExcludePunctuation", False)),
        exclude_uppercase=bool(wish.get("ExcludeUppercase", False)),
        exclude_lowercase=bool(wish.get("ExcludeLowercase", False)),
        include_space=bool(wish.get("IncludeSpace", False)),
        require_each_included_type=bool(wish.get("RequireEachIncludedType", True)),
    )
    password = json.loads(password)["RandomPassword"]
    key = wish.get("GenerateStringKey")
    return json.dumps({**json.loads(wish.get("SecretStringTemplate", "{}")), key: password}) if key else str(password)
