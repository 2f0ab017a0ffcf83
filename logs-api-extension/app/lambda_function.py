"""A function that writes a few lines of log. It knows nothing about the extension that gets them."""

import time
from typing import Any, Dict

# Written while the environment starts, perhaps before the extension has subscribed. It still gets this line.
print("Loading the function")


def lambda_handler(event: Dict[str, Any], context: Any) -> Dict[str, int]:
    """Write as many lines as the event asks for, then take as long as it asks for, or fail if it asks for that."""
    lines = event["lines"]
    for number in range(1, lines + 1):
        print(f"line {number} of {lines}")
    time.sleep(event.get("seconds", 0))
    if event.get("throwError"):
        raise RuntimeError("the event asked for an error")
    return {"lines": lines}
