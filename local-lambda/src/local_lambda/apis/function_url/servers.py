"""The ports of function URLs: one for each, next to the tool's own port."""

from __future__ import annotations

import socket
from collections.abc import Callable
from functools import partial
from time import time
from typing import NamedTuple

from local_lambda.apis.function_url.application import FunctionUrlApplication
from local_lambda.errors import StartError
from local_lambda.functions.config import FunctionUrl
from local_lambda.http.access import Access
from local_lambda.http.server import Server
from local_lambda.http.sockets import listen
from local_lambda.limits import MAX_EVENT_BYTES
from local_lambda.service.directory import Versions
from local_lambda.service.pool import EnvironmentPool


class Served(NamedTuple):
    """A URL that is served, `since` when (seconds since the epoch)."""

    app: FunctionUrlApplication
    address: str
    server: Server
    since: float


class FunctionUrls:
    """The URLs that are served, by the ARN that they invoke: of a function, or of an alias.

    They listen on `host`, from `port` on or, if that is 0, anywhere. `access` says who may call, and `say` prints a
    line; True marks one that has to be seen.
    """

    def __init__(self, host: str, port: int, access: Access, say: Callable[[str, bool], None]) -> None:
        self.served: dict[str, Served] = {}
        self._host = host
        self._port = port
        self._access = access
        self._say = say

    async def open(self, pool: EnvironmentPool, qualifier: str, versions: Versions | None, url: FunctionUrl) -> None:
        """Serve the URL of `$LATEST`, whose pool this is, or of an alias among `versions`, or change its settings.

        Raises StartError if nothing can listen.
        """
        arn = pool.function.qualified_arn(qualifier)
        served = self.served.get(arn)
        if served is None:
            choose = (lambda: pool) if versions is None else partial(versions.choose, qualifier, pool)
            app = FunctionUrlApplication(arn, choose, url, lambda text: self._say(text, True))
            access = self._access.with_cors(app.lets_in)
            server = Server(app.serve, self._listen(), MAX_EVENT_BYTES, access)
            await server.start()
            served = self.served[arn] = Served(app, f"http://{server.address}/", server, time())
        served.app.change(url)

    def of_function(self, arn: str) -> list[str]:
        """The ARNs that the URLs of a function, whose ARN this is, invoke."""
        return [each for each in self.served if each == arn or each.startswith(f"{arn}:")]

    def close(self, arn: str) -> None:
        """Serve a URL no more."""
        served = self.served.pop(arn, None)
        if served is not None:
            served.server.close()

    def stop_listening(self) -> None:
        """Accept no more connections; requests in progress continue."""
        for served in self.served.values():
            served.server.stop_listening()

    def close_all(self) -> None:
        """End."""
        for arn in list(self.served):
            self.close(arn)

    def _listen(self) -> socket.socket:
        """The next port that is free."""
        if self._port:
            port, self._port = self._port, self._port + 1
            try:
                return listen(self._host, port)
            except StartError:
                pass
        return listen(self._host, 0)
