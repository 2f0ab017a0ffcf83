"""Types and attributes of resources that do not exist: CloudFormation refuses the template, in its words.

Specification: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resources-section-structure.html and the
attributes that cfn-lint lists. AWS SAM ignores attributes that it does not know
(samtranslator/model/__init__.py of https://github.com/aws/serverless-application-model, 1.115.0).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from local_lambda.functions.api_property_names import APIS, WITHOUT_EFFECT_ON_CALLS
from local_lambda.functions.template_globals import PREFIX
from local_lambda.functions.transforms import TRANSFORM

ATTRIBUTES = frozenset(
    """
    Condition Connectors CreationPolicy DeletionPolicy DependsOn IgnoreGlobals Metadata Properties Type UpdatePolicy
    UpdateReplacePolicy Version
    """.split()
)
_OF_LAMBDA = """
    Alias CapacityProvider CodeSigningConfig EventInvokeConfig EventSourceMapping Function LayerVersion
    LayerVersionPermission MicrovmImage NetworkConnector Permission ResourcePolicy Url Version WebFunction
    WebFunctionEndpoint WebFunctionRevision
"""
_OF_SAM = """
    Api Application CapacityProvider Connector Function GraphQLApi HttpApi LayerVersion MicrovmImage NetworkConnector
    SimpleTable StateMachine WebFunction WebSocketApi
"""
TYPES = frozenset(
    {
        *(f"AWS::Lambda::{name}" for name in _OF_LAMBDA.split()),
        *(f"{PREFIX}{name}" for name in _OF_SAM.split()),
        *APIS,
        *WITHOUT_EFFECT_ON_CALLS,
    }
)
"""All types of the namespaces that are listed completely."""
_LISTED = ("AWS::ApiGateway::", "AWS::ApiGatewayV2::", "AWS::Lambda::", PREFIX)
_FORM = re.compile(r"[a-zA-Z0-9]+(::[a-zA-Z0-9]+){2}(::MODULE)?|Custom::[a-zA-Z0-9_@-]+").fullmatch


def unrecognized(resources: Mapping[Any, Any]) -> Iterator[str]:
    """A line for each resource that CloudFormation refuses the template for, and for attributes that SAM ignores."""
    for logical_id, resource in resources.items():
        if logical_id == TRANSFORM:
            continue
        where = f"Template format error: [/Resources/{logical_id}]"
        if not isinstance(resource, dict):
            yield f"{logical_id}: {where} resource definition is malformed; give it a Type and Properties"
            continue
        kind = resource.get("Type")
        if kind is None:
            yield f"{logical_id}: {where} Every Resources object must contain a Type member; add its Type"
        elif not exists(str(kind)):
            yield f"{logical_id}: Template format error: Unrecognized resource types: [{kind}]; correct its Type"
        for name in resource:
            if name not in ATTRIBUTES and name != TRANSFORM:
                what = f"Template validation error: Invalid template resource property '{name}'"
                if str(kind).startswith(PREFIX):
                    what = f"AWS SAM ignores the attribute {name}, which resources do not have"
                yield f"{logical_id}: {what}; correct the name, or move it into Properties"


def exists(kind: str) -> bool:
    """Whether there is such a type, as far as its namespace is listed; else whether it has the form of one."""
    return kind in TYPES or (not kind.startswith(_LISTED) and bool(_FORM(kind)))
