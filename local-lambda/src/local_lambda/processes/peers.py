"""Whether a connection comes from a process of an environment. Linux only: sock_diag(7), proc(5).

Every process of the machine can reach a port on the loopback address. The kernel reports which socket is at the other
end of a connection, and each process's folder in /proc lists the sockets it has open.
"""

from __future__ import annotations

import os
import socket
import struct
import sys

from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.programs.supervisor import descendants

Address = tuple[str, int]
"""An IPv4 address: host and port."""

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_HEADER_BYTES = 16
_INODE_OFFSET = 68
_INODE_COLUMN = 9
_EVERY_STATE = 0xFFFFFFFF
_NO_COOKIE = b"\0" * 4 + b"\xff" * 8
"""Any interface, and no cookie from an earlier query. The numbers are in linux/netlink.h and linux/inet_diag.h."""

_ATTEMPTS = 2
"""How often to look: a process may get a different parent while the others are being examined."""


class Peers:
    """The processes of `group`, as peers of connections."""

    def __init__(self, group: ProcessGroup) -> None:
        self._group = group

    def include(self, peer: Address, own: Address) -> bool:
        """Whether the process at `peer`, connected to `own`, belongs to the environment.

        True if the kernel does not report it. A process that has already ended does not belong.
        """
        if sys.platform != "linux":
            return True
        try:
            inode = _inode(peer, own) or _listed_inode(peer, own)
        except OSError:
            return True
        if inode is None:
            return False
        link = f"socket:[{inode}]"
        root = self._group.supervisor or os.getpid()
        return any(_has_open(pid, link) for _ in range(_ATTEMPTS) for pid in descendants(root))


def _inode(peer: Address, own: Address) -> int | None:
    """The inode of the socket at `peer` that is connected to `own`. Reading /proc/net/tcp would take milliseconds."""
    ports = struct.pack("!HH", peer[1], own[1])
    hosts = b"".join(socket.inet_aton(host).ljust(16, b"\0") for host, _ in (peer, own))
    request = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _EVERY_STATE) + ports + hosts + _NO_COOKIE
    header = struct.pack("=IHHII", _HEADER_BYTES + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG) as kernel:
        kernel.send(header + request)
        reply = kernel.recv(4096)
    if struct.unpack_from("=IH", reply)[1] != _SOCK_DIAG_BY_FAMILY:
        return None
    (inode,) = struct.unpack_from("=I", reply, _HEADER_BYTES + _INODE_OFFSET)
    return int(inode) or None


def _listed_inode(peer: Address, own: Address) -> int | None:
    """The same from the table of all connections, for kernels that cannot be asked about a single one."""
    wanted = f" {_hexadecimal(peer)} {_hexadecimal(own)} ".encode()
    with open("/proc/net/tcp", "rb") as file:
        for line in file:
            if wanted in line:
                return int(line.split()[_INODE_COLUMN])
    return None


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
