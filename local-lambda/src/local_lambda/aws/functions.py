"""The functions and layers of the endpoint, all in memory: configuration, code, layers and environments of each.

Its methods are the control plane's verbs. Source of fields and messages:
https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html and API_PublishLayerVersion.html there.
HTTP is `lambda_api.py`'s, what needs no state `checks.py`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from local_lambda.apis.invoke_2015_03_31 import FunctionDirectory
from local_lambda.aws.checks import Document, invalid
from local_lambda.aws.packages import Package, check_total, open_package
from local_lambda.config import ACCOUNT_ID, FunctionConfig, LoggingConfig
from local_lambda.environment import ExecutionEnvironment
from local_lambda.errors import ApiError, StartError
from local_lambda.host import EnvironmentHost, Program
from local_lambda.identifiers import new_uuid
from local_lambda.interpreter import Interpreter
from local_lambda.pool import EnvironmentPool


@dataclass
class LayerVersion:
    """One version of a layer: its answer of the API, and its content."""

    name: str
    document: Document
    package: Package


@dataclass
class Function:
    """One function. `configuration` is a FunctionConfiguration as the API answers it, and the only place for it."""

    configuration: Document
    package: Package
    layers: list[LayerVersion]
    opt: Path | None
    own_opt: Path | None
    """The folder to remove with `opt`, when that was merged for this function alone."""
    tags: dict[str, str]
    reserved_concurrency: int | None = None
    interpreter: Interpreter | None = None
    pool: EnvironmentPool = field(init=False)
    made: int = 0

    @property
    def name(self) -> str:
        """The function's name."""
        return str(self.configuration["FunctionName"])

    def config(self) -> FunctionConfig:
        """The function as environments know it."""
        document, logging = self.configuration, self.configuration["LoggingConfig"]
        return FunctionConfig(
            self.name,
            document["Handler"],
            runtime=document["Runtime"],
            code=self.package.folder,
            timeout=document["Timeout"],
            memory_mb=document["MemorySize"],
            ephemeral_storage_mb=document["EphemeralStorage"]["Size"],
            environment=document.get("Environment", {}).get("Variables", {}),
            tracing_active=document["TracingConfig"]["Mode"] == "Active",
            logging=LoggingConfig(
                logging["LogFormat"],
                logging.get("ApplicationLogLevel", "INFO"),
                logging.get("SystemLogLevel", "INFO"),
                logging["LogGroup"],
            ),
            reserved_concurrency=self.reserved_concurrency,
            region=document["FunctionArn"].split(":")[3],
        )


