"""The foundation of an environment: sockets, sandbox and processes, made before there has to be an event loop."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from local_lambda.errors import StartError, reason_of
from local_lambda.functions.config import FunctionConfig
from local_lambda.functions.interpreter import Interpreter
from local_lambda.http.sockets import listen
from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.launch import Folders, Launch, command_launch, managed_launch
from local_lambda.processes.launched import LaunchedProcesses
from local_lambda.processes.process import Process
from local_lambda.processes.sandbox_specification import RUNTIME_DIRECTORY, spec
from local_lambda.processes.variables import Endpoints
from local_lambda.processes.zygote import Zygote
from local_lambda.service.descriptors import descriptors
from local_lambda.sinks.console import Console

if TYPE_CHECKING:
    import socket

    from local_lambda.environment.restore_phase import OnSnapshot, WhenReady
    from local_lambda.service.debugger import Debugging

LOOPBACK = "127.0.0.1"
PROGRAM = Path(RUNTIME_DIRECTORY).parent / "snapshot.py"
"""What lets a runtime become a snapshot."""
DESCRIPTORS = 24
"""How many descriptors must be free before an environment is created. It needs ten, some of them later: an environment
that cannot accept its runtime's connection would keep its caller waiting until the Init phase times out. A few must be
left for callers beyond those that `http.server` keeps to turn callers away, or warm environments cannot be reached."""
MOST_REMEMBERED = 1_000
MEGABYTE = 1024 * 1024


class Snapshot(Protocol):
    """A process from which environments are forked. `base` is that of the environment in which it was taken."""

    base: Foundation

    def fork(self) -> socket.socket:
        """The control socket of a new supervisor. Raises OSError."""

    def when_ready(self, action: OnSnapshot) -> None:
        """Call when environments can be forked, or with the reason when it is known that they cannot."""


class Program(NamedTuple):
    """What a function's environments run: its code and merged layers as folders. Without `interpreter`, its command.

    `needs` are further programs that must stay visible in a sandbox.
    """

    function: FunctionConfig
    code: Path
    layers: Path | None
    interpreter: Interpreter | None
    sandboxed: bool = True
    needs: tuple[Interpreter, ...] = ()
    debugging: Debugging | None = None
    snapshot: Snapshot | None = None
    """The snapshot from which the environment is restored."""
    socket: int | None = None
    """Set for the environment that becomes the snapshot: the descriptor of the socket on which it is asked to fork."""

    @property
    def interpreters(self) -> tuple[Interpreter, ...]:
        """All programs that must stay visible in a sandbox."""
        return self.needs if self.interpreter is None else (self.interpreter, *self.needs)


class Foundation(NamedTuple):
    """The foundation of one environment. `runtime` is a runtime process that has already started."""

    function: FunctionConfig
    label: str
    listener: socket.socket
    processes: LaunchedProcesses
    address: str
    launch: Launch
    runtime: Process | None
    tmp: Path
    """The folder that is `/tmp` in a sandbox."""
    debugging: Debugging | None = None
    folders: Folders | None = None
    restored_when: WhenReady | None = None
    """Set for an environment that is restored: calls what it is given once there is a snapshot, or can be none."""
    is_snapshot: bool = False

    def abandon(self) -> None:
        """Release everything: no environment will be built on it."""
        self.listener.close()
        self.processes.close()
        remove(self.tmp)


class Ground:
    """Lays foundations. `xray` is the address of the X-Ray port, `shell` the caller's environment variables."""

    def __init__(
        self, zygote: Zygote, console: Console, shell: Mapping[str, str], workspace: Path, xray: tuple[str, int]
    ) -> None:
        self._zygote = zygote
        self._console = console
        self._shell = shell
        self._workspace = workspace
        self._xray = xray
        self.aws_endpoint: str | None = None
        """The URL of the local AWS endpoint, to which the SDKs of functions are pointed."""
        self._count = 0
        self._granted: set[tuple[Path, Path | None]] = set()
        """Code and layers of which a sandbox was made, as far as they are remembered."""
        self._reasons: set[str] = set()
        """The reasons for a missing sandbox that were already reported; each is reported once."""

    def lay(self, program: Program, label: str, spawn: bool, meanwhile: Iterable[object]) -> Foundation:
        """Prepare sockets, sandbox and processes of a new environment; with `spawn`, start the runtime at once.

        Steps of `meanwhile` are taken while a sandbox is built. Raises StartError, and leaves nothing behind, when
        something is missing (descriptors, space, processes).
        """
        self._count += 1
        tmp = self._workspace / f"tmp-{self._count}"
        with ExitStack() as undo:
            try:
                if descriptors()[1] < DESCRIPTORS:
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
                if not program.code.is_dir():
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(program.code))
                listener = undo.enter_context(listen(LOOPBACK, 0))
                restored = program.snapshot is not None and program.socket is None
                group = self._zygote.open(program.snapshot.fork if program.snapshot and restored else None)
                undo.callback(group.close)
                undo.callback(remove, tmp)
                if program.snapshot and restored:
                    address, folders = program.snapshot.base.address, program.snapshot.base.folders
                    group.on_supervised = partial(self._supervised, program.function.name)
                else:
                    address, folders = self._folders(program, group, tmp, meanwhile)
                assert folders is not None
                runtime_api = f"{LOOPBACK}:{listener.getsockname()[1]}"
                endpoints = Endpoints(runtime_api, self._xray, self.aws_endpoint)
                launch = _launch(program, folders, endpoints, self._shell)
                processes = LaunchedProcesses(launch, group, () if program.socket is None else (program.socket,))
                runtime = processes.spawn_runtime() if spawn and not launch.extensions else None
            except OSError as error:
                raise StartError(f"cannot create an environment: {reason_of(error)}") from None
            undo.pop_all()
        base = Foundation(
            program.function, label, listener, processes, address, launch, runtime, tmp, program.debugging, folders
        )
        if program.snapshot is None:
            return base
        if restored:
            return base._replace(restored_when=program.snapshot.when_ready)
        program.snapshot.base = base._replace(is_snapshot=True)
        return program.snapshot.base

    def _supervised(self, name: str, reason: str | None, threads: int) -> None:
        """A restored environment has begun; say once how it is different from one on AWS."""
        lines = [f"{name}: restored environments share their /tmp: {reason}"] if reason is not None else []
        if threads:
            lines.append(f"{name}: threads of the Init phase, which restored environments lack: {threads}")
        for line in lines:
            if line not in self._reasons and len(self._reasons) < 20:
                self._reasons.add(line)
                self._console.write("platform", line, bad=True)

    def _folders(
        self, program: Program, group: ProcessGroup, tmp: Path, meanwhile: Iterable[object]
    ) -> tuple[str, Folders]:
        """The address of `sandbox.localdomain`, and code and layers: in a new sandbox, or where they are on disk."""
        extensions = _extensions(program.layers)
        layers = None if program.layers is None else str(program.layers)
        plain = Folders(str(program.code), layers, extensions)
        if not program.sandboxed:
            return LOOPBACK, plain
        address = _loopback_address(self._count)
        self._workspace.mkdir(mode=0o700, exist_ok=True)
        tmp.mkdir()
        tmp.chmod(0o1777)
        keep = program.debugging.keep if program.debugging is not None else ()
        size = self._size_of_tmp(program.function)
        managed = program.interpreter is not None  # other programs may need anything of the user's
        places = spec(program.code, program.layers, tmp, size, address, program.interpreters, keep, managed)
        reason = group.enter_sandbox(places, meanwhile)
        content = program.code, program.layers
        if reason is None:
            if len(self._granted) < MOST_REMEMBERED:
                self._granted.add(content)
            return address, Folders("/var/task", "/opt", extensions, "/var/runtime")
        if (
            content in self._granted
        ):  # what fails now will pass; without a sandbox the environment would stay so for life
            raise StartError(f"cannot create an environment: no sandbox: {reason}")
        if reason not in self._reasons and len(self._reasons) < 20:
            self._reasons.add(reason)
            self._console.write("platform", f"no sandbox, so code and layers stay in their own folders: {reason}")
        return LOOPBACK, plain

    def _size_of_tmp(self, function: FunctionConfig) -> int | None:
        """The size of `/tmp` in MB; None if the machine's memory has no room for it, so that it stays on disk."""
        size = function.ephemeral_storage_mb
        if size <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MEGABYTE // 2:
            return size
        reason = f"/tmp of {size} MB is on disk and has no limit: this machine's memory is too small for it"
        if reason not in self._reasons:
            self._reasons.add(reason)
            self._console.write("platform", reason)
        return None


