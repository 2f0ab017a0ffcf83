"""The Invoke API for a set of functions, with an API's routes and a broker's queues, for `start` and `exec`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from local_lambda.limits import MAX_EVENT_BYTES

if TYPE_CHECKING:
    import socket

    from local_lambda.amqp.connection import Broker
    from local_lambda.apis.function_url.servers import FunctionUrls
    from local_lambda.cli.local_aws import LocalAws
    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.functions.config import ApiSettings, FunctionConfig
    from local_lambda.http.access import Access
    from local_lambda.service.debugger import DebuggerPort
    from local_lambda.service.directory import Versions
    from local_lambda.service.factory import EnvironmentFactory
    from local_lambda.service.foundation import Program
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.service.snapshots import Snapshots
    from local_lambda.service.watch import Renewed, Watcher
    from local_lambda.sinks.console import Console
    from local_lambda.ui.live_page import LivePage

    MakeWatcher = Callable[[Mapping[str, Renewed]], Watcher]


async def serve(
    factory: EnvironmentFactory,
    programs: Mapping[str, Program],
    listener: socket.socket,
    limit: int,
    access: Access,
    broker: Broker | None,
    make_watcher: MakeWatcher | None = None,
    idle_seconds: float | None = None,
    debugger: DebuggerPort | None = None,
    local_aws: LocalAws | None = None,
    apis: Mapping[str, ApiSettings] | None = None,
    warm: int = 0,
    page: LivePage | None = None,
) -> int:
    """Serve `programs`, listed by their functions' names, until a signal comes; then finish the requests in progress.

    `limit` is the highest number of environments for a function, and `access` says who may call. An environment that is
    idle for `idle_seconds` is shut down. One environment of the function that `debugger` debugs is started at once.
    `apis` are the settings of the APIs whose routes the functions have. `warm` environments of each start ahead. `page`
    is the live page.
    Returns the exit status.
    """
    import asyncio

    from local_lambda.apis.invoke_2015_03_31 import invoke_api
    from local_lambda.cli.loop import stop_signal
    from local_lambda.http.server import Server
    from local_lambda.service.directory import FunctionDirectory

    stop = stop_signal()
    console = factory.console
    factory.attach(asyncio.get_running_loop())
    pools = {name: _pool(factory, programs, name, limit, idle_seconds, warm) for name in programs}
    versions = {
        name: _versions(factory, programs, name, limit, idle_seconds)
        for name, program in programs.items()
        if program.function.published
    }
    called = {name: _called(pool, versions.get(name)) for name, pool in pools.items()}
    every = [*pools.values(), *(pool for each in versions.values() for pool in each.pools.values())]
    say = partial(_say, console)
    wanted = local_aws is not None or any(pool.function.urls for pool in pools.values())
    urls = await _open_urls(pools, versions, listener, access, say) if wanted else None
    if local_aws is not None:
        assert urls is not None
        await local_aws.start(factory, pools, urls, versions)
    invoke = app = invoke_api(FunctionDirectory(pools, _region(pools), versions=versions))
    routes = None
    if any(pool.function.routes for pool in pools.values()):
        from local_lambda.apis.api_gateway.application import api_gateway
        from local_lambda.apis.api_gateway.authorizers import authorizers_of
        from local_lambda.apis.api_gateway.cors import ApiCors
        from local_lambda.apis.api_gateway.routes import read_routes

        routes = read_routes(called.values())
        cors = ApiCors(routes, apis or {})
        app = api_gateway(routes, say, app, cors, authorizers_of(apis or {}, pools))
        access = access.with_cors(cors.lets_in)
    worker = None
    if broker is not None:
        from local_lambda.amqp.worker import Worker

        worker = Worker(broker, pools, lambda text, bad: console.write("amqp", text, bad=bad))
        await worker.start()
    server = Server(app, listener, MAX_EVENT_BYTES, access)
    await server.start()
    console.write("platform", f"listening on http://{server.address} for {', '.join(pools)}", needed=True)
    for line in routes.describe(server.address) if routes is not None else ():
        console.write("platform", line)
    for name, qualifier in ((name, each) for name, pool in pools.items() for each in pool.function.urls):
        assert urls is not None
        function = pools[name].function
        whose = name if qualifier in ("$LATEST", function.alias) else f"{name}:{qualifier}"
        console.write(
            "platform", f"URL of {whose}: {urls.served[function.qualified_arn(qualifier)].address}", needed=True
        )
    if page is not None:
        await page.start(every, invoke, f"http://{server.address}")
        console.write("platform", f"live page: {page.link}", needed=True)
    console.flush()
    if debugger is not None:
        await debugger.start()
        for name, program in programs.items():
            if program.debugging is not None:
                console.write("platform", f"{name} has one environment, because it is debugged")
                pools[name].debug()
    renewed = {name: Renewable(pool, versions.get(name)) for name, pool in pools.items()}
    watching = asyncio.ensure_future(make_watcher(renewed).run()) if make_watcher is not None else None
    await stop.wait()
    server.stop_listening()
    if page is not None:
        page.refuse()
    if urls is not None:
        urls.stop_listening()
    if local_aws is not None:
        await local_aws.stop_sources()
    if watching is not None:
        watching.cancel()
    if worker is not None:
        await worker.stop_consuming()
    await asyncio.gather(*(pool.finish() for pool in every))
    if local_aws is not None:
        local_aws.refuse()
    if worker is not None:
        await worker.finish()
    await asyncio.gather(*(pool.shutdown() for pool in every))
    if local_aws is not None:  # last: extensions may need its services until they end
        await local_aws.stop()
    server.close()
    if page is not None:
        page.close()
    if urls is not None:
        urls.close_all()
    if debugger is not None:
        debugger.close()
    console.write("platform", "stopped")
    factory.close()
    return 0


class Renewable:
    """The pools of one function, which get new environments together."""

    def __init__(self, latest: EnvironmentPool, versions: Versions | None) -> None:
        self._pools = [latest, *(versions.pools.values() if versions is not None else ())]

    def renew(self, function: FunctionConfig, when_ended: Callable[[], None]) -> None:
        """Serve `function` from now on, and its versions; `when_ended` is called after the last old environment."""
        left = len(self._pools)

        def ended() -> None:
            nonlocal left
            left -= 1
            if not left:
                when_ended()

        for pool in self._pools:
            kept = pool.function
            pool.renew(function._replace(version=kept.version), ended)


def _called(latest: EnvironmentPool, versions: Versions | None) -> EnvironmentPool:
    """The pool that routes and URLs call: that of the alias, if the function has one for them."""
    alias = latest.function.alias
    if versions is None or not alias:
        return latest
    return versions.find(alias, latest)[0] or latest


def _versions(
    factory: EnvironmentFactory, programs: Mapping[str, Program], name: str, limit: int, idle_seconds: float | None
) -> Versions:
    """The published versions of a function of a template."""
    from local_lambda.service.directory import Versions

    function = programs[name].function
    found = Versions()
    found.aliases.update(function.aliases)
    for version in function.published:
        found.pools[version] = _pool(factory, programs, name, limit, idle_seconds, 0, version)
    return found


def _say(console: Console, text: str, bad: bool) -> None:
    console.write("platform", text, bad=bad)


async def _open_urls(
    pools: Mapping[str, EnvironmentPool],
    versions: Mapping[str, Versions],
    listener: socket.socket,
    access: Access,
    say: Callable[[str, bool], None],
) -> FunctionUrls:
    """Serve the URLs of functions on the ports after the tool's own, if that was chosen."""
    from local_lambda.apis.function_url.servers import FunctionUrls

    host, port = listener.getsockname()[:2]
    urls = FunctionUrls(host, port + 1, access, say)
    for name, pool in pools.items():
        for qualifier, url in pool.function.urls.items():
            await urls.open(pool, qualifier, versions.get(name), url)
    return urls


