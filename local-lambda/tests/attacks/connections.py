"""Raw connections to the tool's ports, on loopback and nowhere else."""

from __future__ import annotations

import socket
import struct
from ipaddress import ip_address

ANSWER_SECONDS = 10.0


def loopback(host: str) -> str:
    """The address, when it is one of this machine alone. Raises ValueError for any other."""
    if not ip_address(host).is_loopback:
        raise ValueError(f"{host} is not a loopback address: only the tool on this machine is attacked")
    return host


def connect(host: str, port: int, seconds: float = ANSWER_SECONDS) -> socket.socket:
    """A new TCP connection that waits so long for what it reads."""
    return socket.create_connection((loopback(host), port), seconds)


def send_datagram(host: str, port: int, data: bytes) -> None:
    """One UDP datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, (loopback(host), port))


def request(
    method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, length: int | None = None
) -> bytes:
    """The bytes of a plain request. `length` is what it promises, when that is not the length of the body."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if body or length is not None:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def invocation(name: str, payload: bytes, length: int | None = None, **headers: str) -> bytes:
    """The bytes of a call of the Invoke API; `X_Amz_Log_Type="Tail"` is that header."""
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    return request("POST", f"/2015-03-31/functions/{name}/invocations", payload, named, length)


def reset(connection: socket.socket) -> None:
    """Close so that the other side gets a reset instead of an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def read_to_end(connection: socket.socket) -> bytes:
    """Everything until the other side closes or resets. Raises TimeoutError when it does neither."""
    received = b""
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except ConnectionError:
        pass
    return received


def exchange(host: str, port: int, data: bytes, seconds: float = ANSWER_SECONDS) -> bytes:
    """The response to these bytes until the other side closes; our sending side is closed after them."""
    with connect(host, port, seconds) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # it has answered and closed before it had all of it
            pass
        return read_to_end(connection)


def read_answers(connection: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """So many answers of one connection: status and body. Raises EOFError when it ends before."""
    reader = connection.makefile("rb")
    answers = []
    for _ in range(count):
        first = reader.readline()
        if not first:
            raise EOFError(f"{len(answers)} of {count} answers, then the end")
        length = 0
        while (line := reader.readline()) not in (b"\r\n", b""):
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        answers.append((int(first.split()[1]), reader.read(length)))
    return answers
