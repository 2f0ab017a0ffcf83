"""An external extension: a separate process that Lambda starts before the function and runs next to it.

It registers, asks for one event after the other, prints each, and exits when Lambda says SHUTDOWN. The protocol is
HTTP, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Dict, NoReturn

import requests

# An extension has to register under its file name in /opt/extensions. The launcher there has found this folder by that
# name, so the two are the same.
NAME = Path(__file__).absolute().parent.name
EVENTS = ["INVOKE", "SHUTDOWN"]


def main() -> int:
    """Live as long as the execution environment; the result is the exit status."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, leave)
    url = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
    invocations = 0
    # One session keeps one connection open. Without it each call would open a new one while the function waits for us.
    with requests.Session() as session:
        # The address is inside the environment: a proxy that the function's variables name cannot reach it.
        session.trust_env = False
        session.headers["Lambda-Extension-Identifier"] = register(session, url)
        while True:
            event = next_event(session, url)
            say(json.dumps(event))
            if event["eventType"] == "SHUTDOWN":
                left = event["deadlineMs"] - time.time() * 1000
                say(f"leaving after {invocations} invocations, {left:.0f} ms before Lambda would kill me")
                return 0
            # Here a real extension does its work: the invocation is not over before it asks for the next event.
            invocations += 1


def register(session: requests.Session, url: str) -> str:
    """Tell Lambda which events we want; it waits for this call before it starts the function."""
    response = session.post(f"{url}/register", headers={"Lambda-Extension-Name": NAME}, json={"events": EVENTS})
    function = checked(response)
    say(f"registered for {' and '.join(EVENTS)} of {function['functionName']} {function['functionVersion']}")
    identifier: str = response.headers["Lambda-Extension-Identifier"]
    return identifier


def next_event(session: requests.Session, url: str) -> Dict[str, Any]:
    """Say that we are ready and wait for an event. That may take hours, so there must be no timeout."""
    return checked(session.get(f"{url}/event/next", timeout=None))


def checked(response: requests.Response) -> Dict[str, Any]:
    """Return the JSON of a good response, and end this process with Lambda's reason after a bad one."""
    if response.status_code != 200:
        sys.exit(f"[{NAME}] {response.request.method} {response.url}: {response.status_code} {response.text.strip()}")
    content: Dict[str, Any] = response.json()
    return content


def leave(number: int, _: object) -> NoReturn:
    """Exit on a signal. Lambda sends an extension none, but stopping a container or pressing Ctrl-C does."""
    say(f"leaving on {signal.Signals(number).name}")
    sys.exit(0)


def say(text: str) -> None:
    """Write a line to the function's log, where it appears among the lines of the function: hence the name."""
    print(f"[{NAME}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
