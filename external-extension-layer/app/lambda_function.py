"""A function next to the extension. It knows nothing about it: any function will do, in any language."""

from typing import Any, Dict


def lambda_handler(event: Dict[str, Any], context: Any) -> Dict[str, str]:
    """Greet. The extension learns about the invocation at the same time, but sees neither event nor response."""
    print(f"Handling request {context.aws_request_id}", flush=True)
    return {"greeting": f"Hello {event['name']}!"}
