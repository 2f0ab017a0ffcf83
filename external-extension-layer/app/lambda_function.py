"""The function beside the extension. It knows nothing of it: any function will do, in any language."""

from typing import Any, Dict


def lambda_handler(event: Dict[str, Any], context: Any) -> Dict[str, str]:
    """Greet. The extension is told of the invocation at the same time, but sees neither the event nor the answer."""
    print(f"Handling request {context.aws_request_id}", flush=True)
    return {"greeting": f"Hello {event['name']}!"}