def _region(pools: Mapping[str, EnvironmentPool]) -> str:
    """The region of the functions, which is the same for all."""
    return next(iter(pools.values())).function.region


def _pool(
    factory: EnvironmentFactory,
    programs: Mapping[str, Program],
    name: str,
    limit: int,
    idle_seconds: float | None,
    warm: int,
    version: str = "$LATEST",
) -> EnvironmentPool:
    from local_lambda.functions.config import PROVISIONED
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.service.snapshots import Snapshots

    def now() -> Program:
        """The program as it is now, of this version."""
        program = programs[name]
        if version == "$LATEST":
            return program
        return program._replace(function=program.function._replace(version=version))

    function = now().function
    label = f" {name}" if len(programs) > 1 else ""
    if version != "$LATEST":
        label = f" {name}:{version}"
    made = 0
    snapshots: Snapshots | None = None

    def create(program: Program | None = None) -> ExecutionEnvironment:
        nonlocal made
        made += 1
        numbered = f"{label}#{made}" if made > 1 else label
        return factory.create(program or now(), numbered) if snapshots is None else snapshots.create(numbered)

    def create_ahead() -> ExecutionEnvironment:
        program = now()
        return create(program._replace(function=program.function._replace(initialization_type=PROVISIONED)))

    if function.reserved_concurrency is not None:
        limit = min(limit, function.reserved_concurrency)

    if programs[name].debugging is not None:
        limit = 1

    def say(text: str) -> None:
        factory.console.write("platform", text)

    pool = EnvironmentPool(function, limit, create, say, factory.retry_pauses, factory.release, idle_seconds)
    if version != "$LATEST" and function.snap_start:
        from local_lambda.service.snapshots import Snapshots, why_cold

        cold = why_cold(now())
        if cold is not None:
            say(f"{name}: SnapStart has no effect, its versions start cold: {cold}")
        else:
            snapshots = Snapshots(factory, now, label, say)
            pool.restore_from(snapshots)
            snapshots.take()
    target = function.aliases[function.alias].version if function.alias else "$LATEST"
    ahead = function.provisioned if version == target else 0  # as on AWS: of the alias
    count = min(max(warm, ahead), limit)
    if function.tenant_isolation:
        if warm:
            say(f"{function.name}: --warm has no effect: an environment of a function that isolates tenants needs one")
    elif count:
        say(f"{function.name}: {count} environment{' starts' if count == 1 else 's start'} ahead")
        pool.provision(create_ahead, count)
    return pool
