"""Run a command beside a small stand-in for https://checkip.amazonaws.com, so that it needs no network.

    python checkip.py COMMAND [ARGUMENT...]

The command finds the address in its variable CHECK_IP_URL; one that is already set is left alone. The stand-in is a
thread of this process: however the command or this process ends, it cannot stay behind.
"""

import os
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Iterator, List

PUBLIC_IP = "203.0.113.7"  # from a block of addresses kept for documentation: nobody has it


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
        """Stay silent: the output belongs to the command."""


@contextmanager
def serving() -> Iterator[str]:
    """Serve on a free port of this machine while the block runs; yields the URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), CheckIp) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


def main(command: List[str]) -> int:
    """Run the command and return its exit status, as a shell would report it."""
    if not command:
        print("usage: checkip.py COMMAND [ARGUMENT...]", file=sys.stderr)
        return 2
    # Ctrl-C reaches the command as well, which then ends in its own time: wait for it instead of dying first.
    signal.signal(signal.SIGINT, lambda *_: None)
    with serving() as url:
        try:
            process = subprocess.Popen(command, env={"CHECK_IP_URL": url, **os.environ})
        except OSError as error:
            print(f"checkip.py: {command[0]}: {error.strerror}", file=sys.stderr)
            return 127
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        status = process.wait()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
