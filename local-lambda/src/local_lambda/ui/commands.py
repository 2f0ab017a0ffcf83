"""For each button the command that does the same. The page fills in FUNCTION, EVENT and PID."""

from __future__ import annotations

from collections.abc import Mapping


def commands(url: str) -> Mapping[str, str]:
    """The commands, with the address of the Invoke API."""
    curl = "curl --data-binary @EVENT $URL"
    return {
        "url": f"URL={url}/2015-03-31/functions/FUNCTION/invocations",
        "invoke": curl,
        "twice": f"{curl} & {curl} & wait",
        "event": "curl -H 'X-Amz-Invocation-Type: Event' --data-binary @EVENT $URL",
        "cold": "local-lambda invoke FUNCTION -e EVENT",
        "freeze": "local-lambda start --freeze",
        "thaw": curl,
        "kill": "kill -KILL PID",
        "shutdown": "local-lambda start --idle-timeout 1s",
    }
