"""From a Powertools `Response` to the dict that API Gateway and load balancers take from a function."""

from __future__ import annotations

import base64
from typing import Any, Dict, Optional

from ._conversions import make_plain
from ._responses import ResponseType


def find_type(event: Any) -> ResponseType:
    """Return who sent event: HTTP APIs and function URLs write `version`, load balancers `requestContext.elb`."""
    if str(event.get("version", "")).startswith("2."):
        return ResponseType.API_GATEWAY_HTTP
    if "elb" in (event.get("requestContext") or {}):
        return ResponseType.ALB
    return ResponseType.API_GATEWAY_REST


def make_proxy_response(response: Any, event: Any, response_type: Optional[ResponseType]) -> Dict[str, Any]:
    """Return statusCode, body, isBase64Encoded and the headers in the form that the sender of event understands.

    Args:
        response: A `Response` of Powertools.
        event: The event of the invocation, as dict or as a data class of Powertools.
        response_type: Who gets the response; None finds it out from event.
    """
    from aws_lambda_powertools.utilities.data_classes import ALBEvent, APIGatewayProxyEvent, APIGatewayProxyEventV2

    raw = getattr(event, "raw_event", event)
    raw = raw if isinstance(raw, dict) else {}
    data_class = {
        ResponseType.API_GATEWAY_REST: APIGatewayProxyEvent,
        ResponseType.API_GATEWAY_HTTP: APIGatewayProxyEventV2,
        ResponseType.ALB: ALBEvent,
    }[response_type or find_type(raw)]
    headers = dict(response.headers)
    cookies = list(response.cookies)
    if data_class is APIGatewayProxyEventV2:
        # There, several values of a header are joined by commas, which cookies do not survive.
        for name in [name for name in headers if name.lower() == "set-cookie"]:
            value = headers.pop(name)
            cookies.extend([value] if isinstance(value, str) else value)
    body, is_encoded = response.body, bool(response.base64_encoded)
    if isinstance(body, (bytes, bytearray)):
        body, is_encoded = base64.b64encode(body).decode(), True
    serialized = data_class(raw).header_serializer().serialize(headers=headers, cookies=cookies)
    return {
        "statusCode": int(response.status_code),
        "body": body,
        "isBase64Encoded": is_encoded,
        **make_plain(serialized),
    }
