"""What the extension subscribes to: read from the variables that template.yaml sets, and asked of Lambda.

Extensions get the variables of the function. https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api.html tells
what is allowed, and also how the two APIs differ.
"""

from typing import Any, Dict, Mapping, NamedTuple

import requests

# The Logs API and its successor, the Telemetry API: where to subscribe, and to which schema of the records. Listener,
# types, buffering and destination are the same for both. An extension can have only one of them.
APIS = {
    "logs": ("2020-08-15/logs", "2021-03-18"),  # the older schema, 2020-08-15, has no platform.runtimeDone
    "telemetry": ("2022-07-01/telemetry", "2022-12-13"),
}
RUNTIME_DONE = "platform.runtimeDone"


class Subscription(NamedTuple):
    """The path and the body of the call that subscribes, and what to wait for before an invocation is called done."""

    path: str
    body: Dict[str, Any]
    waits_for: str

    @property
    def longest_wait(self) -> float:
        """The seconds that Lambda keeps a record at most, before it sends it."""
        return self.body["buffering"]["timeoutMs"] / 1000


def read_subscription(variables: Mapping[str, str], uri: str) -> Subscription:
    """Make the subscription that the variables describe, for the listener at `uri`; raises ValueError."""
    api = variables.get("LOGS_API", "logs")
    types = [name.strip() for name in variables.get("LOGS_TYPES", "platform,function").split(",")]
    waits_for = variables.get("LOGS_WAIT_FOR", RUNTIME_DONE)
    if api not in APIS:
        raise ValueError(f"LOGS_API is {api}, which is none of {', '.join(APIS)}")
    if waits_for not in (RUNTIME_DONE, "nothing"):
        raise ValueError(f"LOGS_WAIT_FOR is {waits_for}, which is neither {RUNTIME_DONE} nor nothing")
    if waits_for == RUNTIME_DONE and "platform" not in types:
        raise ValueError(f"LOGS_TYPES is {','.join(types)}: without platform no {RUNTIME_DONE} will come")
    path, schema = APIS[api]
    body = {
        "schemaVersion": schema,
        "types": types,
        # Lambda sends a batch as soon as one of these is reached, and refuses what is out of range.
        "buffering": {
            "timeoutMs": read_number(variables, "LOGS_TIMEOUT_MS", 100),  # 25 to 30,000
            "maxItems": read_number(variables, "LOGS_MAX_ITEMS", 1000),  # 1,000 to 10,000
            "maxBytes": read_number(variables, "LOGS_MAX_BYTES", 262144),  # 262,144 to 1,048,576
        },
        "destination": {"protocol": "HTTP", "URI": uri},
    }
    return Subscription(path, body, waits_for)


def read_number(variables: Mapping[str, str], name: str, default: int) -> int:
    """Read a whole number from a variable; raises ValueError with its name."""
    text = variables.get(name, str(default))
    if not text.isdecimal():
        raise ValueError(f"{name} is {text}, which is no whole number")
    return int(text)


def subscribe(session: requests.Session, url: str, subscription: Subscription) -> bool:
    """Subscribe; False where nothing is ever delivered, as on other local emulators. Raises ValueError if refused."""
    response = session.put(f"{url}/{subscription.path}", json=subscription.body)
    if response.status_code not in (200, 202):
        raise ValueError(f"subscription refused: {response.status_code} {response.text.strip()}")
    return response.status_code == 200
