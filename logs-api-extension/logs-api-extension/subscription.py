"""What the extension asks of Lambda: which log records to send, how many at a time, and where to.

https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html says what is allowed, and how the two APIs differ.
"""

from typing import Any, Dict, Mapping, Tuple

import requests

# The Logs API and its successor, the Telemetry API: where to subscribe, and to which schema of the records. Everything
# else is the same for both. An extension can have only one of them.
APIS = {
    "logs": ("2020-08-15/logs", "2021-03-18"),  # the older schema, 2020-08-15, has no platform.runtimeDone
    "telemetry": ("2022-07-01/telemetry", "2022-12-13"),
}


def read_subscription(variables: Mapping[str, str], uri: str) -> Tuple[str, Dict[str, Any]]:
    """Return path and body of the call that subscribes the listener at `uri`; raises ValueError.

    An extension sees the variables of the function, so template.yaml is where to choose.
    """
    api = variables.get("LOGS_API", "logs")
    if api not in APIS:
        raise ValueError(f"LOGS_API is {api}, but must be one of {', '.join(APIS)}")
    timeout = variables.get("LOGS_TIMEOUT_MS", "100")
    if not timeout.isdecimal():
        raise ValueError(f"LOGS_TIMEOUT_MS is {timeout}, but must be a whole number")
    path, schema = APIS[api]
    return path, {
        "schemaVersion": schema,
        "types": ["platform", "function"],  # Lambda itself and the function; there is also "extension"
        # Lambda sends a batch as soon as it has kept a record for this long, or has this many records or bytes.
        "buffering": {"timeoutMs": int(timeout), "maxItems": 1000, "maxBytes": 262144},
        "destination": {"protocol": "HTTP", "URI": uri},
    }


def subscribe(session: requests.Session, url: str, body: Dict[str, Any]) -> bool:
    """Subscribe; False where nothing is ever delivered, as in other local emulators. Raises ValueError if refused."""
    response = session.put(url, json=body)
    if response.status_code not in (200, 202):
        raise ValueError(f"subscription refused: {response.status_code} {response.text.strip()}")
    return response.status_code == 200
