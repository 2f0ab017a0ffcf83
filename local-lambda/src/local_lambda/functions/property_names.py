"""Every property that a function can have in a template: served, without an effect here, or not emulated.

A test compares these names with the schema of `AWS::Lambda::Function`, so that a new property is not forgotten. SAM:
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-function.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

SERVED = frozenset(
    """
    Architectures AutoPublishAlias Code CodeUri DeadLetterConfig DeadLetterQueue Environment EphemeralStorage
    EventInvokeConfig Events FunctionName FunctionUrlConfig Handler ImageConfig ImageUri InlineCode Layers
    LoggingConfig MemorySize PackageType ProvisionedConcurrencyConfig ReservedConcurrentExecutions Runtime
    TenancyConfig Timeout Tracing TracingConfig
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
    "DurableConfig": "invocations are not durable",
    "FileSystemConfigs": "nothing is mounted",
    "FunctionScalingConfig": "environments start on demand",
    "PublishToLatestPublished": "there are no versions",
    "RecursiveLoop": "loops are not detected",
    "SnapStart": "the function starts cold",
    "VpcConfig": "the function has the network of this machine",
}
ROUTES = frozenset({"Api", "HttpApi"})
"""The types of events that are served without a local AWS endpoint."""


def not_emulated(properties: Mapping[str, Any]) -> Iterator[str]:
    """What of a function's properties has no effect here although it has one on AWS, each with what happens instead."""
    for name in properties:
        if name in NOT_EMULATED:
            yield f"{name} ({NOT_EMULATED[name]})"
        elif name not in SERVED and name not in WITHOUT_EFFECT:
            yield f"{name} (not a known property)"


def other_events(properties: Mapping[str, Any]) -> Iterator[str]:
    """What needs a local AWS endpoint: events, with their types, and where records and events that fail are sent."""
    events = properties.get("Events")
    for name, event in events.items() if isinstance(events, dict) else ():
        kind = event.get("Type") if isinstance(event, dict) else None
        if kind not in ROUTES:
            yield f"{name} ({kind})"
    event_invoke = properties.get("EventInvokeConfig")
    if isinstance(event_invoke, dict) and event_invoke.get("DestinationConfig"):
        yield "DestinationConfig"
    yield from (name for name in ("DeadLetterConfig", "DeadLetterQueue") if properties.get(name))
