"""A stand-in for https://checkip.amazonaws.com, so that the example needs no network: `python checkip.py`."""

import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Iterator

PUBLIC_IP = "203.0.113.7"  # from a block of addresses reserved for documentation


class CheckIp(BaseHTTPRequestHandler):
    """Answers GET / with one line, the address the caller seems to have."""

    def do_GET(self) -> None:
        if self.path != "/":
            return self.send_error(404)
        body = f"{PUBLIC_IP}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve on a free port of this machine while the block runs; yields the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), CheckIp) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


if __name__ == "__main__":
    with serving() as url:
        print(f"checkip  | listening on {url}", file=sys.stderr, flush=True)
        sys.stdin.read()  # ends with the process that started this
