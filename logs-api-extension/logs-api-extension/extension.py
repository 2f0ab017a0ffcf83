"""An external extension that receives what the function logs, in batches over HTTP, and prints it.

Lambda freezes all processes of an environment between two invocations, and sends a batch a little later than its
records were written. So the art is to know that all records of an invocation have arrived before telling Lambda that we
are done with it. Specification: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-logs-api.html
"""

import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, NoReturn

import requests
from listener import Listener
from printer import RUNTIME_DONE, BatchPrinter
from subscription import read_subscription, subscribe

# An extension has to register under its file name in /opt/extensions; the launcher there has the name of this folder.
NAME = Path(__file__).absolute().parent.name

# At the deadline Lambda resets the environment, or kills it. So give up waiting a little earlier.
MARGIN_SECONDS = 0.2


def main() -> int:
    """Live as long as the execution environment; the result is the exit status."""
    url = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}"
    # One session keeps one connection open. Without it each call would open a new one while the function waits for us.
    with requests.Session() as session:
        # The address is inside the environment: a proxy that the function's variables name cannot reach it.
        session.trust_env = False
        session.headers["Lambda-Extension-Identifier"] = register(session, url)
        try:
            listener = Listener()  # before subscribing: the first batch may come immediately
            path, subscription = read_subscription(os.environ, listener.uri)
            delivers = subscribe(session, f"{url}/{path}", subscription)
        except (ValueError, OSError) as error:
            give_up(session, url, str(error))
        say(f"PUT /{path} {json.dumps(subscription)}" if delivers else "no logs are delivered here")
        waits = delivers and os.environ.get("LOGS_WAIT_FOR") != "nothing"
        serve(session, url, BatchPrinter(listener.batches), subscription["buffering"]["timeoutMs"] / 1000, waits)
    return 0


def serve(session: requests.Session, url: str, printer: BatchPrinter, longest_wait: float, waits: bool) -> None:
    """Take one event after the other until SHUTDOWN."""
    invocations = 0
    while True:
        # This call says that we are done with the last event. The next one may take hours, so it has no timeout.
        event = checked(session.get(f"{url}/2020-01-01/extension/event/next", timeout=None))
        deadline = event["deadlineMs"] / 1000 - MARGIN_SECONDS
        if event["eventType"] == "SHUTDOWN":
            if waits:
                printer.print_the_rest(longest_wait, deadline)
            counts = f"{printer.lines} lines of the function, {printer.records} records"
            say(f"leaving after {invocations} invocations: {counts}")
            return
        invocations += 1
        if not waits:
            printer.print_queued()
        elif not printer.print_until_done(event["requestId"], deadline):
            say(f"no {RUNTIME_DONE} of {event['requestId']} in time")


def register(session: requests.Session, url: str) -> str:
    """Tell Lambda which events we want; it waits for this call before it starts the function."""
    response = session.post(
        f"{url}/2020-01-01/extension/register",
        headers={"Lambda-Extension-Name": NAME},
        json={"events": ["INVOKE", "SHUTDOWN"]},
    )
    checked(response)
    return response.headers["Lambda-Extension-Identifier"]


def checked(response: requests.Response) -> Dict[str, Any]:
    """Return the JSON of a good response, and end this process with Lambda's reason after a bad one."""
    if response.status_code != 200:
        sys.exit(f"[{NAME}] {response.request.method} {response.url}: {response.status_code} {response.text.strip()}")
    content: Dict[str, Any] = response.json()
    return content


def give_up(session: requests.Session, url: str, reason: str) -> NoReturn:
    """Tell Lambda why this extension cannot start, and exit, as Lambda requires after that call."""
    kind = "Extension.NoSubscription"
    session.post(
        f"{url}/2020-01-01/extension/init/error",
        headers={"Lambda-Extension-Function-Error-Type": kind},
        json={"errorType": kind, "errorMessage": reason, "stackTrace": []},
    )
    sys.exit(f"[{NAME}] {reason}")


def say(text: str) -> None:
    """Write a line to the function's log, where it appears among the lines of the function: hence the name."""
    print(f"[{NAME}] {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
