"""Requests made wrong by chance, the way they are wrong in the wild and the way an attacker makes them wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

PIECES = (
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\0",
    b" ",
    b"\t",
    b":",
    b"\xff",
    b"\xc3\x28",
    b"%00",
    b"%",
    b"../",
    b"?",
    b"#",
    b"{",
    b'"',
    b"\x1b[2J",
    b"0x10",
    b"-1",
    b"99999999999999999999",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: +3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\n",
    b"Connection: close\r\n",
    b"Host: evil.example\r\n",
    b"HTTP/1.0",
    b"HTTP/2.0",
    b"HTTP/9.9",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
)


def _put(chance: Random, data: bytes) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(PIECES) + data[place:]


def _put_line(chance: Random, data: bytes) -> bytes:
    place = data.find(b"\r\n", chance.randrange(len(data) + 1)) + 2
    return data[:place] + chance.choice(PIECES) + data[place:]


def _change(chance: Random, data: bytes) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]


def _drop(chance: Random, data: bytes) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + data[place + chance.randrange(1, 20) :]


def _repeat(chance: Random, data: bytes) -> bytes:
    place = chance.randrange(len(data) + 1)
    part = data[place : place + chance.randrange(1, 40)]
    return data[:place] + part * chance.choice((2, 3, 200)) + data[place:]


def _cut(chance: Random, data: bytes) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _lengthen(chance: Random, data: bytes) -> bytes:
    place = chance.randrange(len(data) + 1)
    return data[:place] + data[place : place + 1] * chance.choice((100, 5_000, 70_000)) + data[place:]


_WAYS: tuple[Callable[[Random, bytes], bytes], ...] = (
    _put,
    _put,
    _put_line,
    _put_line,
    _change,
    _drop,
    _repeat,
    _cut,
    _lengthen,
)


def mutated(chance: Random, requests: Sequence[bytes]) -> bytes:
    """One of the requests, made wrong in one to four ways; by chance followed by another one."""
    data = chance.choice(requests)
    if chance.random() < 0.1:
        data += chance.choice(requests)
    for _ in range(chance.choice((1, 1, 2, 3, 4))):
        data = chance.choice(_WAYS)(chance, data)
    return data
