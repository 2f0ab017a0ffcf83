"""Serve the function, call it by both of its names, and stop it as a container is stopped: the whole life in one go.

    python run.py SERVER [ARGUMENT...]

SERVER serves the function and says where, as `local-lambda exec --port 0 -- ./lambda-entrypoint.sh HANDLER` does. Its
output is passed on. The exit status is 0 if both calls got the same good answer and the server ended with status 0.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import IO, List

EVENT = Path("events/hello.json")
# The function's own name, as on AWS, and the name that every function in a container answers to.
NAMES = (os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "test_function"), "function")


def main(command: List[str]) -> int:
    """Run the server's command line through one life; returns the exit status."""
    if not command:
        print("usage: run.py SERVER [ARGUMENT...]", file=sys.stderr)
        return 2
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    try:
        listening = pass_on(server.stderr, "listening on ")
        address = re.search(r"http://[^ ]+", listening)
        if address is None:
            print(f"run.py: the server ended with status {server.wait()} before it listened", file=sys.stderr)
            return 1
        answers = []
        for name in NAMES:
            url = f"{address[0]}/2015-03-31/functions/{name}/invocations"
            print(f"\n+ curl --data @{EVENT} {url}", flush=True)
            answer = invoke(url)
            pass_on(server.stderr, "REPORT ")
            print(answer, flush=True)
            answers.append(json.loads(answer))
        print(f"\n+ kill -TERM {server.pid}", flush=True)
        server.send_signal(signal.SIGTERM)
        pass_on(server.stderr, None)
        return int(server.wait() != 0 or answers[0] != answers[1] or "greeting" not in answers[0])
    finally:
        server.kill()
        server.wait()


def pass_on(output: IO[str], until: "str | None") -> str:
    """Print the server's lines up to the first that contains `until`; returns that, or '' when there are no more."""
    for line in output:
        print(line, end="", file=sys.stderr, flush=True)
        if until is not None and until in line:
            return line
    return ""


def invoke(url: str) -> str:
    """Send the event to a function's URL, with curl if there is one; returns the answer."""
    if shutil.which("curl"):
        return subprocess.check_output(["curl", "--silent", "--show-error", "--data", f"@{EVENT}", url], text=True)
    with urllib.request.urlopen(urllib.request.Request(url, EVENT.read_bytes())) as response:
        text: str = response.read().decode()
    return text


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
