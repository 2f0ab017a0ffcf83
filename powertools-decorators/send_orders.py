"""Send five orders to the order service at URL, and show what it responds: what `make run` does while it is served."""

import json
import os
import signal
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Dict

EVENTS = Path(__file__).resolve().parent / "events"

# Name of the event, status of the response it must get, and what it shows.
ORDERS = (
    ("success", 201, "Everything is in stock. The price list was busy twice, so the session asked again."),
    (
        "partial-failure",
        409,
        "One of three items is available. The response has it, and one error for each other.",
    ),
    ("validation-error", 400, "The request is not an order. The response says where."),
    ("warehouse-crash", 502, "The other function fails. Its stack trace is in the log, its caller gets a response."),
    ("crash", 500, "This function fails. The caller learns nothing about it, the log has everything."),
)


def send(name: str, expected: int, lesson: str) -> bool:
    """Send an event as API Gateway would; return whether the status of the response is the expected one."""
    print(f"\n--- {name}: {lesson}", flush=True)
    url = f"{os.environ['URL']}/2015-03-31/functions/pypwext-orders/invocations"
    event = (EVENTS / f"{name}.json").read_bytes()
    with urllib.request.urlopen(urllib.request.Request(url, data=event, method="POST"), timeout=60) as response:
        answer: Dict[str, Any] = json.load(response)
    print(f"{answer.get('statusCode')} {answer.get('body')}", flush=True)
    return answer.get("statusCode") == expected


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    if "URL" not in os.environ:
        sys.exit("send_orders.py: URL is not set. `make run` sets it; after `make serve` it is http://127.0.0.1:8080")
    try:
        as_expected = [send(*order) for order in ORDERS]
    except urllib.error.HTTPError as error:
        sys.exit(f"send_orders.py: {error}. Does 'make serve' of this folder serve {os.environ['URL']}?")
    except OSError as error:
        sys.exit(f"No answer: {error}. Is 'make serve' running in another terminal?")
    sys.exit(0 if all(as_expected) else 1)
