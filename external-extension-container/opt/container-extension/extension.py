"""An external extension: a separate process next to the function, told about every invocation and about the end.

It registers, then asks for the next event again and again. Lambda responds when there is one, which may take hours.
Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

import os
import sys
import time
from typing import Any, Dict, Tuple

import requests

# The path of the API, with its version: Lambda keeps old versions working.
API = "http://{}/2020-01-01/extension".format(os.environ["AWS_LAMBDA_RUNTIME_API"])


def main(name: str) -> int:
    """Serve events until the environment ends; `name` is the extension's file name in /opt/extensions."""
    # One session for all calls: its connection stays open, so only the first call pays for opening one.
    with requests.Session() as session:
        # The API is inside the environment. A proxy that the function needs for the internet must not see these calls.
        session.trust_env = False
        identifier, function = register(session, name)
        say(name, f"registered for function {function['functionName']}, handler {function['handler']}")
        invocations = 0
        while True:
            event = next_event(session, identifier)
            milliseconds = event["deadlineMs"] - time.time() * 1000
            if event["eventType"] == "SHUTDOWN":
                # The last chance to send what was collected. After the deadline the process is killed.
                reason = event["shutdownReason"]
                say(name, f"SHUTDOWN ({reason}) after {invocations} invocations, {milliseconds:.0f} ms left")
                return 0
            invocations += 1
            say(name, f"INVOKE {event['requestId']}, {milliseconds:.0f} ms left")
            # Work for this invocation belongs here, next to the handler's. Asking for the next event means: done.


def register(session: requests.Session, name: str) -> Tuple[str, Dict[str, str]]:
    """Tell Lambda who we are and which events we want; returns our identifier, and facts about the function."""
    response = session.post(
        f"{API}/register", json={"events": ["INVOKE", "SHUTDOWN"]}, headers={"Lambda-Extension-Name": name}
    )
    check(response)
    return response.headers["Lambda-Extension-Identifier"], response.json()


def next_event(session: requests.Session, identifier: str) -> Dict[str, Any]:
    """Wait for the next event. The first call also says that this extension has finished its own start."""
    # No timeout: the response comes when the function is invoked again, however long that takes.
    response = session.get(f"{API}/event/next", headers={"Lambda-Extension-Identifier": identifier}, timeout=None)
    check(response)
    event: Dict[str, Any] = response.json()
    return event


def check(response: requests.Response) -> None:
    """Exit with Lambda's reason if it refused the call: without the API this process can do nothing."""
    if response.status_code != 200:
        sys.exit(f"{response.request.method} {response.url}: {response.status_code} {response.text}")


def say(name: str, text: str) -> None:
    """Write a line into the function's log. Unflushed, it would stay in this process while Lambda freezes it."""
    print(f"[{name}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
