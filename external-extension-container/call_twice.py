"""Call the function at URL by both of its names, as `curl` would: what `make run` does while the function is served."""

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
    for name in NAMES:
        url = f"{os.environ['URL']}/2015-03-31/functions/{name}/invocations"
        print(f"\n+ curl --data @{EVENT} {url}", flush=True)
        with urllib.request.urlopen(urllib.request.Request(url, EVENT.read_bytes())) as response:
            responses.append(response.read().decode())
        print(responses[-1], flush=True)
    return int(responses[0] != responses[1] or "greeting" not in json.loads(responses[0]))


if __name__ == "__main__":
    sys.exit(main())
