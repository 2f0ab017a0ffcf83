"""The same work for callers who speak HTTP: Amazon API Gateway turns each request into an event for this handler."""

import base64
import json
import logging
from typing import Any, Dict

from app.greeting import InvalidRequest, SimpleException, process_request

logger = logging.getLogger(__name__)


def lambda_handler(event: Any, context: Any) -> Dict[str, Any]:
    """Turn an HTTP request into a call of process_request, and its result into a status, headers and a body."""
    try:
        return http_response(200, process_request(read_body(event)))
    except InvalidRequest as error:
        return http_response(400, {"error": str(error)})
    except SimpleException as error:
        # Left alone, it would reach the client as API Gateway's bare 502. Caught, Lambda does not log it: so log it.
        logger.exception("Answered with status 500")
        return http_response(500, {"error": str(error)})
    # Any other exception is a bug in this code. It goes through to Lambda, which counts it as a function error.


def read_body(event: Any) -> Any:
    """Return the JSON the HTTP client sent; REST APIs and HTTP APIs of API Gateway keep it in the same two fields."""
    try:
        body = event["body"]
        if event.get("isBase64Encoded"):
            body = base64.b64decode(body)
        return json.loads(body)
    except (KeyError, TypeError, ValueError, RecursionError):
        raise InvalidRequest("The body must be JSON") from None


def http_response(status: int, content: Dict[str, str]) -> Dict[str, Any]:
    """Give content the form API Gateway expects; there a body is always text, never an object."""
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(content)}
