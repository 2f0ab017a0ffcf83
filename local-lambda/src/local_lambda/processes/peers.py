"""Whether a connection comes from a process of an environment. Linux only: /proc/net/tcp, proc(5).

A port on the loopback address can be reached by every process of the machine. The kernel says which socket is at the
other end of a connection, and each process's folder in /proc which sockets it has open.
"""

from __future__ import annotations

import os
import socket
import sys

from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.programs.supervisor import descendants

Address = tuple[str, int]
"""Of IPv4: host and port."""

_INODE = 9
"""The column of /proc/net/tcp with the socket's inode."""
_ATTEMPTS = 2
"""A process may get another parent while the others are being looked at."""


class Peers:
    """The processes of `group`, as the other ends of connections."""

    def __init__(self, group: ProcessGroup) -> None:
        self._group = group

    def include(self, peer: Address, own: Address) -> bool:
        """Whether the process at `peer`, connected to `own`, belongs to the environment.

        True where it cannot be known: without /proc. One that is gone already belongs to nothing.
        """
        if sys.platform != "linux":
            return True
        try:
            inode = _inode(peer, own)
        except OSError:
            return True
        if inode is None:
            return False
        link = f"socket:[{inode}]"
        root = self._group.supervisor or os.getpid()
        return any(_has_open(pid, link) for _ in range(_ATTEMPTS) for pid in descendants(root))


def _inode(peer: Address, own: Address) -> str | None:
    """The inode of the socket at `peer` that is connected to `own`."""
    wanted = f" {_hexadecimal(peer)} {_hexadecimal(own)} ".encode()
    with open("/proc/net/tcp", "rb") as file:
        table = file.read()
    found = table.find(wanted)
    if found < 0:
        return None
    return table[table.rfind(b"\n", 0, found) + 1 : table.find(b"\n", found)].split()[_INODE].decode()


def _hexadecimal(address: Address) -> str:
    host, port = address
    return f"{int.from_bytes(socket.inet_aton(host), sys.byteorder):08X}:{port:04X}"


def _has_open(pid: int, link: str) -> bool:
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return any(_target(entry.path) == link for entry in entries)
    except OSError:
        return False


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
