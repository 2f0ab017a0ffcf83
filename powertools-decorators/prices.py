"""A price list for as long as a command runs, so that the example works without a network.

    python prices.py COMMAND [ARGUMENT...]

The command finds the address in PRICES_URL, unless that is set already. The list stands in for another team's
service: that one is busy now and then, does not have everything, and once has a price nobody expected.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Dict, List

PRICES = {"lamp": "12.25", "chair": "49.00", "desk": "120.00", "sofa": "on request"}

# How often each article is refused before it is answered.
BUSY = {"lamp": 2}


class PriceList(BaseHTTPRequestHandler):
    """Answers GET /prices/{sku} with {"sku", "price"}."""

    protocol_version = "HTTP/1.1"
    busy: ClassVar[Dict[str, int]] = dict(BUSY)

    def do_GET(self) -> None:
        sku = self.path.rpartition("/")[2]
        if self.busy.get(sku, 0) > 0:
            self.busy[sku] -= 1
            self.answer(503, {"message": "busy"})
        elif sku not in PRICES:
            self.answer(404, {"message": "unknown"})
        else:
            self.answer(200, {"sku": sku, "price": PRICES[sku]})

    def answer(self, status: int, document: Dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """Tell of each request: what is asked again does not show in the rows of the one who asks."""
        print(f"prices   | {self.command} {self.path} {int(code)}", file=sys.stderr, flush=True)


def main(command: List[str]) -> int:
    """Run command with a price list beside it, and return its exit status."""
    if not command:
        print("usage: prices.py COMMAND [ARGUMENT...]", file=sys.stderr)
        return 2
    server = ThreadingHTTPServer(("127.0.0.1", 0), PriceList)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    environment = {"PRICES_URL": f"http://127.0.0.1:{server.server_port}", **os.environ}
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C reaches the command, too, and ends it; then this ends
    try:
        process = subprocess.Popen(command, env=environment)
    except OSError as error:
        print(f"prices.py: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    status = process.wait()
    server.shutdown()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
