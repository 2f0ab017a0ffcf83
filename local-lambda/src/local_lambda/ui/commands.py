"""For each button the command that does the same, or the option. The page fills in FUNCTION, EVENT, PID and TENANT."""

from __future__ import annotations

from collections.abc import Mapping


def commands(url: str, command: str) -> Mapping[str, str]:
    """The commands, with the address of the Invoke API. `command` is what serves the page, `start` or `exec`."""
    curl = "curl TENANT--data-binary @EVENT $URL"
    once = "local-lambda invoke FUNCTION -e EVENT" if command == "start" else "Ctrl-C, then the same command again"
    return {
        "url": f"URL={url}/2015-03-31/functions/FUNCTION/invocations",
        "invoke": curl,
        "twice": f"{curl} & {curl} & wait",
        "event": "curl TENANT-H 'X-Amz-Invocation-Type: Event' --data-binary @EVENT $URL",
        "cold": once,
        "freeze": f"local-lambda {command} --freeze",
        "thaw": curl,
        "kill": "kill -KILL PID",
        "shutdown": f"local-lambda {command} --idle-timeout 1s",
    }