def remove(folder: Path) -> None:
    """Remove a folder, if it exists."""
    from local_lambda.processes.programs.removal import remove_tree

    remove_tree(str(folder))


def _loopback_address(number: int) -> str:
    """An address for environment `number`. No other environment has it, in this tool or one that runs next to it."""
    suffix = (os.getpid() % 0xFFFE + 1) * 256 + number
    return f"127.{suffix >> 16 & 255}.{suffix >> 8 & 255}.{suffix & 255}"


def _launch(program: Program, folders: Folders, endpoints: Endpoints, shell: Mapping[str, str]) -> Launch:
    if program.interpreter is None:
        return command_launch(program.function, folders, endpoints, shell)
    launch = managed_launch(program.function, program.interpreter, folders, endpoints, shell)
    if program.socket is not None:
        return launch._replace(env={**launch.env, "_LOCAL_LAMBDA_SNAPSHOT": str(PROGRAM)})
    if program.debugging is None:
        return launch
    from local_lambda.service.debugger import VARIABLE

    sources = [(str(program.function.code if program.function.code.is_dir() else program.code), folders.code)]
    sources += [(str(layer), folders.layers) for layer in program.function.layers if layer.is_dir() and folders.layers]
    return launch._replace(env={**launch.env, VARIABLE: program.debugging.setting(folders, sources)})


def _extensions(layers: Path | None) -> tuple[str, ...]:
    """The regular files directly in `extensions/` of the layers, sorted by name."""
    folder = layers / "extensions" if layers is not None else None
    if folder is None or not folder.is_dir():
        return ()
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.is_file()))
