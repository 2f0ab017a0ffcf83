"""A first AWS Lambda function: it greets a person and tells their age in hexadecimal.

There are two handlers because an event looks different depending on who sends it: `lambda_handler` gets the caller's
JSON as it is, `api_lambda_handler` gets an HTTP request from Amazon API Gateway. Both leave the work to
`process_request`, which knows nothing of Lambda and is tested without it.
"""

import base64
import json
import logging
import os
import random
import sys
from typing import Any, Dict

from app.tracing import get_public_ip, get_runtime_info

# Lambda has given the root logger a handler, at level WARNING. The level of our own logger lets our INFO records
# through and leaves the libraries as quiet as they were.
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

# Lambda imports this module once in each execution environment (a cold start), then calls a handler again and again
# (warm invocations). So this value stays. Costly things such as connections belong here too, a caller's data never.
ENVIRONMENT_VALUE = random.randrange(1000000)

# Named one by one: the environment also holds the credentials of the function's role, and a log is no place for those.
LOGGED_VARIABLES = ("AWS_EXECUTION_ENV", "AWS_REGION", "AWS_LAMBDA_INITIALIZATION_TYPE", "PACKAGE_MANAGEMENT_SYSTEM")


class InvalidRequest(ValueError):
    """The request cannot be answered; the message tells the caller what to change."""


class SimpleException(Exception):
    """The error a caller asks for with `throwError`."""


def lambda_handler(event: Any, context: Any) -> Dict[str, str]:
    """Answer a direct invocation; the caller sees an exception as Lambda's error JSON, with the stack trace."""
    log_contexts(context)
    return process_request(event)


def api_lambda_handler(event: Any, context: Any) -> Dict[str, Any]:
    """Answer an HTTP request: API Gateway makes the status, headers and body returned here into the HTTP response."""
    log_contexts(context)
    try:
        return http_response(200, process_request(read_body(event)))
    except InvalidRequest as error:
        return http_response(400, {"error": str(error)})
    except SimpleException as error:
        # Left alone, it would reach the client as API Gateway's bare 502. But for Lambda all is well now: so log it.
        logger.exception("Answered with status 500")
        return http_response(500, {"error": str(error)})
    # Any other exception is a mistake in this code. It goes through to Lambda, which counts it as a function error.


def process_request(request: Any) -> Dict[str, str]:
    """Do the work, the same for every kind of caller; raise InvalidRequest or SimpleException."""
    check_request(request)
    if request.get("throwError"):
        raise SimpleException("Sorry, but the caller wants me to throw an error")
    python = f"Python{sys.version_info.major}.{sys.version_info.minor}"
    package_manager = os.environ.get("PACKAGE_MANAGEMENT_SYSTEM", "pip")
    name = f"{request['firstName']} {request['lastName']}"
    return {
        "greeting": f"Hello {name}, this is a {python} AWS Lambda function developed using {package_manager}!",
        "result": f"Your age in hexadecimal is {request['age']:#x}",
    }


def check_request(request: Any) -> None:
    """Raise InvalidRequest naming everything that is wrong, so that the caller has to come back only once."""
    if not isinstance(request, dict):
        raise InvalidRequest("The request must be a JSON object")
    problems = [f"{name} is missing" for name in ("firstName", "lastName", "age") if name not in request]
    for name in ("firstName", "lastName"):
        if name in request and not (isinstance(request[name], str) and request[name].strip()):
            problems.append(f"{name} must be a string that is not empty")
    # JSON's true and false arrive as bool, which is a kind of int: hence type() and not isinstance().
    if "age" in request and not (type(request["age"]) is int and request["age"] >= 0):
        problems.append("age must be a whole number, 0 or more")
    if not isinstance(request.get("throwError", False), bool):
        problems.append("throwError must be true or false")
    if problems:
        raise InvalidRequest("; ".join(problems))


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


def log_contexts(context: Any) -> None:
    """Log what a function can find out about the place it runs in; Lambda collects the log, the answer stays clean."""
    invocation_value = random.randrange(1000000)
    logger.info("Execution context: %06d stays while warm, %06d is new each time", ENVIRONMENT_VALUE, invocation_value)
    logger.info("Function: %s %s, %s MB", context.function_name, context.function_version, context.memory_limit_in_mb)
    logger.info("Request: %s, %d ms left", context.aws_request_id, context.get_remaining_time_in_millis())
    logger.info("Variables: %s", {name: os.environ.get(name) for name in LOGGED_VARIABLES})
    logger.info("Runtime: %s", get_runtime_info())
    logger.info("Public IP: %s", get_public_ip())
