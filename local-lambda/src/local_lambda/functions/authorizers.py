"""Authorizers of APIs that are written as API Gateway's resources, or in an OpenAPI document.

Specification: https://docs.aws.amazon.com/apigateway/latest/developerguide/
api-gateway-swagger-extensions-authorizer.html and the CloudFormation pages of `AWS::ApiGateway::Authorizer` and
`AWS::ApiGatewayV2::Authorizer`. Their members have the same names, apart from the first letter and `AuthorizerType`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local_lambda.functions.config import Authorizer
from local_lambda.functions.properties import Properties

REST_TTL_SECONDS = 300
"""How long a REST API keeps decisions, unless the authorizer says otherwise; an HTTP API keeps none."""
MAX_TTL_SECONDS = 3600
EXTENSION = "x-amazon-apigateway-authorizer"
FUNCTION_IN = re.compile(r":function:([a-zA-Z0-9_-]{1,64})").search
"""Finds the name of the function in its ARN, or in a URI of API Gateway that has the ARN."""
_AUTHTYPE = "x-amazon-apigateway-authtype"
RESOURCES = {"AWS::ApiGateway::Authorizer": True, "AWS::ApiGatewayV2::Authorizer": False}
"""Type -> whether it is of a REST API."""
_SOURCE = re.compile(r"\$?(?:method\.)?(?:request\.)?(header|querystring|context|stageVariables)\.(.+)").fullmatch


def is_api_key(name: str, schemes: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a security scheme of a REST API asks for an API key, not for an authorizer or a signature.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions-authtype.html. AWS SAM
    adds `api_key` itself.
    """
    scheme = schemes.get(name, {"type": "apiKey"} if name == "api_key" else {})
    return scheme.get("type") == "apiKey" and EXTENSION not in scheme and _AUTHTYPE not in scheme


def of_scheme(scheme: Mapping[str, Any]) -> dict[str, Any]:
    """The properties that a resource would have, for a security scheme of an OpenAPI document."""
    extension = scheme.get(EXTENSION)
    members = extension if isinstance(extension, dict) else {}
    written = {str(name)[:1].upper() + str(name)[1:]: value for name, value in members.items()}
    if scheme.get("in") == "header" and "name" in scheme:
        written.setdefault("IdentitySource", f"method.request.header.{scheme['name']}")
    return written


def read_authorizer(properties: Properties, function: str, rest: bool) -> Authorizer:
    """The Lambda authorizer that asks `function`. Raises UsageError for settings that API Gateway would reject."""
    ttl = properties.integer(
        "AuthorizerResultTtlInSeconds", REST_TTL_SECONDS if rest else 0, 0, MAX_TTL_SECONDS, "seconds"
    )
    written = properties.any("IdentitySource")
    listed = written if isinstance(written, list) else str(written or "").split(",")
    sources = tuple(_source(properties, str(each).strip()) for each in listed if str(each).strip())
    if rest and (properties.string("Type") or "").upper() == "TOKEN":
        validation = properties.string("IdentityValidationExpression")
        check_expression(properties, "IdentityValidationExpression", validation)
        return Authorizer(function, sources or ("header.Authorization",), True, validation, ttl=ttl)
    version = "1.0" if rest else properties.one_of("AuthorizerPayloadFormatVersion", ("1.0", "2.0"), "1.0")
    simple = properties.one_of("EnableSimpleResponses", ("true", "false"), "false") == "true"
    return Authorizer(function, sources, payload_format=version, simple=simple, ttl=ttl if sources else 0)


def check_expression(properties: Properties, name: str, expression: str | None) -> None:
    """Raises UsageError if the property `name` is not a regular expression."""
    try:
        re.compile(expression or "")
    except re.error as error:
        raise properties.wrong(name, f"is not a regular expression: {error}") from None


def _source(properties: Properties, written: str) -> str:
    """`header.NAME` for `method.request.header.NAME` and `$request.header.NAME`."""
    match = _SOURCE(written)
    if match is None:
        raise properties.cannot("IdentitySource", f"{written} is not emulated, only headers and the query string")
    return f"{match[1]}.{match[2]}"
