"""A first AWS Lambda function: it greets a person and says their age in hexadecimal."""

import logging
import os
import random
from typing import Any, Dict

from app.greeting import process_request
from app.tracing import get_public_ip, get_runtime_info

# Lambda has set up logging at level WARNING. The level of this logger lets our INFO lines through, not the libraries'.
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)

# Lambda imports this module once in each execution environment (a cold start), then calls the handler for each event
# (warm invocations). So this value stays. Connections and clients belong here; what belongs to one caller does not.
ENVIRONMENT_VALUE = random.randrange(1000000)

# Lambda sets the first three, template.yaml the last. Never log all variables: they include the function's credentials.
VARIABLES = ("AWS_EXECUTION_ENV", "AWS_REGION", "AWS_LAMBDA_INITIALIZATION_TYPE", "PACKAGE_MANAGEMENT_SYSTEM")


def lambda_handler(event: Any, context: Any) -> Dict[str, str]:
    """Lambda calls this with the caller's JSON as `event`, and sends back what it returns, as JSON again."""
    log_contexts(context)
    logger.info("Runtime: %s", get_runtime_info())
    response = process_request(event)
    if event.get("publicIp"):
        logger.info("Public IP: %s", get_public_ip())
    return response


def log_contexts(context: Any) -> None:
    """Log what a function knows about where it runs."""
    invocation_value = random.randrange(1000000)
    logger.info("Execution context: %06d stays while warm, %06d is new each time", ENVIRONMENT_VALUE, invocation_value)
    logger.info("Function: %s %s, %s MB", context.function_name, context.function_version, context.memory_limit_in_mb)
    logger.info("Request: %s, %d ms left", context.aws_request_id, context.get_remaining_time_in_millis())
    logger.info("Variables: %s", {name: os.environ.get(name) for name in VARIABLES})