class Functions:
    """The functions and layers of one region.

    `find` chooses the interpreter for a runtime; it raises StartError when there is none. `limit` is the most
    environments a function may have.
    """

    def __init__(
        self,
        region: str,
        host: EnvironmentHost,
        workspace: Path,
        limit: int,
        find: Callable[[FunctionConfig], Interpreter],
    ) -> None:
        self.region = region
        self.functions: dict[str, Function] = {}
        self.layers: dict[str, dict[int, LayerVersion]] = {}
        self.directory = _Directory(self)
        self._newest_layer: dict[str, int] = {}
        self._host = host
        self._workspace = workspace
        self._limit = limit
        self._find = find
        self._folders = count(1)
        self._ending: set[asyncio.Task[None]] = set()

    # --- functions

    def get(self, name: str, qualifier: str | None = None) -> Function:
        """Raises ApiError ResourceNotFoundException."""
        function = self.functions.get(name)
        if function is None or qualifier not in (None, "$LATEST"):
            suffix = f":{qualifier}" if qualifier else ""
            raise ApiError(404, "ResourceNotFoundException", f"Function not found: {self._arn(name)}{suffix}")
        return function

    async def create(self, name: str, request: Document, data: bytes) -> Function:
        """A new function of a checked request. Raises ApiError ResourceConflictException when there is one already."""
        if name in self.functions:
            raise ApiError(409, "ResourceConflictException", f"Function already exist: {name}")
        layers = self._layers(request.get("Layers", []))
        package = await self.open(data)
        configuration: Document = {
            "FunctionName": name,
            "FunctionArn": self._arn(name),
            "Runtime": request["Runtime"],
            "Role": request["Role"],
            "Handler": request["Handler"],
            "CodeSize": package.size,
            "Description": "",
            "Timeout": 3,
            "MemorySize": 128,
            "CodeSha256": package.sha256,
            "Version": "$LATEST",
            "TracingConfig": {"Mode": "PassThrough"},
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
            "Architectures": request.get("Architectures", ["x86_64"]),
            "EphemeralStorage": {"Size": 512},
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "LoggingConfig": {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"},
        }
        try:
            opt, own = await self._merge(package, layers)
        except ApiError:
            await self._remove(package.home)
            raise
        _change(configuration, request, layers)
        function = Function(configuration, package, layers, opt, own, dict(request.get("Tags", {})))
        function.pool = self._pool(function)
        self.functions[name] = function
        self.directory.forget()
        await self._look_for_interpreter(function)
        return function

    async def update_code(self, function: Function, data: bytes, dry_run: bool) -> Document:
        """Replace the code. A dry run answers what would be, and changes nothing."""
        package = await self.open(data)
        try:
            check_total(package, [layer.package for layer in function.layers])
        except ApiError:
            await self._remove(package.home)
            raise
        changes = {"CodeSize": package.size, "CodeSha256": package.sha256}
        if dry_run:
            await self._remove(package.home)
            return {**function.configuration, **changes}
        old, function.package = function.package, package
        function.configuration |= changes
        touch(function.configuration)
        self._renew(function, old.home)
        return function.configuration

    async def update_configuration(self, function: Function, request: Document) -> None:
        """Change what a checked request names; the rest stays."""
        layers, opt, own, old = function.layers, function.opt, function.own_opt, None
        if "Layers" in request:
            layers = self._layers(request["Layers"])
            opt, own = await self._merge(function.package, layers)
            old = function.own_opt
        _change(function.configuration, request, layers)
        function.layers, function.opt, function.own_opt = layers, opt, own
        if "Runtime" in request:
            await self._look_for_interpreter(function)
        self._renew(function, old)

    def set_concurrency(self, function: Function, reserved: int | None) -> None:
        """Change the reserved concurrency; environments stay, unless there are too many now."""
        pool, function.reserved_concurrency = function.pool, reserved
        pool.function, pool.limit = function.config(), self._most(function)
        if len(pool.environments) > pool.limit:
            self._renew(function, None)

    def delete(self, function: Function) -> None:
        """Forget the function at once; its environments end when they have finished what they do."""
        del self.functions[function.name]
        self.directory.forget()
        self._later(self._end(function))

    async def shutdown(self) -> None:
        """Finish what is being served and end every environment."""
        pools = [function.pool for function in self.functions.values()]
        await asyncio.gather(*(pool.finish() for pool in pools))
        await asyncio.gather(*(pool.shutdown() for pool in pools))
        await asyncio.gather(*self._ending)

    # --- layers

    def layer(self, name: str, version: int) -> LayerVersion:
        """Raises ApiError ResourceNotFoundException."""
        found = self.layers.get(name, {}).get(version)
        if found is None:
            raise ApiError(404, "ResourceNotFoundException", "The resource you requested does not exist.")
        return found

    async def publish_layer(self, name: str, request: Document, data: bytes) -> LayerVersion:
        """A new version; numbers count up and are never used again."""
        package = await self.open(data, layer=True)
        version = self._newest_layer[name] = self._newest_layer.get(name, 0) + 1
        arn = f"arn:aws:lambda:{self.region}:{ACCOUNT_ID}:layer:{name}"
        document = {
            "LayerArn": arn,
            "LayerVersionArn": f"{arn}:{version}",
            "Description": request.get("Description", ""),
            "CreatedDate": _now(),
            "Version": version,
        }
        for member in ("CompatibleRuntimes", "CompatibleArchitectures", "LicenseInfo"):
            if request.get(member):
                document[member] = request[member]
        layer = LayerVersion(name, document, package)
        self.layers.setdefault(name, {})[version] = layer
        return layer

    def delete_layer(self, name: str, version: int) -> None:
        """Functions that have the version keep it, no function can get it any more."""
        self.layers.get(name, {}).pop(version, None)

    # --- parts

    async def open(self, data: bytes, layer: bool = False) -> Package:
        """Unzip a package into a folder of its own. Raises ApiError."""
        home = self._workspace / f"{'layer' if layer else 'code'}-{next(self._folders)}"
        try:
            return await asyncio.to_thread(open_package, data, home, layer)
        except ApiError:
            await self._remove(home)
            raise

    def packages(self) -> Iterable[Package]:
        """The code of all functions and the content of all layers."""
        yield from (function.package for function in self.functions.values())
        yield from (layer.package for versions in self.layers.values() for layer in versions.values())

    def _layers(self, arns: list[str]) -> list[LayerVersion]:
        layers = []
        for arn in arns:
            _, _, _, region, account, _, name, version = arn.split(":")
            layer = self.layers.get(name, {}).get(int(version))
            if layer is None or (region, account) != (self.region, ACCOUNT_ID):
                here = "" if account == ACCOUNT_ID else " (only layers published to this endpoint exist here)"
                raise invalid(f"Layer version {arn} does not exist.{here}")
            layers.append(layer)
        return layers

    async def _merge(self, package: Package, layers: list[LayerVersion]) -> tuple[Path | None, Path | None]:
        """What becomes `/opt`, and the folder to remove with it; the content of a single layer is used in place."""
        from local_lambda.bundle import merge_layers
        from local_lambda.errors import UsageError

        check_total(package, [layer.package for layer in layers])
        if len(layers) < 2:
            return (layers[0].package.folder if layers else None), None
        own = self._workspace / f"opt-{next(self._folders)}"
        try:
            return await asyncio.to_thread(merge_layers, [layer.package.folder for layer in layers], own), own
        except UsageError as error:
            await self._remove(own)
            raise invalid(str(error)) from None

    def _pool(self, function: Function) -> EnvironmentPool:
        def create() -> ExecutionEnvironment:
            function.made += 1
            label = f" {function.name}" if function.made == 1 else f" {function.name}#{function.made}"
            program = Program(function.config(), function.package.folder, function.opt, function.interpreter)
            return self._host.build(self._host.lay(program, label))

        return EnvironmentPool(
            function.config(), self._most(function), create, partial(self._say, function), discard=self._host.release
        )

    def _most(self, function: Function) -> int:
        reserved = function.reserved_concurrency
        return self._limit if reserved is None else min(self._limit, reserved)

    def _renew(self, function: Function, old: Path | None) -> None:
        """The next invocation is a cold start; `old`, a folder nobody needs then, is removed behind the last one."""
        self.directory.forget()

        def ended() -> None:
            if old is not None:
                self._later(self._remove(old))

        function.pool.renew(function.config(), ended)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, function: Function) -> None:
        await function.pool.finish()
        await function.pool.shutdown()
        await self._remove(function.package.home)
        if function.own_opt is not None:
            await self._remove(function.own_opt)

    async def _remove(self, folder: Path) -> None:
        from shutil import rmtree

        await asyncio.to_thread(rmtree, folder, ignore_errors=True)

    async def _look_for_interpreter(self, function: Function) -> None:
        """One that is missing is no fault of the request: it is said, and looked for again by an invocation."""
        try:
            await asyncio.to_thread(self.choose_interpreter, function)
        except StartError as error:
            self._say(function, str(error), bad=True)

    def choose_interpreter(self, function: Function) -> None:
        """Find the interpreter, and say when it is of another version. Raises StartError."""
        found = self._find(function.config())
        if found.runtime != function.configuration["Runtime"]:
            runtime = function.configuration["Runtime"]
            self._say(function, f"its runtime is {runtime}, this runs on {found.runtime} ({found.path})")
        function.interpreter = found

    def _say(self, function: Function, text: str, bad: bool = False) -> None:
        self._host.console.write("platform", f"{function.name}: {text}", bad=bad)

    def _arn(self, name: str) -> str:
        return f"arn:aws:lambda:{self.region}:{ACCOUNT_ID}:function:{name}"


