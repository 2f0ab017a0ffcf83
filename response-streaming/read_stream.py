"""Call a function URL and print each piece of the response, with the seconds since the request.

    python read_stream.py URL-OR-FUNCTION [QUERY]

Next to with_service.py a function's name is enough: `local-lambda` says which URL it has. The exit status is 1 if the
function failed, before the first byte or after.
"""

import os
import re
import signal
import sys
import time
from http.client import HTTPConnection, HTTPSConnection, IncompleteRead
from typing import List
from urllib.parse import urlsplit

PATIENCE = 10  # seconds, from the start of the service to the lines with the URLs


def find_url(function: str) -> str:
    """Wait until `local-lambda` has said which URL the function has. Ends this process if that takes long."""
    if "SERVICE_LOG" not in os.environ:
        sys.exit(f"read_stream.py: {function} is no URL, and a function's name needs with_service.py")
    late = f"read_stream.py: local-lambda has not printed a URL of {function}: see the lines above for those it has"
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(late))
    signal.alarm(PATIENCE)
    with open(os.environ["SERVICE_LOG"]) as log:
        found = next(url[1] for url in (re.search(rf"URL of {function}: (\S+)", line) for line in log) if url)
    signal.alarm(0)
    return found


def main(arguments: List[str]) -> int:
    """Read one response up to its end, or to where it breaks off."""
    if not 1 <= len(arguments) <= 2:
        print("usage: read_stream.py URL-OR-FUNCTION [QUERY]", file=sys.stderr)
        return 2
    target = arguments[0]
    url = urlsplit(target if "://" in target else find_url(target))
    query = arguments[1] if len(arguments) > 1 else url.query or "rows=5"
    connection = (HTTPSConnection if url.scheme == "https" else HTTPConnection)(url.netloc)
    start, size = time.monotonic(), 0

    def say(text: str) -> None:
        print(f"({time.monotonic() - start:.1f} s) {text}", flush=True)

    connection.request("GET", f"{url.path}?{query}")
    response = connection.getresponse()
    say(f"status {response.status}")
    try:
        while True:
            piece = response.read1(65536)  # what has arrived, at least one byte; `read` would wait for the end
            if not piece:
                break
            if size + len(piece) < 80:
                say("piece: " + piece.decode(errors="replace").replace("\n", " "))
            size += len(piece)
    except IncompleteRead:
        say(f"broken off after {size} bytes")
        return 1
    say(f"end after {size} bytes")
    return int(response.status >= 400)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    try:
        sys.exit(main(sys.argv[1:]))
    except OSError as problem:
        sys.exit(f"read_stream.py: {problem}. Is the function served?")
