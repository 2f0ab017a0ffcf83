"""Every property that functions, and the resources around them, can have in a template.

Each is served, has no effect here, or is not emulated and named at the start. A test compares these names with the
schemas of `AWS::Lambda::*`, so that a new property is not forgotten. SAM:
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_lambda.functions.api_property_names import APIS, CORS, ROUTE_EVENTS, Names, missing, names

SERVED = frozenset(
    """
    Architectures AutoPublishAlias Code CodeUri DeadLetterConfig DeadLetterQueue Environment EphemeralStorage
    DurableConfig EventInvokeConfig Events FunctionName FunctionUrlConfig Handler ImageConfig ImageUri InlineCode
    Layers LoggingConfig MemorySize PackageType ProvisionedConcurrencyConfig ReservedConcurrentExecutions Runtime
    SnapStart TenancyConfig Timeout Tracing TracingConfig
    """.split()
)
WITHOUT_EFFECT = frozenset(
    """
    AssumeRolePolicyDocument AutoPublishAliasAllProperties AutoPublishCodeSha256 Description KmsKeyArn
    PermissionsBoundary Policies PropagateTags Role RolePath RuntimeManagementConfig SourceKMSKeyArn Tags
    VersionDeletionPolicy VersionDescription
    """.split()
)
"""What describes a function, or what it may do on AWS: nothing here asks for permission or encrypts."""
NOT_EMULATED: Mapping[str, str] = {
    "CapacityProviderConfig": "the function runs on this machine",
    "CodeSigningConfigArn": "signatures are not checked",
    "DeploymentPreference": "changes take effect at once",
    "FileSystemConfigs": "nothing is mounted",
    "FunctionScalingConfig": "environments start on demand",
    "PublishToLatestPublished": "there is no $LATEST.PUBLISHED",
    "RecursiveLoop": "loops are not detected",
    "VpcConfig": "the function has the network of this machine",
}
_DESTINATIONS = names("")._replace(inside={end: names("Destination Type") for end in ("OnFailure", "OnSuccess")})
_DESTINATIONS_OF_RESOURCE = names("")._replace(inside={end: names("Destination") for end in ("OnFailure", "OnSuccess")})
INSIDE: Mapping[str, Names] = {
    "DeadLetterConfig": names("TargetArn"),
    "DeadLetterQueue": names("TargetArn Type"),
    "DurableConfig": names("ExecutionTimeout RetentionPeriodInDays", "KMSKeyArn"),
    "Environment": names("Variables"),
    "EphemeralStorage": names("Size"),
    "EventInvokeConfig": names("MaximumEventAgeInSeconds MaximumRetryAttempts")._replace(
        inside={"DestinationConfig": _DESTINATIONS}
    ),
    "FunctionUrlConfig": names("AuthType InvokeMode")._replace(inside={"Cors": CORS}),
    "ImageConfig": names("Command EntryPoint", WorkingDirectory="it starts in the folder of its code"),
    "LoggingConfig": names("ApplicationLogLevel LogFormat LogGroup SystemLogLevel"),
    "ProvisionedConcurrencyConfig": names("ProvisionedConcurrentExecutions"),
    "SnapStart": names("ApplyOn"),
    "TenancyConfig": names("TenantIsolationMode"),
    "TracingConfig": names("Mode"),
}
"""The properties inside those that are served."""
ONLY_PLAIN: Mapping[str, str] = {"Code": "CodeUri", "DeadLetterConfig": "DeadLetterQueue", "TracingConfig": "Tracing"}
"""The properties that `AWS::Lambda::Function` has and SAM's does not, each with what SAM's has instead."""
ONLY_SERVERLESS: Mapping[str, str] = {
    "AssumeRolePolicyDocument": "",
    "AutoPublishAlias": "AWS::Lambda::Alias",
    "AutoPublishAliasAllProperties": "",
    "AutoPublishCodeSha256": "",
    "CodeUri": "Code",
    "DeadLetterQueue": "DeadLetterConfig",
    "DeploymentPreference": "",
    "EventInvokeConfig": "AWS::Lambda::EventInvokeConfig",
    "Events": "AWS::Lambda::EventSourceMapping",
    "FunctionUrlConfig": "AWS::Lambda::Url",
    "ImageUri": "Code",
    "InlineCode": "Code",
    "PermissionsBoundary": "",
    "Policies": "",
    "PropagateTags": "",
    "ProvisionedConcurrencyConfig": "AWS::Lambda::Alias",
    "RolePath": "",
    "SourceKMSKeyArn": "Code",
    "Tracing": "TracingConfig",
    "VersionDeletionPolicy": "",
    "VersionDescription": "",
}
"""The properties that only `AWS::Serverless::Function` has."""
_FUNCTION = Names(SERVED - set(INSIDE), WITHOUT_EFFECT, NOT_EMULATED, INSIDE)
ROUTES = frozenset({"Api", "HttpApi"})
"""The types of events that are served without a local AWS endpoint."""
AWS_EVENTS = frozenset("CloudWatchEvent DynamoDB EventBridgeRule Kinesis S3 SNS SQS Schedule ScheduleV2".split())
"""The types that are served with it."""
EVENTS = (
    ROUTES
    | AWS_EVENTS
    | frozenset("AlexaSkill CloudWatchLogs Cognito DocumentDB IoTRule MQ MSK SelfManagedKafka".split())
)
"""All types that AWS SAM has."""
NOT_SERVED, NOT_KNOWN = ": not served)", ": not a known event type)"
"""How `other_events` ends what is not served at all."""

AROUND: Mapping[str, Names] = {
    **APIS,
    "AWS::Lambda::Alias": names(
        "FunctionName FunctionVersion Name",
        "Description",
        ProvisionedConcurrencyConfig="its environments start on demand",
    )._replace(inside={"RoutingConfig": names("AdditionalVersionWeights")}),
    "AWS::Lambda::EventInvokeConfig": names(
        "FunctionName MaximumEventAgeInSeconds MaximumRetryAttempts Qualifier"
    )._replace(inside={"DestinationConfig": _DESTINATIONS_OF_RESOURCE}),
    "AWS::Lambda::LayerVersion": names(
        "Content", "CompatibleArchitectures CompatibleRuntimes Description LayerName LicenseInfo"
    ),
    "AWS::Lambda::Url": names("AuthType InvokeMode Qualifier TargetFunctionArn")._replace(inside={"Cors": CORS}),
    "AWS::Lambda::Version": names(
        "FunctionName",
        "CodeSha256 Description",
        FunctionScalingConfig="its environments start on demand",
        ProvisionedConcurrencyConfig="its environments start on demand",
        RuntimePolicy="it runs on the interpreter of this machine",
    ),
    "AWS::Serverless::LayerVersion": names(
        "ContentUri",
        """
        CompatibleArchitectures CompatibleRuntimes Description LayerName LicenseInfo PublishLambdaVersion
        RetentionPolicy
        """,
    ),
}


def of_other_type(serverless: bool) -> Mapping[str, str]:
    """The properties that a type of functions does not have and the other one has, with what to use instead."""
    return ONLY_PLAIN if serverless else ONLY_SERVERLESS


def foreign(properties: Mapping[str, Any], serverless: bool) -> Iterator[str]:
    """The properties that only the other type of functions has: CloudFormation, or AWS SAM, refuses them."""
    kind = "AWS::Serverless::Function" if serverless else "AWS::Lambda::Function"
    for name, instead in of_other_type(serverless).items():
        if name in properties:
            yield f"{name} (not a property of {kind}{f'; use {instead}' if instead else ''})"


def not_emulated(properties: Mapping[str, Any], image: bool = False) -> Iterator[str]:
    """What of a function's properties has no effect here although it has one on AWS, each with what happens instead.

    `image` says whether its package is one.
    """
    yield from missing(_FUNCTION, properties)
    if "ImageConfig" in properties and not image:
        yield "ImageConfig without PackageType: Image (the function has a handler and a runtime)"
    runtime = properties.get("RuntimeManagementConfig")
    if isinstance(runtime, dict) and runtime.get("UpdateRuntimeOn") == "Manual":
        yield "RuntimeManagementConfig (it runs on the interpreter of this machine)"
    events = properties.get("Events")
    yield from _not_emulated_of_events(events) if isinstance(events, dict) else ()
    snapped = properties.get("SnapStart") == {"ApplyOn": "PublishedVersions"}
    if snapped and "CodeUri" in properties and "AutoPublishAlias" not in properties:
        yield "SnapStart without AutoPublishAlias (it is for published versions, and $LATEST starts cold)"
    if "ProvisionedConcurrencyConfig" in properties and "AutoPublishAlias" not in properties:
        yield "ProvisionedConcurrencyConfig without AutoPublishAlias (served here, and refused by AWS SAM)"


def not_emulated_around(kind: str, properties: Mapping[str, Any]) -> Iterator[str]:
    """The same of a resource of a type in `AROUND`."""
    yield from missing(AROUND[kind], properties)


def _not_emulated_of_events(events: Mapping[str, Any]) -> Iterator[str]:
    """The same of the events that are routes."""
    for event_name, event in events.items():
        kind = event.get("Type") if isinstance(event, dict) else None
        properties = event.get("Properties") if isinstance(event, dict) else None
        if kind not in ROUTES or not isinstance(properties, dict):
            continue
        yield from (f"Events.{event_name}.{each}" for each in missing(ROUTE_EVENTS[kind], properties))


def other_events(properties: Mapping[str, Any]) -> Iterator[str]:
    """What needs a local AWS endpoint: events, with their types, and where records and events that fail are sent.

    Events of other types are among them, so that they are named.
    """
    events = properties.get("Events")
    for name, event in events.items() if isinstance(events, dict) else ():
        kind = event.get("Type") if isinstance(event, dict) else None
        if kind not in ROUTES:
            yield f"{name} ({kind}" + (")" if kind in AWS_EVENTS else NOT_SERVED if kind in EVENTS else NOT_KNOWN)
    event_invoke = properties.get("EventInvokeConfig")
    if isinstance(event_invoke, dict) and event_invoke.get("DestinationConfig"):
        yield "DestinationConfig"
    if properties.get("DurableConfig"):
        yield "DurableConfig"
    yield from (name for name in ("DeadLetterConfig", "DeadLetterQueue") if properties.get(name))
