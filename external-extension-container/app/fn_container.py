"""A function in a container image. It knows nothing of the extension beside it."""

import logging
import platform
from typing import Any, Dict

# Lambda has given the root logger a handler, at level WARNING: the level of our own logger lets INFO through.
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def lambda_handler(event: Any, context: Any) -> Dict[str, str]:
    """Greet whoever the event names."""
    name = event.get("name", "nobody") if isinstance(event, dict) else "nobody"
    logger.info("Greeting %s, %d ms left", name, context.get_remaining_time_in_millis())
    return {"greeting": f"Hello {name}", "python": platform.python_version()}
