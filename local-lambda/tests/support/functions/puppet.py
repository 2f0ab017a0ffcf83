"""A runtime that only forwards the test's requests to its Runtime API, which does not serve other processes."""

import os
import socket
import threading

host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")


def forward(source, sink):
    """Forward everything, and the end; when one side disconnects, so does the other."""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print("runtime", os.getpid(), "at", "{}:{}".format(*listener.getsockname()), flush=True)
while True:
    ours, _ = listener.accept()
    theirs = socket.create_connection((host, int(port)))
    for connection in (ours, theirs):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for pair in ((ours, theirs), (theirs, ours)):
        threading.Thread(target=forward, args=pair, daemon=True).start()
