"""Every property that functions, and the resources around them, can have in a template.

Each is served, has no effect here, or is not emulated and named at the start. A test compares these names with the
schemas of `AWS::Lambda::*`, so that a new property is not forgotten. SAM:
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

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
    "PublishToLatestPublished": "there are no versions",
    "RecursiveLoop": "loops are not detected",
    "VpcConfig": "the function has the network of this machine",
}
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


class Names(NamedTuple):
    """The properties of one type of resource; those that are not emulated with what happens instead."""

    served: frozenset[str]
    without_effect: frozenset[str] = frozenset()
    not_emulated: Mapping[str, str] = {}


def _names(served: str, without_effect: str = "", **not_emulated: str) -> Names:
    return Names(frozenset(served.split()), frozenset(without_effect.split()), not_emulated)


AROUND: Mapping[str, Names] = {
    "AWS::Lambda::Alias": _names(
        "FunctionName FunctionVersion Name RoutingConfig",
        "Description",
        ProvisionedConcurrencyConfig="its environments start on demand",
    ),
    "AWS::Lambda::EventInvokeConfig": _names(
        "DestinationConfig FunctionName MaximumEventAgeInSeconds MaximumRetryAttempts Qualifier"
    ),
    "AWS::Lambda::LayerVersion": _names(
        "Content", "CompatibleArchitectures CompatibleRuntimes Description LayerName LicenseInfo"
    ),
    "AWS::Lambda::Url": _names("AuthType Cors InvokeMode Qualifier TargetFunctionArn"),
    "AWS::Lambda::Version": _names(
        "FunctionName",
        "CodeSha256 Description",
        FunctionScalingConfig="its environments start on demand",
        ProvisionedConcurrencyConfig="its environments start on demand",
        RuntimePolicy="it runs on the interpreter of this machine",
    ),
    "AWS::Serverless::Api": _names(
        "Auth Cors DefinitionBody DefinitionUri",
        """
        AccessLogSetting AlwaysDeploy ApiKeySourceType CanarySetting Description DisableExecuteApiEndpoint
        EndpointConfiguration FailOnWarnings MergeDefinitions MethodSettings Mode Name OpenApiVersion Policy
        PropagateTags SecurityPolicy StageName Tags TracingEnabled
        """,
        BinaryMediaTypes="a body that is not UTF-8 counts as binary",
        CacheClusterEnabled="responses are not cached",
        CacheClusterSize="responses are not cached",
        Domain="it has no name",
        GatewayResponses="its error responses are the usual ones",
        MinimumCompressionSize="responses are not compressed",
        Models="requests are not validated",
        Variables="there are no stage variables",
    ),
    "AWS::Serverless::HttpApi": _names(
        "Auth CorsConfiguration DefinitionBody DefinitionUri",
        """
        AccessLogSettings DefaultRouteSettings Description DisableExecuteApiEndpoint FailOnWarnings Name PropagateTags
        RouteSettings StageName Tags
        """,
        Domain="it has no name",
        StageVariables="there are no stage variables",
    ),
    "AWS::Serverless::LayerVersion": _names(
        "ContentUri",
        """
        CompatibleArchitectures CompatibleRuntimes Description LayerName LicenseInfo PublishLambdaVersion
        RetentionPolicy
        """,
    ),
}

ROUTE_EVENTS: Mapping[str, Names] = {
    "Api": _names(
        "Auth Method Path RestApiId",
        RequestModel="requests are not validated",
        RequestParameters="requests are not validated",
        ResponseTransferMode="responses are buffered",
        TimeoutInMillis="the function's timeout counts",
    ),
    "HttpApi": _names(
        "ApiId Auth Method Path PayloadFormatVersion",
        "RouteSettings",
        TimeoutInMillis="the function's timeout counts",
    ),
}
"""The properties of the events that are routes:
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-api.html."""
AUTH = _names(
    "Authorizer",
    "InvokeRole OverrideApiAuth",
    ApiKeyRequired="API keys are not checked",
    AuthorizationScopes="scopes are not checked",
    ResourcePolicy="policies are not checked",
)
"""The properties of `Auth` in such an event."""


def not_emulated(properties: Mapping[str, Any]) -> Iterator[str]:
    """What of a function's properties has no effect here although it has one on AWS, each with what happens instead."""
    for name in properties:
        if name in NOT_EMULATED:
            yield f"{name} ({NOT_EMULATED[name]})"
        elif name not in SERVED and name not in WITHOUT_EFFECT:
            yield f"{name} (not a known property)"
    events = properties.get("Events")
    yield from _not_emulated_of_events(events) if isinstance(events, dict) else ()
    snapped = properties.get("SnapStart") == {"ApplyOn": "PublishedVersions"}
    if snapped and "CodeUri" in properties and "AutoPublishAlias" not in properties:
        yield "SnapStart without AutoPublishAlias (it is for published versions, and $LATEST starts cold)"
    if "ProvisionedConcurrencyConfig" in properties and "AutoPublishAlias" not in properties:
        yield "ProvisionedConcurrencyConfig without AutoPublishAlias (served here, and refused by AWS SAM)"


def not_emulated_around(kind: str, properties: Mapping[str, Any]) -> Iterator[str]:
    """The same of a resource of a type in `AROUND`."""
    yield from _missing(AROUND[kind], properties)


def _not_emulated_of_events(events: Mapping[str, Any]) -> Iterator[str]:
    """The same of the events that are routes."""
    for event_name, event in events.items():
        kind = event.get("Type") if isinstance(event, dict) else None
        properties = event.get("Properties") if isinstance(event, dict) else None
        if kind not in ROUTES or not isinstance(properties, dict):
            continue
        auth = properties.get("Auth")
        found = [*_missing(ROUTE_EVENTS[kind], properties)]
        found += [f"Auth.{each}" for each in _missing(AUTH, auth)] if isinstance(auth, dict) else []
        yield from (f"Events.{event_name}.{each}" for each in found)


def _missing(names: Names, properties: Mapping[str, Any]) -> Iterator[str]:
    for name in properties:
        if name in names.not_emulated:
            yield f"{name} ({names.not_emulated[name]})"
        elif name not in names.served and name not in names.without_effect:
            yield f"{name} (not a known property)"


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
