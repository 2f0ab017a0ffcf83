"""The HTTP server that Lambda sends batches of log records to."""

import queue
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

# Lambda accepts only this name for a destination; it means the execution environment itself.
HOST = "sandbox.localdomain"


class Listener(socketserver.ThreadingTCPServer):
    """Takes batches from the moment it exists, and keeps them in `batches`, unread, in the order of their arrival.

    Not an HTTPServer: that one would look up its own full name first, which can take seconds without a name server.
    """

    daemon_threads = True

    def __init__(self) -> None:
        host = HOST
        try:
            address = socket.gethostbyname(host)
        except OSError:
            # The name does not resolve: this is neither Lambda nor a sandbox like it. Use the loopback address.
            host = address = "127.0.0.1"
        super().__init__((address, 0), Handler)  # port 0: any free one, because all extensions share one network
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
            return  # the connection broke; without a response Lambda sends the batch again
        # Lambda waits for the response, so printing, which can be slow, happens elsewhere.
        self.server.batches.put(body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Write no line for each request, as the base class would."""
