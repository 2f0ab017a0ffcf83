"""The HTTP server that Lambda sends batches of records to; logs-api-extension has more about it."""

import json
import queue
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import Any, List

DELIVERY_SECONDS = 0.025  # how long Lambda may keep a record before it sends it; 25 ms is the shortest


class Listener(socketserver.ThreadingTCPServer):
    """Keeps what it gets in `batches`; `subscription` is what Lambda has to know."""

    daemon_threads = True

    def __init__(self) -> None:
        host = "sandbox.localdomain"
        try:
            address = socket.gethostbyname(host)
        except OSError:
            host = address = "127.0.0.1"  # neither Lambda nor a sandbox like it
        super().__init__((address, 0), Receiver)
        # Full while an upload takes long: Lambda then keeps the records, and tells how many it had to drop.
        self.batches: queue.Queue[List[Any]] = queue.Queue(maxsize=100)
        self.subscription = {
            "schemaVersion": "2022-12-13",
            "types": ["platform", "function"],  # not "extension": our own lines would come back, and make new ones
            "buffering": {"timeoutMs": int(DELIVERY_SECONDS * 1000), "maxItems": 1000, "maxBytes": 262144},
            "destination": {"protocol": "HTTP", "URI": f"http://{host}:{self.server_address[1]}"},
        }
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Receiver(BaseHTTPRequestHandler):
    """Takes one batch after the other from one connection."""

    protocol_version = "HTTP/1.1"
    server: Listener

    def do_POST(self) -> None:
        self.server.batches.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response_only(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no line for each request."""
