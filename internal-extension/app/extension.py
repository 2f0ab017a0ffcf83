"""An internal extension: it lives inside the function's process, in a thread.

It registers while the function's module is imported: when the function asks for its first event, it is too late. The
protocol is HTTP, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html.
"""

import json
import os
import sys
import threading
from typing import List

import requests

# Any name will do unless it is the name of a file in /opt/extensions: those are external extensions.
NAME = "internal-example-extension"


class RegistrationRefused(Exception):
    """Lambda did not accept the extension; the message has its reason."""


def start(events: List[str]) -> None:
    """Register for the events, and wait for them in a thread; raise RegistrationRefused if Lambda says no."""
    url = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2020-01-01/extension"
    # One session keeps one connection open. Without it each call would open a new one while the function waits for us.
    session = requests.Session()
    # The address is inside the environment: a proxy that the function's variables name cannot reach it.
    session.trust_env = False
    session.headers["Lambda-Extension-Identifier"] = register(session, url, events)
    # As a daemon, this thread does not keep the process alive: it never ends.
    threading.Thread(target=poll, args=(session, url), name=NAME, daemon=True).start()


def register(session: requests.Session, url: str, events: List[str]) -> str:
    """Tell Lambda which events we want, and return the identifier that all later calls must carry."""
    response = session.post(f"{url}/register", headers={"Lambda-Extension-Name": NAME}, json={"events": events})
    if response.status_code != 200:
        raise RegistrationRefused(f"{response.status_code} {response.text.strip()}")
    say(f"registered for {json.dumps(events)}")
    identifier: str = response.headers["Lambda-Extension-Identifier"]
    return identifier


def poll(session: requests.Session, url: str) -> None:
    """Ask for one event after the other. An extension that wants none still has to ask once, and then waits forever."""
    while True:
        # The next event may take hours, so there must be no timeout.
        response = session.get(f"{url}/event/next", timeout=None)
        response.raise_for_status()
        say(json.dumps(response.json()))


def say(text: str) -> None:
    """Write a line to the function's log, in one piece: print() writes the line end separately, which could end up
    after a line of the handler."""
    sys.stdout.write(f"[{NAME}] {text}\n")
    sys.stdout.flush()
