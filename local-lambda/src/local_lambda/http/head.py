"""Parses the head of a request: bytes in, a `Head` or `BadRequest` out. It is strict to prevent request smuggling.

Grammar: https://www.rfc-editor.org/rfc/rfc9112. The server never upgrades, so `Upgrade` is a header like any other.
"""

from __future__ import annotations

import re

MAX_HEAD_BYTES = 65_536
"""Request line and headers together; the trailers of a chunked body have the same limit."""
CHUNKED = -1
"""The `length` of a chunked body."""

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_HEAD = re.compile(
    rb"(%b{1,32}+) ([!-~\x80-\xff]++) HTTP/1\.([01])((?:\r\n%b++:[\t\x20-\xff]*+)*)\r\n\r\n" % (_TOKEN, _TOKEN)
).fullmatch
_LINES = re.compile(rb"(?:%b++:[\t\x20-\xff]*+\r\n)*" % _TOKEN).fullmatch
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)([/?].*)?", re.IGNORECASE).fullmatch
_NOTABLE = re.compile(
    rb"\r\n(connection|content-length|expect|host|origin|sec-fetch-site|transfer-encoding):([^\r]*+)"
).findall
"""The headers that a connection depends on, found in one pass."""
_BEGINNING = re.compile(rb"%b{0,32}+(?: |\Z)" % _TOKEN).match
_MISPLACED = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]|(?<!\r)\n|\r(?!\n|\Z)").search


class BadRequest(Exception):
    """The received bytes are not a request that can be served: respond with `status` and close the connection."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Head:
    """Method, target and headers of a request. `path` and `query` are as received, percent-encoded.

    `length` is the body's length in bytes, or CHUNKED. `admitted` is for the server: the access rule was applied.
    """

    __slots__ = (
        "_closes",
        "_found",
        "_lines",
        "_lower",
        "admitted",
        "expects",
        "from_browser",
        "host",
        "keep_alive",
        "length",
        "method",
        "old",
        "path",
        "query",
    )

    def __init__(self, method: bytes, target: bytes, lines: bytes, old: bool = False) -> None:
        self.method = method
        self._lines = lines
        self._lower = lines.lower()
        self.old = old
        self.keep_alive = not old
        self._closes = False
        self.expects = False
        self.admitted = False
        self.from_browser = False
        self.length = 0
        self.host = b""
        self._found: dict[bytes, bytes | None] = {}
        self._read(_NOTABLE(self._lower))
        path, _, query = (target if target[0] == 47 else self._path_of(target)).partition(b"?")
        self.path: bytes = path
        self.query: bytes = query

    def header(self, name: bytes, default: bytes = b"") -> bytes:
        """The value of the first header with this name, which must be in lower case."""
        if name in self._found:  # a client's head is the same again and again, and so is what is asked of it
            value = self._found[name]
        else:
            value = self._found[name] = self._find(name)
        return default if value is None else value

    def _find(self, name: bytes) -> bytes | None:
        start = self._lower.find(b"\r\n%b:" % name)
        if start < 0:
            return None
        start += len(name) + 3
        end = self._lines.find(b"\r\n", start)
        return (self._lines[start:end] if end >= 0 else self._lines[start:]).strip(b" \t")

    def headers(self) -> list[tuple[str, str]]:
        """All headers, as received and in order."""
        return pairs_of(self._lines[2:])

    def _read(self, notable: list[tuple[bytes, bytes]]) -> None:
        """Read the relevant headers, whose names and values are in lower case."""
        hosts = lengths = 0
        codings = expectation = b""
        for name, value in notable:
            value = value.strip(b" \t")
            if name == b"host":
                self.host = value
                hosts += 1
            elif name == b"content-length":
                if not value.isdigit() or len(value.lstrip(b"0")) > 15:
                    raise BadRequest(400, "Content-Length is not one whole number")
                self.length = int(value)
                lengths += 1
            elif name == b"connection":
                self._read_connection(value)
            elif name == b"transfer-encoding":
                codings += b"," + value
            elif name == b"expect":
                expectation += value
            else:
                self.from_browser = True
        if hosts > 1 or (hosts == 0 and not self.old):
            raise BadRequest(400, "a request has one Host header")
        if lengths > 1 or (lengths and codings):
            raise BadRequest(400, "the length of the body is ambiguous")
        if codings:
            self._read_codings([coding.strip(b" \t") for coding in codings[1:].split(b",")])
        if expectation and not self.old:
            if expectation != b"100-continue":
                raise BadRequest(417, "the only expectation served is 100-continue")
            self.expects = True

    def _read_connection(self, value: bytes) -> None:
        for option in value.split(b","):
            word = option.strip(b" \t")
            if word == b"close":
                self._closes = True
            elif word == b"keep-alive" and self.old:
                self.keep_alive = True
        if self._closes:
            self.keep_alive = False

    def _read_codings(self, codings: list[bytes]) -> None:
        if self.old or codings[-1] != b"chunked" or b"chunked" in codings[:-1]:
            raise BadRequest(400, "the length of the body is ambiguous")
        if len(codings) > 1:
            raise BadRequest(501, "the only transfer coding served is chunked")
        self.length = CHUNKED

    def _path_of(self, target: bytes) -> bytes:
        """The path of a target that does not begin with one; `http://host/path` overrides the Host header."""
        if target == b"*":
            return target
        absolute = _ABSOLUTE(target)
        if absolute is None:
            raise BadRequest(400, "the request's target is neither a path nor a URL")
        self.host = absolute[1]
        rest: bytes = absolute[2] or b"/"
        return rest if rest[0] == 47 else b"/" + rest


def parse_head(text: bytes) -> Head:
    """Parse a complete head, with the empty line at its end. Raises BadRequest."""
    found = _HEAD(text)
    if found is None:
        raise BadRequest(400, "not a request of HTTP/1.1 or HTTP/1.0")
    if len(text) > MAX_HEAD_BYTES:
        raise too_long(text)
    method, target, minor, lines = found.groups()
    return Head(method, target, lines, minor == b"0")


def check_beginning(received: bytes | bytearray, start: int, scanned: int) -> None:
    """Check an incomplete head, whose bytes before `scanned` were already checked. Raises BadRequest."""
    if _BEGINNING(received, start, start + 33) is None and received[start:] != b"\r":
        raise BadRequest(400, "a request does not begin like this")
    if _MISPLACED(received, scanned) is not None:
        raise BadRequest(400, "a control character or a bare line end in the head of a request")
    if len(received) - start > MAX_HEAD_BYTES:
        raise too_long(received[start:])


def too_long(received: bytes | bytearray) -> BadRequest:
    """The refusal of a head over the limit: its target (414) or its headers (431) are too long."""
    if received.find(b"\r\n", 0, MAX_HEAD_BYTES) < 0:
        return BadRequest(414, f"the request line has more than {MAX_HEAD_BYTES} bytes")
    return BadRequest(431, f"the head of the request has more than {MAX_HEAD_BYTES} bytes")


def parse_lines(lines: bytes) -> list[tuple[str, str]]:
    """Parse header lines, each with its line end, into pairs. Raises BadRequest."""
    if _LINES(lines) is None:
        raise BadRequest(400, "a line is not a header")
    return pairs_of(lines.removesuffix(b"\r\n"))


def pairs_of(lines: bytes) -> list[tuple[str, str]]:
    """Split lines of valid headers, with line ends between them, into pairs."""
    found = []
    for line in lines.split(b"\r\n") if lines else ():
        name, _, value = line.partition(b":")
        found.append((name.decode("latin-1"), value.strip(b" \t").decode("latin-1")))
    return found
