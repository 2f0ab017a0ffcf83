"""Listening sockets, made before anything that costs import time. What is said on them is not known here."""

from __future__ import annotations

import errno
import socket

from local_lambda.errors import StartError

UDP_BUFFER_BYTES = 4 * 1024 * 1024


def listen(host: str, port: int) -> socket.socket:
    """A listening TCP socket; port 0 takes any free one.

    Raises StartError when the port is taken, may not be used, or the host is not one of this machine.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"port {port} on {host} is in use; choose another with --port (0: any free one), or PORT= behind make"
            ) from None
        raise StartError(f"cannot listen on {host}:{port}: {error.strerror or error}") from None
    return listener


def listen_udp(host: str) -> socket.socket:
    """A UDP socket on a free port, with room for a burst."""
    receiving = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, UDP_BUFFER_BYTES)
    receiving.setblocking(False)
    receiving.bind((host, 0))
    return receiving
