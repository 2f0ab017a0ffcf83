"""A function in a container image. It knows nothing about the extension next to it."""

import logging
import platform
from typing import Any, Dict

# Lambda has set up logging at level WARNING: our logger's own level lets our INFO lines through.
logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def lambda_handler(event: Any, context: Any) -> Dict[str, str]:
    """Greet the person in the event."""
    name = event.get("name", "nobody") if isinstance(event, dict) else "nobody"
    logger.info("Greeting %s, %d ms left", name, context.get_remaining_time_in_millis())
    return {"greeting": f"Hello {name}", "python": platform.python_version()}
