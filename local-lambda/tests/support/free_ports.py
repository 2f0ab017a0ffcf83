"""Ports that are free now and will be: below those that the system gives to outgoing connections and to port 0."""

from __future__ import annotations

import random
import socket

FIRST, LAST = 20_000, 32_767
"""Linux begins at 32768 (`net.ipv4.ip_local_port_range`)."""


def free_port(host: str = "") -> int:
    """A port at which nothing listens, at an address or at any."""
    while True:
        port = random.randint(FIRST, LAST)
        try:
            with socket.create_server((host, port)):
                return port
        except OSError:
            continue
