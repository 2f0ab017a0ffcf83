"""Listening sockets, opened before any import that costs time. This module does not know the protocols on them."""

from __future__ import annotations

import errno
import socket

from local_lambda.errors import StartError

UDP_BUFFER_BYTES = 4 * 1024 * 1024


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """A listening TCP socket; port 0 takes any free port. `option` is the one that chooses it.

    Raises StartError when the port is in use or not permitted, or when the host is not an address of this machine.
    """
    try:
        name = host.encode() if host.isascii() else host  # only other names need the module for IDNA
        family, kind, protocol, _, address = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(512)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"port {port} on {host} is in use; choose another with {option} (0: any free one)"
                + (", or PORT= behind make" if option == "--port" else "")
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
