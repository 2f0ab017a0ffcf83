"""The HTTP server that Lambda sends batches of log records to."""

import os
import queue
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

# Lambda accepts only this name for a destination; it means the execution environment itself.
HOST = "sandbox.localdomain"
# Function and extensions share one network: each listener needs a port of its own. 9001 belongs to Lambda.
PORT = 4243


class Listener(socketserver.ThreadingTCPServer):
    """Takes batches from the moment it exists, and keeps them in `batches`, unread, in the order of their arrival.

    Not an HTTPServer: that one would look up its own full name first, which can take seconds without a name server.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        host = HOST
        try:
            address = socket.gethostbyname(host)
        except OSError:
            # No such name: this is neither Lambda nor a sandbox like it. The machine's own address has to do.
            host = address = "127.0.0.1"
        super().__init__((address, int(os.environ.get("LOGS_PORT", PORT))), Handler)
        self.uri = f"http://{host}:{self.server_address[1]}"
        self.batches: queue.Queue[bytes] = queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    """Takes one batch after the other from one connection."""

    protocol_version = "HTTP/1.1"  # the connection stays open for the next batch
    server: Listener

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return  # the connection broke; without an answer Lambda sends the batch again
        # Lambda waits for the answer. To print here could take long, and what is printed is a new record in its turn.
        self.server.batches.put(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no line for each request, as the base class would."""
