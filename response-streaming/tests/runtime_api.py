"""A stand-in for the Runtime API that shows a runtime's request byte by byte."""

import queue
import socketserver
import threading
from typing import Any, List

EVENT = b'{"queryStringParameters": {"rows": "2"}}'
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


class Connection(socketserver.StreamRequestHandler):
    """Reads requests from one connection until the runtime closes it."""

    server: "RuntimeApi"

    def handle(self) -> None:
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = self.rfile.readline()
                if not line:
                    return
                head += line
            lines = head.decode().split("\r\n")
            if lines[0].startswith("GET"):
                self.wfile.write(b"HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: request-1\r\n")
                self.wfile.write(b"Content-Length: %d\r\n\r\n%b" % (len(EVENT), EVENT))
                continue
            self.server.heads.append(lines)
            lengths = [int(line.split(":")[1]) for line in lines if line.startswith("Content-Length:")]
            if lengths:
                self.server.pieces.put(self.rfile.read(lengths[0]))
            else:
                self.read_chunks()
            self.wfile.write(ACCEPTED)

    def read_chunks(self) -> None:
        """Note each chunk when it arrives, then the lines of the trailers."""
        while True:
            size = int(self.rfile.readline(), 16)
            if not size:
                break
            self.server.pieces.put(self.rfile.read(size))
            self.rfile.readline()
        self.server.pieces.put(b"")
        for line in iter(self.rfile.readline, b"\r\n"):
            self.server.trailers.append(line.decode().strip())


class RuntimeApi(socketserver.ThreadingTCPServer):
    """Serves on a free port of this machine, and keeps what runtimes have sent."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.heads: List[List[str]] = []
        self.trailers: List[str] = []
        self.pieces: queue.Queue[bytes] = queue.Queue()

    def __enter__(self) -> "RuntimeApi":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: Any) -> None:
        self.shutdown()
        self.server_close()