class _Directory(FunctionDirectory):
    """How an invocation finds its function; one without an interpreter is refused."""

    def __init__(self, functions: Functions) -> None:
        super().__init__({}, functions.region, generic=False)
        self._functions = functions

    def forget(self) -> None:
        """Functions have changed."""
        self._pools = {name: function.pool for name, function in self._functions.functions.items()}
        self._resolved.clear()

    def _resolve(self, text: str, query: Any) -> tuple[EnvironmentPool, str]:
        pool, arn = super()._resolve(text, query)
        function = self._functions.functions[pool.function.name]
        if function.interpreter is None:
            try:
                self._functions.choose_interpreter(function)
            except StartError as error:
                raise invalid(f"{function.name} cannot run here: {error}") from None
        return pool, arn


def _change(configuration: Document, request: Document, layers: list[LayerVersion]) -> None:
    """Write what a request names into a FunctionConfiguration."""
    for member in ("Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize"):
        if member in request:
            configuration[member] = request[member]
    for member in ("TracingConfig", "EphemeralStorage"):
        configuration[member] = {**configuration[member], **request.get(member, {})}
    logging = {**configuration["LoggingConfig"], **request.get("LoggingConfig", {})}
    if logging["LogFormat"] == "JSON":
        logging = {"ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO", **logging}
    else:
        logging = {member: logging[member] for member in ("LogFormat", "LogGroup")}
    configuration["LoggingConfig"] = logging
    if "Environment" in request:
        configuration.pop("Environment", None)
        if request["Environment"].get("Variables"):
            configuration["Environment"] = {"Variables": dict(request["Environment"]["Variables"])}
    configuration.pop("Layers", None)
    if layers:
        configuration["Layers"] = [
            {"Arn": layer.document["LayerVersionArn"], "CodeSize": layer.package.size} for layer in layers
        ]
    touch(configuration)


def touch(configuration: Document) -> None:
    """The configuration has changed: a new revision."""
    configuration["LastModified"] = _now()
    configuration["RevisionId"] = new_uuid()


def _now() -> str:
    return f"{datetime.now(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "+0000"
