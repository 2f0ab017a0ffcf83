"""`local-lambda aws`: starts services, endpoint and server, and then the command to run with them, if there is one.

Environment variables of clients: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from local_lambda.apis.function_url.servers import FunctionUrls
from local_lambda.aws.endpoint import MAX_BODY_BYTES, Endpoint
from local_lambda.aws.forwarding import LogGroups
from local_lambda.aws.functions import FunctionRegistry
from local_lambda.aws.services import ROLE, Services
from local_lambda.functions.config import ACCOUNT_ID, REGION, FunctionConfig
from local_lambda.functions.interpreter import Interpreter, find_for_runtime
from local_lambda.http.access import Access
from local_lambda.http.server import Server
from local_lambda.service.factory import EnvironmentFactory

_NOT_FOR_CLIENTS = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE")
"""Environment variables that would lead a client to a real account."""


class LocalEndpoint:
    """The endpoint on `listener`, for a command that runs until it is stopped.

    `limit` is the maximum number of environments of a function, `access` decides who may call, and `python` is the
    requested interpreter.
    """

    def __init__(
        self,
        factory: EnvironmentFactory,
        services: Services,
        logs: LogGroups,
        listener: socket.socket,
        limit: int,
        access: Access,
        python: str | None,
        account: str = ACCOUNT_ID,
    ) -> None:
        def find(function: FunctionConfig) -> Interpreter:
            return find_for_runtime(function, Path.cwd(), python, os.environ)

        def functions(region: str) -> FunctionRegistry:
            return FunctionRegistry(region, factory, factory.workspace / region, limit, find, account)

        self._services = services
        self._say = partial(_say, factory)
        self.endpoint = Endpoint(services, logs, functions, self._say, limit, account)
        host, port = listener.getsockname()[:2]
        self.endpoint.urls = FunctionUrls(host, port + 1, access, self._say)
        self._server = Server(self.endpoint, listener, MAX_BODY_BYTES, access)
        self.url = f"http://{self._server.address}"
        factory.point_to(within(self._server.address))

    async def start(self) -> None:
        """Begin to serve."""
        self.endpoint.start()
        await self._server.start()

    async def stop(self) -> None:
        """Finish the requests in progress, then end. Services are there for extensions until these have ended."""
        self.endpoint.urls.stop_listening()
        await self.endpoint.finish()
        self._server.stop_listening()
        await self.endpoint.drain()
        self._server.close()
        self.endpoint.urls.close_all()
        self._services.close()


async def serve(
    factory: EnvironmentFactory,
    services: Services,
    logs: LogGroups,
    listener: socket.socket,
    limit: int,
    access: Access,
    python: str | None,
    command: Sequence[str],
    stop: asyncio.Event,
) -> int:
    """Serve until `stop`, or until the command has ended; return the exit status."""
    services.start()
    factory.attach(asyncio.get_running_loop())
    local = LocalEndpoint(factory, services, logs, listener, limit, access, python)
    await local.start()
    say = partial(factory.console.write, "platform")
    say(f"listening on {local.url} for the AWS CLI and SDKs: AWS_ENDPOINT_URL={local.url}")
    say(f"use the role {ROLE}; everything is in memory and is lost when this command stops")
    factory.console.flush()
    status = 0
    if command:
        status = await _run(command, client_variables(local.url, os.environ), stop)
    else:
        await stop.wait()
    await local.stop()
    say("stopped")
    factory.close()
    return status


def _say(factory: EnvironmentFactory, text: str, bad: bool) -> None:
    factory.console.write("platform", text, bad=bad)


def within(address: str) -> str:
    """The URL of the endpoint at `address` for functions: loopback, if it listens on all addresses."""
    host, _, port = address.rpartition(":")
    return f"http://{'127.0.0.1' if host in ('0.0.0.0', '[::]') else host}:{port}"


def client_variables(url: str, shell: Mapping[str, str]) -> dict[str, str]:
    """`shell` for a client of this endpoint, with dummy credentials and a role in `AWS_ROLE_ARN`."""
    kept = {name: value for name, value in shell.items() if not name.startswith("AWS_ENDPOINT_URL")}
    for name in _NOT_FOR_CLIENTS:
        kept.pop(name, None)
    return {
        "AWS_DEFAULT_REGION": REGION,
        **kept,
        "AWS_ENDPOINT_URL": url,
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
        "AWS_ACCESS_KEY_ID": "local-lambda",
        "AWS_SECRET_ACCESS_KEY": "local-lambda",
        "AWS_ROLE_ARN": ROLE,
    }


async def _run(command: Sequence[str], env: Mapping[str, str], stop: asyncio.Event) -> int:
    """Run the command to its end, or until `stop`; return its exit status in the form that a shell uses."""
    child = Path(__file__).with_name("child.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-IS", child, str(os.getpid()), *command, env=dict(env)
    )
    ended, stopped = asyncio.ensure_future(process.wait()), asyncio.ensure_future(stop.wait())
    await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ended.done():
        process.send_signal(signal.SIGTERM)
    status = await ended
    return status if status >= 0 else 128 - status
