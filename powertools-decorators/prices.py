"""A price list, so that the example works without a network: `python prices.py`.

It stands in for another team's service: that one is sometimes busy, does not have everything, and once returns a price
that the order service does not expect.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Dict

PRICES = {"lamp": "12.25", "chair": "49.00", "desk": "120.00", "sofa": "on request"}


class PriceList(BaseHTTPRequestHandler):
    """Answers GET /prices/{sku} with {"sku", "price"}."""

    protocol_version = "HTTP/1.1"
    busy: ClassVar[Dict[str, int]] = {"lamp": 2}
    """How often each article is refused before it gets a price."""

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
        """Print each request: the caller's log does not show that it asked again."""
        print(f"prices   | {self.command} {self.path} {int(code)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), PriceList)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    print(f"prices   | listening on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
    sys.stdin.read()  # ends with the process that started this
