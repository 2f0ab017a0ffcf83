"""A RabbitMQ broker: its URI, the form of it without the password, and connections to it.

URI: https://www.rabbitmq.com/docs/uri-spec. What is sent over a connection does not belong here.
"""

from __future__ import annotations

import logging
from importlib.util import find_spec
from ssl import SSLError
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from local_lambda.errors import StartError

if TYPE_CHECKING:
    from aio_pika.abc import AbstractConnection

CONNECT_SECONDS = 10.0


class Broker:
    """The broker and virtual host of an AMQP URI. `str(broker)` does not contain the password.

    Raises StartError if the URI is invalid or aio-pika is not installed.
    """

    def __init__(self, uri: str) -> None:
        if find_spec("aio_pika") is None:
            raise StartError(
                "AMQP needs the package aio-pika, which is not installed;"
                " run: make install EXTRAS=amqp in local-lambda's folder, or pip install 'local-lambda-env[amqp]'"
            )
        try:
            parts = urlsplit(uri)
            port = parts.port or (5671 if parts.scheme == "amqps" else 5672)
        except ValueError:
            parts, port = urlsplit(""), 0
        if parts.scheme not in ("amqp", "amqps") or not parts.hostname:
            # The text may contain a password, so the message does not repeat it.
            raise StartError("this is not an AMQP URI; expected something like amqp://guest:guest@localhost:5672/")
        if parts.fragment or "@" in parts.path + parts.query:
            raise StartError("the user or password of this AMQP URI has a # / or ? in it; write it as %23 %2F or %3F")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        self.user = unquote(parts.username) if parts.username else "guest"
        self._uri = uri
        self._virtual_host = unquote(parts.path[1:]) or "/"
        self._shown = f"{parts.scheme}://{host}:{port}{parts.path or '/'}"
        # Both libraries log each failure, at every attempt. All of them are raised as exceptions as well.
        for name in ("aio_pika", "aiormq"):
            logger = logging.getLogger(name)
            logger.addHandler(logging.NullHandler())
            logger.propagate = False

    def __str__(self) -> str:
        return self._shown

    async def connect(self) -> AbstractConnection:
        """Open a connection. Raises StartError with the reason if that fails."""
        import aio_pika

        try:
            return await aio_pika.connect(self._uri, timeout=CONNECT_SECONDS)
        except Exception as error:
            raise StartError(f"cannot connect to {self} as {self.user}: {self.reason(error)}") from None

    def reason(self, error: BaseException | None) -> str:
        """The reason why a connection or channel failed, in one line."""
        from aio_pika.exceptions import ProbableAuthenticationError

        if isinstance(error, ProbableAuthenticationError):
            return "the broker refuses this user name and password"
        if isinstance(error, TimeoutError):
            return f"no response within {CONNECT_SECONDS:.0f} s"
        if "Connection.Close" in str(error):  # the library does not give details
            return f"check that virtual host {self._virtual_host} exists and that {self.user} may access it"
        cause = error.__cause__ if error is not None and isinstance(error.__cause__, OSError) else error
        if isinstance(cause, ConnectionRefusedError):
            return "connection refused; `make broker` in local-lambda's folder runs a broker"
        if isinstance(cause, SSLError):
            return f"no TLS there ({error}); amqps has a separate port, 5671 unless configured"
        return " ".join(str(cause or "").split()) or type(error).__name__
