"""What of an OpenAPI document is not emulated: the extensions of API Gateway in it, and settings of its integrations.

Specification: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html. What
makes routes is read in `api_definitions.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from local_lambda.functions.api_property_names import APIS

PREFIX = "x-amazon-apigateway-"
INTEGRATION = f"{PREFIX}integration"
_API = {
    "binary-media-types": "BinaryMediaTypes",
    "gateway-responses": "GatewayResponses",
    "minimum-compression-size": "MinimumCompressionSize",
    "policy": "Policy",
    "request-validator": "Models",
}
"""Extensions of a whole API -> the property that says the same."""
_VALIDATOR = f"{PREFIX}request-validator"


def not_emulated_in(body: Mapping[str, Any], rest: bool) -> list[str]:
    """Each extension and setting once, with what happens instead, as `missing` names properties."""
    return list(dict.fromkeys(_found(body, rest)))


def _found(body: Mapping[str, Any], rest: bool) -> Iterator[str]:
    reasons = APIS["AWS::Serverless::Api"].not_emulated
    for extension, name in _API.items() if rest else ():
        if f"{PREFIX}{extension}" in body:
            yield f"{PREFIX}{extension} ({reasons[name]})"
    if not rest and f"{PREFIX}cors" in body:
        yield f"{PREFIX}cors (only CorsConfiguration of the API is read)"
    method = APIS["AWS::ApiGateway::Method"]
    settings = method.inside["Integration"] if rest else APIS["AWS::ApiGatewayV2::Integration"]
    for operation in _operations(body):
        if rest and _VALIDATOR in operation:
            yield f"{_VALIDATOR} ({method.not_emulated['RequestValidatorId']})"
        integration = operation.get(INTEGRATION)
        if isinstance(integration, dict) and str(integration.get("type")).lower() == "aws_proxy":
            for name in map(str, integration):
                why = settings.not_emulated.get(name[:1].upper() + name[1:])
                if why is not None:
                    yield f"{INTEGRATION}.{name} ({why})"


def _operations(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The operations of a document, and the integrations that they share as if each had its own operation."""
    paths = body.get("paths")
    for methods in paths.values() if isinstance(paths, dict) else ():
        yield from (each for each in methods.values() if isinstance(each, dict)) if isinstance(methods, dict) else ()
    components = body.get("components")
    shared = components.get(f"{INTEGRATION}s") if isinstance(components, dict) else None
    yield from ({INTEGRATION: each} for each in shared.values()) if isinstance(shared, dict) else ()
