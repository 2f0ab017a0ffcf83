"""Invoke the function at LAMBDA_URL so many times with an event, and pause in between: long enough to be frozen.

python call_with_pause.py EVENT.json COUNT SECONDS
"""

import os
import signal
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

FUNCTION = "/2015-03-31/functions/OrdersFunction/invocations"


def main(event: str, count: int, seconds: float) -> None:
    """Print each response."""
    for number in range(count):
        time.sleep(seconds if number else 0)
        url = os.environ["LAMBDA_URL"].rstrip("/") + FUNCTION
        try:
            with urllib.request.urlopen(urllib.request.Request(url, Path(event).read_bytes())) as response:
                print(response.read().decode(), flush=True)
        except urllib.error.HTTPError as error:
            print(error.read().decode(), flush=True)
        except OSError as error:
            sys.exit(f"call_with_pause.py: {url}: {error}")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a traceback
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
