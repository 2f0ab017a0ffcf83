"""Run both functions on one `local-lambda`, send five orders to one of them, and stop.

    python run.py path/to/local-lambda [OPTION...]

What the functions log, and the trace of each invocation, comes from local-lambda itself, on stderr. The options are its
own, those of its command `start`.
"""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any, Dict

FOLDER = Path(__file__).resolve().parent
FUNCTION = "pypwext-orders"

# Name of the event, status of the answer it must get, and what there is to see.
ORDERS = (
    ("success", 201, "Everything is in stock. The price list was busy twice, so the session asked again."),
    ("partial-failure", 409, "One item of three can be had. The answer has it, and an error for each of the others."),
    ("validation-error", 400, "The request is no order. The answer tells where."),
    ("warehouse-crash", 502, "The other function fails. Its stack trace is in the log, its caller gets an answer."),
    ("crash", 500, "This function fails. The caller learns nothing of it, the log everything."),
)


def main(local_lambda: str, *options: str) -> int:
    """Run the example; return 0 when each order got the answer it must get."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    # The functions call each other through boto3, which this variable leads to local-lambda instead of AWS.
    environment = {**os.environ, "AWS_ENDPOINT_URL_LAMBDA": url}
    command = [local_lambda, "start", "--template", str(FOLDER / "template.yaml"), "--port", str(port), *options]
    with subprocess.Popen(command, env=environment) as process:
        try:
            wait_until_it_listens(process, port)
            good = [send(url, *order) for order in ORDERS]
        finally:
            process.terminate()
            process.wait()
    return 0 if all(good) else 1


def find_free_port() -> int:
    """Return a port nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_it_listens(process: "subprocess.Popen[bytes]", port: int) -> None:
    """Return when the port accepts connections; exit when the process has ended instead."""
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    sys.exit(process.returncode or 1)


def send(url: str, name: str, expected: int, lesson: str) -> bool:
    """Send an event, show what comes back, and return whether its status is the expected one."""
    print(f"\n--- {name}: {lesson}", flush=True)
    event = (FOLDER / "events" / f"{name}.json").read_bytes()
    request = urllib.request.Request(f"{url}/2015-03-31/functions/{FUNCTION}/invocations", data=event, method="POST")
    with urllib.request.urlopen(request, timeout=60) as response:
        answer: Dict[str, Any] = json.load(response)
    print(f"{answer.get('statusCode')} {answer.get('body')}", flush=True)
    return answer.get("statusCode") == expected


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit("usage: run.py LOCAL_LAMBDA [OPTION...]")
    sys.exit(main(*sys.argv[1:]))
