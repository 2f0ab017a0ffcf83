"""Who may call: one rule for every port. Loopback does not protect: every page in a browser can reach it.

A request must name this machine as its host: a website's name may resolve to this machine, too, and its pages would
then have the same origin (DNS rebinding). A request that a browser marks as coming from a different site is refused.
The marks, which a page cannot forge, are described at https://www.w3.org/TR/fetch-metadata/ and
https://fetch.spec.whatwg.org/#origin-header.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable
from copy import copy

from local_lambda.http.head import Head

_AUTHORITY = re.compile(rb"([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?", re.IGNORECASE).fullmatch
_IPV6_LOOPBACK = bytes(15) + b"\x01"
MAX_KNOWN_HOSTS = 64
_ORIGIN = re.compile(rb"https?://([^/?#@]+)", re.IGNORECASE).fullmatch


class Access:
    """The rule of one port. `hosts` are further names for it (`--host`, `--allow-host`); `*` allows any name.

    An unspecified address among them (0.0.0.0) stands for every address, but not for names. `origins` are the origins
    of pages that may call, as `http://host:port`. `cors` may let in a browser's request that no other rule lets in, for
    a route with its own CORS settings.
    """

    def __init__(
        self,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        cors: Callable[[Head], bool] | None = None,
    ) -> None:
        self._hosts = {name.strip("[]").lower().encode() for name in hosts}
        self._any_address = any(_is_unspecified(name) for name in self._hosts)
        self._origins = {origin.rstrip("/").lower().encode() for origin in origins}
        self.cors = cors
        self._known: dict[bytes, bool] = {}

    def with_cors(self, cors: Callable[[Head], bool]) -> Access:
        """The same rule for a port with its own CORS settings."""
        other = copy(self)
        other.cors = cors
        return other

    def refusal(self, head: Head) -> str | None:
        """Why a request is refused, in one line; None if it is allowed."""
        if head.host and not self._is_ours(head.host):
            name = head.host.decode("latin-1")
            return f"Host {name} is not a name of this machine: use a loopback address, or --allow-host NAME"
        if head.from_browser and not self._is_own_page(head) and not (self.cors is not None and self.cors(head)):
            origin = head.header(b"origin").decode("latin-1") or "another site"
            return f"A page of {origin} may not call this: start with --allow-origin {_example(origin)} to let it"
        return None

    def _is_ours(self, authority: bytes) -> bool:
        ours = self._known.get(authority)
        if ours is None:
            ours = self._names_us(authority)
            if len(self._known) < MAX_KNOWN_HOSTS:
                self._known[authority] = ours
        return ours

    def _names_us(self, authority: bytes) -> bool:
        found = _AUTHORITY(authority)
        if found is None:
            return False
        name = found[1].strip(b"[]").lower().rstrip(b".")
        if name in self._hosts or b"*" in self._hosts or _is_loopback(name):
            return True
        return self._any_address and _address(name) is not None

    def _is_own_page(self, head: Head) -> bool:
        """Whether the page that sends the request has this origin, is from this machine, or is allowed."""
        origin = head.header(b"origin")
        if not origin:
            return head.header(b"sec-fetch-site", b"none").lower() in (b"none", b"same-origin")
        if origin.lower() in self._origins or b"*" in self._origins:
            return True
        found = _ORIGIN(origin)
        if found is None:
            return False
        authority = _AUTHORITY(found[1])
        return found[1].lower() == head.host.lower() or (
            authority is not None and _is_loopback(authority[1].strip(b"[]").lower())
        )


def _is_loopback(name: bytes) -> bool:
    if name == b"localhost" or name.endswith(b".localhost"):
        return True
    packed = _address(name)
    return packed is not None and (packed == _IPV6_LOOPBACK or (len(packed) == 4 and packed[0] == 127))


def _is_unspecified(name: bytes) -> bool:
    packed = _address(name)
    return packed is not None and not any(packed)


def _address(name: bytes) -> bytes | None:
    """The bytes of an IP address; None if the name is not one."""
    try:
        return socket.inet_pton(socket.AF_INET6 if b":" in name else socket.AF_INET, name.decode("latin-1"))
    except OSError:
        return None


def _example(origin: str) -> str:
    return origin if origin.startswith("http") else "ORIGIN"


LOOPBACK = Access()
"""The rule without exceptions."""
