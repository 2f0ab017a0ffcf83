"""The live page of one command: its port, its recorder, and what the pools have to do with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_lambda.http.sockets import listen
from local_lambda.ui.guard import ACCESS, Guard
from local_lambda.ui.journal import Journal

if TYPE_CHECKING:
    from local_lambda.http.exchange import Application
    from local_lambda.http.server import Server
    from local_lambda.service.observers import Observers
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.ui.application import PageApplication
    from local_lambda.ui.stream import PageStream

HOST = "127.0.0.1"
"""The page is for the person at this machine, whatever address the functions listen on."""


class LivePage:
    """The page on `port` (0: any free one) for the functions of `template`, or for that of `exec` if there is none.

    `kinds` are the sample events that `make_event` makes. Raises StartError if the port is taken.
    """

    def __init__(
        self, port: int, template: Path | None, kinds: Sequence[str], make_event: Callable[[str], bytes]
    ) -> None:
        self._listener = listen(HOST, port, "--ui")
        self._template = template
        self._kinds = kinds
        self._make_event = make_event
        self._guard = Guard()
        self._journal = Journal()
        self._pools: list[EnvironmentPool] = []
        self._app: PageApplication | None = None
        self._stream: PageStream | None = None
        self._server: Server | None = None

    @property
    def link(self) -> str:
        """The address to open, with the token."""
        return f"http://{HOST}:{self._listener.getsockname()[1]}/#{self._guard.token}"

    def observe(self, observers: Observers) -> Observers:
        """Watch all environments, next to other observers."""
        return observers._replace(
            recorders=(*observers.recorders, self._journal),
            on_environment=(*observers.on_environment, self._journal.made),
        )

    async def start(self, pools: Sequence[EnvironmentPool], invoke: Application, url: str) -> None:
        """Serve the page for these pools; `invoke` is the Invoke API, which is at `url` for others."""
        from local_lambda.http.server import Server
        from local_lambda.ui.actions import Actions
        from local_lambda.ui.application import PageApplication, Parts
        from local_lambda.ui.further_reading import FurtherReading, find_checkout, find_source
        from local_lambda.ui.recordings import MAX_BYTES, Recordings
        from local_lambda.ui.sample_events import SampleEvents
        from local_lambda.ui.stream import PageStream

        self._pools = list(pools)
        self._stream = PageStream(self._journal, self._snapshot)
        checkout = find_checkout()
        reading = FurtherReading(checkout, "" if checkout else find_source())
        parts = Parts(
            self._guard,
            self._journal,
            self._stream,
            Actions(pools, self._journal),
            SampleEvents(self._template.parent if self._template else Path()),
            Recordings(),
            reading,
            invoke,
            {**self._about(url), "explanations": reading.explanations()},
            self._make_event,
        )
        self._app = PageApplication(parts)
        self._server = Server(self._app.serve, self._listener, MAX_BYTES, ACCESS)
        await self._server.start()

    def refuse(self) -> None:
        """Start nothing more: the tool is about to end. The page is still told what happens."""
        if self._app is not None:
            self._app.refuse()

    def close(self) -> None:
        """End, after all environments have ended. May be called twice."""
        if self._stream is not None:
            self._stream.close()
        if self._server is not None:
            self._server.close()
        else:
            self._listener.close()

    def _about(self, url: str) -> dict[str, Any]:
        from local_lambda.ui.commands import commands

        return {
            "title": self._template.name if self._template else "local-lambda exec",
            "functions": [
                {"name": name, "tenants": pool.function.tenant_isolation}
                for name, pool in {pool.function.name: pool for pool in self._pools}.items()
            ],
            "kinds": list(self._kinds),
            "commands": commands(url, "start" if self._template else "exec"),
        }

    def _snapshot(self) -> dict[str, Any]:
        from local_lambda.ui.snapshot import snapshot

        environments = snapshot(self._journal.histories.values())
        for each in environments:
            environment = self._journal.environments.get(each["number"])
            runtime = environment.control.runtime if environment is not None else None
            each["pid"] = runtime.pid if runtime is not None else None
        return {"environments": environments, "forgotten": self._journal.ended, "version": self._journal.version}
