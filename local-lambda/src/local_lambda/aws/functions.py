"""The functions of the endpoint, kept in memory: configuration, code, layers and environments of each.

Its methods are the control plane's verbs: https://docs.aws.amazon.com/lambda/latest/api/API_Operations.html. HTTP is in
`lambda_api.py`, checks that do not need state are in `checks.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from local_lambda.apis.function_url.servers import FunctionUrls
from local_lambda.aws.checks import Document, invalid
from local_lambda.aws.declared import DeclaredFunction
from local_lambda.aws.event_invoke import event_invoke_config
from local_lambda.aws.function import Function, Provisioned, change, new_configuration, touch
from local_lambda.aws.layers import Layers
from local_lambda.aws.packages import Package, Packages, check_total
from local_lambda.durable.executions import Executions
from local_lambda.environment.environment import ExecutionEnvironment
from local_lambda.errors import ApiError, StartError
from local_lambda.functions.config import ACCOUNT_ID, PROVISIONED, Alias, FunctionConfig, FunctionUrl
from local_lambda.functions.interpreter import Interpreter
from local_lambda.service.destinations import Destinations
from local_lambda.service.directory import FunctionDirectory, Versions
from local_lambda.service.factory import EnvironmentFactory
from local_lambda.service.foundation import Program
from local_lambda.service.pool import EnvironmentPool
from local_lambda.service.snapshots import Snapshots, why_cold
from local_lambda.sources.event_sources import EventSources


class FunctionRegistry:
    """The functions and layers of one region.

    `find` chooses the interpreter for a runtime and raises StartError if it does not find one. `limit` is the maximum
    number of environments of a function.
    """

    def __init__(
        self,
        region: str,
        factory: EnvironmentFactory,
        workspace: Path,
        limit: int,
        find: Callable[[FunctionConfig], Interpreter],
        account: str = ACCOUNT_ID,
    ) -> None:
        self.region = region
        self.account = account
        self.functions: dict[str, Function] = {}
        self.declared: dict[str, DeclaredFunction] = {}
        """Functions of a template, whose environments the command itself ends."""
        self.sources: EventSources
        """What polls queues and streams for functions; the endpoint sets it."""
        self.urls: FunctionUrls
        """The function URLs that are served; the endpoint sets it."""
        self.destinations: Destinations
        """Where records of events are sent; the endpoint sets it."""
        self.executions: Executions
        """The durable executions; the endpoint sets it."""
        self._packages = Packages(workspace)
        self.layers = Layers(region, self._packages, account)
        self._pools: dict[str, EnvironmentPool] = {}
        self._versions: dict[str, Versions] = {}
        self.directory = FunctionDirectory(
            self._pools,
            region,
            generic=False,
            on_found=self._check_interpreter,
            versions=self._versions,
            account=account,
        )
        self._factory = factory
        self.limit = limit
        self._find = find
        self._ending: set[asyncio.Task[None]] = set()
        self._noted: set[tuple[str, Path]] = set()
        """Runtimes that differ from the interpreter's version, each reported once."""

    # --- functions

    def declare(self, pools: Mapping[str, EnvironmentPool], versions: Mapping[str, Versions]) -> None:
        """Add the functions of a template, and their published versions."""
        self._pools.update(pools)
        self._versions.update(versions)
        for pool in (*pools.values(), *(pool for each in versions.values() for pool in each.pools.values())):
            pool.asynchronous.destinations = self.destinations
            pool.durable = self.executions
        self.declared.update({name: DeclaredFunction(pool) for name, pool in pools.items()})
        self.directory.forget()

    def get(self, name: str, qualifier: str | None = None) -> Function:
        """The function of this name, to change it.

        Raises ApiError ResourceNotFoundException, and InvalidParameterValueException if the template declares it.
        """
        function = self.find(name, qualifier)
        if isinstance(function, DeclaredFunction):
            raise function.refuse_change()
        return function

    def find(self, name: str, qualifier: str | None = None) -> Function | DeclaredFunction:
        """The function of this name, or a version of it, to look at it. Raises ApiError ResourceNotFoundException."""
        function = self.functions.get(name) or self.declared.get(name)
        if function is None or qualifier in (None, "$LATEST"):
            if function is None:
                raise self._missing(name, qualifier)
            return function
        assert qualifier is not None
        if isinstance(function, DeclaredFunction):
            versions = self._versions.get(name)
            pool = versions.find(qualifier, function.pool)[0] if versions is not None else None
            if pool is None:
                raise self._missing(name, qualifier)
            return DeclaredFunction(pool)
        number = function.version_of(qualifier)
        version = function if number == "$LATEST" else function.published.get(number)
        if version is None:
            raise self._missing(name, qualifier)
        return version

    def _missing(self, name: str, qualifier: str | None) -> ApiError:
        suffix = f":{qualifier}" if qualifier else ""
        return ApiError(404, "ResourceNotFoundException", f"Function not found: {self.arn(name)}{suffix}")

    async def create(self, name: str, request: Document, data: bytes) -> Function:
        """Create a function from a checked request. Raises ApiError ResourceConflictException if it already exists."""
        if name in self.functions or name in self.declared:
            raise ApiError(409, "ResourceConflictException", f"Function already exist: {name}")
        layers = self.layers.find(request.get("Layers", []))
        package = await self._packages.open(data)
        try:
            opt, own = await self._packages.merge(package, [layer.package for layer in layers])
        except ApiError:
            await self._packages.remove(package.home)
            raise
        configuration = new_configuration(name, self.arn(name), request, package, layers)
        function = Function(configuration, package, layers, opt, own, dict(request.get("Tags", {})))
        function.pool = self._pool(function)
        self.functions[name] = function
        self._pools[name] = function.pool
        self.directory.forget()
        await self._look_for_interpreter(function)
        return function

    async def update_code(
        self, function: Function, data: bytes, architectures: list[str] | None, dry_run: bool
    ) -> Document:
        """Replace the code. A dry run returns the would-be configuration and changes nothing."""
        package = await self._packages.open(data)
        try:
            check_total(package, [layer.package for layer in function.layers])
        except ApiError:
            await self._packages.remove(package.home)
            raise
        changes: Document = {"CodeSize": package.size, "CodeSha256": package.sha256}
        if architectures is not None:
            changes["Architectures"] = architectures
        if dry_run:
            await self._packages.remove(package.home)
            return {**function.configuration, **changes}
        old, function.package = function.package, package
        function.configuration |= changes
        touch(function.configuration)
        self._renew(function, old.home)
        return function.configuration

    async def update_configuration(self, function: Function, request: Document) -> None:
        """Change the members of a checked request; all others stay."""
        layers, opt, own, old = function.layers, function.opt, function.own_opt, None
        if "Layers" in request:
            layers = self.layers.find(request["Layers"])
            opt, own = await self._packages.merge(function.package, [layer.package for layer in layers])
            old = function.own_opt
        change(function.configuration, request, layers)
        function.layers, function.opt, function.own_opt = layers, opt, own
        if "Runtime" in request:
            await self._look_for_interpreter(function)
        self._renew(function, old)

    def set_concurrency(self, function: Function, reserved: int | None) -> None:
        """Change the reserved concurrency; environments stay unless there are now too many."""
        pool, function.reserved_concurrency = function.pool, reserved
        pool.function, pool.limit = function.config(), self._most(function)
        if len(pool.environments) > pool.limit:
            self._renew(function, None)

    async def open_url(self, function: Function, qualifier: str, url: FunctionUrl) -> None:
        """Serve the URL of a function or of an alias, or change its settings."""
        await self.urls.open(function.pool, qualifier, self._versions_of(function), url)

    def set_provisioned(self, function: Function, qualifier: str, provisioned: Provisioned | None) -> None:
        """Change or (None) delete the provisioned concurrency of a version or alias."""
        if provisioned is None:
            del function.provisioned[qualifier]
        else:
            function.provisioned[qualifier] = provisioned
        self._provision(function)

    def _provision(self, function: Function) -> None:
        """Let each version have the environments that it and its aliases ask for."""
        wanted = dict.fromkeys(function.published, 0)
        for qualifier, (count, _) in function.provisioned.items():
            number = function.version_of(qualifier)
            if number in wanted:
                wanted[number] += count
        for number, count in wanted.items():
            version = function.published[number]
            version.pool.provision(version.create_ahead, count)

    def publish(self, function: Function, description: str | None) -> Function:
        """The version with the function's code and settings: the last one if they are the same, else a new one."""
        last = function.published.get(str(function.last_version))
        if last is not None and _published(last) == _published(function):
            return last
        version = function.snapshot(description)
        version.pool = self._pool(version)
        self._versions_of(function).pools[version.configuration["Version"]] = version.pool
        self.directory.forget()
        return version

    def delete_version(self, function: Function, number: str) -> None:
        """Remove a version. Raises ApiError if it does not exist, and while an alias points to it."""
        self.find(function.name, number)
        for alias in function.aliases.values():
            if number in (alias["FunctionVersion"], *weights_of(alias)):
                raise ApiError(
                    409, "ResourceConflictException", f"Version {number} is in use: alias {alias['Name']} points to it"
                )
        version = function.published.pop(number)
        function.provisioned.pop(number, None)
        function.policies.pop(number, None)
        function.event_invoke.pop(number, None)
        del self._versions_of(function).pools[number]
        self.directory.forget()
        self._later(self._end(version, keep=self._folders_of(function)))

    def set_alias(self, function: Function, name: str, document: Document | None) -> None:
        """Create, change or (None) delete an alias."""
        aliases = self._versions_of(function).aliases
        if document is None:
            del function.aliases[name], aliases[name]
            function.provisioned.pop(name, None)
            function.policies.pop(name, None)
            function.event_invoke.pop(name, None)
            self.urls.close(function.pool.function.qualified_arn(name))
        else:
            function.aliases[name] = document
            aliases[name] = Alias(document["FunctionVersion"], weights_of(document))
        self._provision(function)
        self.directory.forget()

    def _versions_of(self, function: Function) -> Versions:
        return self._versions.setdefault(function.name, Versions())

    def _folders_of(self, function: Function) -> set[Path]:
        """The folders that a function and its versions use."""
        everything = (function, *function.published.values())
        return {folder for each in everything for folder in (each.package.home, each.own_opt) if folder is not None}

    def delete(self, function: Function) -> None:
        """Remove the function and its versions at once; their environments end after the requests in progress."""
        del self.functions[function.name]
        del self._pools[function.name]
        self._versions.pop(function.name, None)
        for arn in self.urls.of_function(function.pool.function.arn):
            self.urls.close(arn)
        self.directory.forget()
        for version in function.published.values():
            self._later(self._end(version, keep=self._folders_of(function)))
        self._later(self._end(function))

    async def shutdown(self) -> None:
        """Finish requests in progress and end every environment."""
        everything = [each for function in self.functions.values() for each in (function, *function.published.values())]
        pools = [function.pool for function in everything]
        await asyncio.gather(*(pool.finish() for pool in pools))
        await asyncio.gather(*(pool.shutdown() for pool in pools))
        await asyncio.gather(*self._ending)

    # --- parts

    def packages(self) -> Iterable[Package]:
        """The code of all functions and the content of all layers."""
        yield from (function.package for function in self.functions.values())
        yield from self.layers.packages()

    def _pool(self, function: Function) -> EnvironmentPool:
        def program() -> Program:
            return Program(function.config(), function.package.folder, function.opt, function.interpreter)

        def label() -> str:
            function.made += 1
            version = function.configuration["Version"]
            name = function.name if version == "$LATEST" else f"{function.name}:{version}"
            return f" {name}" if function.made == 1 else f" {name}#{function.made}"

        def create() -> ExecutionEnvironment:
            return self._factory.create(program(), label()) if snapshots is None else snapshots.create(label())

        def create_ahead() -> ExecutionEnvironment:
            ahead = program()
            config = ahead.function._replace(initialization_type=PROVISIONED)
            return self._factory.create(ahead._replace(function=config), label())

        function.create_ahead = create_ahead
        snapshots = self._snapshots(function, program)

        pool = EnvironmentPool(
            function.config(),
            self._most(function),
            create,
            partial(self._say, function),
            self._factory.retry_pauses,
            self._factory.release,
        )
        pool.asynchronous.destinations = self.destinations
        pool.asynchronous.settings = lambda qualifier: event_invoke_config(function.event_invoke.get(qualifier))
        pool.durable = self.executions
        if snapshots is not None:
            pool.restore_from(snapshots)
        return pool

    def _snapshots(self, function: Function, program: Callable[[], Program]) -> Snapshots | None:
        """The snapshots of a version with SnapStart, which is `Pending` until there is one."""
        document, version = function.configuration, function.configuration["Version"]
        if version == "$LATEST" or document["SnapStart"]["ApplyOn"] != "PublishedVersions":
            return None
        document["SnapStart"] = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
        cold = why_cold(program())
        if cold is not None:
            self._say(function, f"version {version} starts cold: {cold}")
            return None
        document |= {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}

        def settle(error: str | None) -> None:
            for member in ("StateReason", "StateReasonCode"):
                document.pop(member, None)
            document["State"] = "Active"
            if error is not None:
                document.update({"State": "Failed", "StateReason": error, "StateReasonCode": "FunctionError"})

        say = partial(self._say, function)
        snapshots = Snapshots(self._factory, program, f" {function.name}:{version}", say, settle)
        try:
            snapshots.take()
        except StartError as error:
            settle(str(error))
        return snapshots

    def _most(self, function: Function) -> int:
        reserved = function.reserved_concurrency
        return self.limit if reserved is None else min(self.limit, reserved)

    def _renew(self, function: Function, old: Path | None) -> None:
        """Make the next invocation a cold start; remove the folder `old` after the last environment that uses it."""
        self.directory.forget()

        def ended() -> None:
            if old is not None and old not in self._folders_of(function):
                self._later(self._packages.remove(old))

        function.pool.renew(function.config(), ended)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, function: Function, keep: Iterable[Path] = ()) -> None:
        """End the environments, and remove the folders that nothing else uses."""
        self.executions.fail_all(function.pool)
        await function.pool.finish()
        await function.pool.shutdown()
        for folder in (function.package.home, function.own_opt):
            if folder is not None and folder not in keep:
                await self._packages.remove(folder)

    async def _look_for_interpreter(self, function: Function) -> None:
        """Find the interpreter. If it is missing, a message says so, and the first invocation looks for it again."""
        try:
            self._take(function, await asyncio.to_thread(self._find, function.config()))
        except StartError as error:
            self._say(function, str(error), bad=True)

    def _check_interpreter(self, name: str) -> None:
        """Look for a missing interpreter again when the function is invoked. Raises ApiError if there is none."""
        function = self.functions.get(name)
        if function is not None and function.interpreter is None:
            try:
                self._take(function, self._find(function.config()))
            except StartError as error:
                raise invalid(f"{name} cannot run here: {error}") from None

    def _take(self, function: Function, found: Interpreter) -> None:
        runtime = function.configuration["Runtime"]
        if found.runtime != runtime and (runtime, found.path) not in self._noted:
            self._noted.add((runtime, found.path))
            self._say(function, f"its runtime is {runtime}, this runs on {found.runtime} ({found.path})")
        function.interpreter = found
        for version in function.published.values():
            version.interpreter = version.interpreter or found

    def _say(self, function: Function, text: str, bad: bool = False) -> None:
        self._factory.console.write("platform", f"{function.name}: {text}", bad=bad)

    def arn(self, name: str) -> str:
        """The unqualified ARN of a function."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"


def weights_of(alias: Document) -> dict[str, float]:
    """The shares of the versions to which an alias points in addition."""
    return dict(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))


def _published(function: Function) -> Document:
    """What distinguishes one version from the next: code and settings."""
    kept = ("FunctionArn", "Version", "Description", "RevisionId", "LastModified")
    return {member: value for member, value in function.configuration.items() if member not in kept}
