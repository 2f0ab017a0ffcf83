"""Call the function at URL by both of its names, as `curl` would: what `make run` does while the function is served.

A response is printed after the log of its invocation, which is complete with the line REPORT in the file SERVICE_LOG.
"""

import json
import os
import sys
import urllib.request
from pathlib import Path

EVENT = Path("events/hello.json")
# The function's own name, as on AWS, and the name that every function in a container answers to.
NAMES = ("ContainerFunction", "function")


def main() -> int:
    """Return 0 if both calls got the same good response."""
    responses = []
    with open(os.environ.get("SERVICE_LOG", os.devnull)) as log:
        for name in NAMES:
            url = f"{os.environ['URL']}/2015-03-31/functions/{name}/invocations"
            print(f"\n+ curl --data @{EVENT} {url}", flush=True)
            with urllib.request.urlopen(urllib.request.Request(url, EVENT.read_bytes())) as response:
                responses.append(response.read().decode())
                report = f"REPORT RequestId: {response.headers['X-Amzn-RequestId']}"
            any(report in line for line in log)  # reads up to that line, or to the end of the log
            print(responses[-1], flush=True)
    return int(responses[0] != responses[1] or "greeting" not in json.loads(responses[0]))


if __name__ == "__main__":
    sys.exit(main())
