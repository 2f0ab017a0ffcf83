"""Debugging one function: a port for debuggers, and pdb on the terminal.

A connection holds the clocks of the function's environment for as long as it is open. A debugger's connection is passed
on to debugpy, which listens in the function's process; a function that calls `breakpoint()` connects automatically.
Protocol: https://microsoft.github.io/debug-adapter-protocol/overview. What does not begin like it is refused: a web
page could send it, and a debugger can run any code. `asyncio` is imported late: a command with a terminal makes a
`PdbTerminal` before its runtime starts (see `cli/startup.py`).
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from local_lambda.errors import StartError
from local_lambda.http.sockets import listen
from local_lambda.processes.launch import Folders

if TYPE_CHECKING:
    import asyncio

    from local_lambda.environment.environment import ExecutionEnvironment

VARIABLE = "_LOCAL_LAMBDA_DEBUGGER"
"""Tells `bootstrap.py`, which removes it, what to prepare."""
PROGRAM = str(Path(__file__).parent.parent / "processes" / "programs" / "debuggee.py")
FIRST_BYTES = b"Content-Length:"
CONNECT_SECONDS, RETRY_SECONDS = 60.0, 0.05
"""How long a debugger waits for the function's process to listen, and how often the port is tried."""
CHUNK_BYTES = 65_536

Say = Callable[[str, bool], None]
"""Prints a line; True when it reports a problem."""


class Debugging(Protocol):
    """A way to debug the environments of a function, of which there is one at a time."""

    @property
    def keep(self) -> Sequence[Path]:
        """Folders that the function's process needs to see."""

    @property
    def takes_memory(self) -> bool:
        """Whether it runs in the function's process, whose memory is not limited then."""

    def setting(self, folders: Folders, sources: Sequence[tuple[str, str]]) -> str:
        """The value of VARIABLE for a new environment. `sources` are pairs of a folder here and the function's."""

    def watch(self, environment: ExecutionEnvironment) -> None:
        """Hold the clocks of this environment from now on."""


class DebuggerPort:
    """Listens on 127.0.0.1:`port` for debuggers. Raises StartError if the port is taken, or debugpy is missing."""

    takes_memory = True

    def __init__(self, port: int, say: Say) -> None:
        self._say = say
        self._listener = listen("127.0.0.1", port)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._debugpy = _find_debugpy()
        self.keep = (self._debugpy,)
        self._inner = 0
        self._environment: ExecutionEnvironment | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    def setting(self, folders: Folders, sources: Sequence[tuple[str, str]]) -> str:
        """See `Debugging`."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._inner = free.getsockname()[1]
        python = getattr(sys, "_base_executable", sys.executable)
        setting = {"port": self._inner, "debugpy": str(self._debugpy), "python": python, "paths": sources}
        return f"{PROGRAM}:{json.dumps(setting)}"

    def watch(self, environment: ExecutionEnvironment) -> None:
        """See `Debugging`. Whenever its runtime starts, it waits for a debugger."""
        from local_lambda.events.platform import InitStart

        self._environment = environment
        environment.stream.add(self._init_started, kinds=(InitStart,))

    async def start(self) -> None:
        """Accept debuggers."""
        import asyncio

        self._server = await asyncio.start_server(self._accept, sock=self._listener)

    def close(self) -> None:
        """Stop, and end the connections."""
        if self._server is not None:
            self._server.close()
        for task in self._open:
            task.cancel()

    def _init_started(self, event: object) -> None:
        if self._environment is not None and not self._open:
            self._environment.hold()
            self._say(f"waiting for a debugger on {self.address}; the function starts when it has attached", False)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import asyncio

        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        environment = self._environment
        try:
            first = await reader.readexactly(len(FIRST_BYTES))
            if first != FIRST_BYTES:
                self._say("what connected to the debug port is not a debugger, and was refused", True)
                return
            inner_reader, inner_writer = await self._connect()
            if environment is not None:
                environment.hold()
            self._say("a debugger is attached: the Init limit, the timeout and freezing stand still", False)
            inner_writer.write(first)
            try:
                await _relay(reader, writer, inner_reader, inner_writer)
            finally:
                inner_writer.close()
                if environment is not None and environment is self._environment:
                    environment.resume()
                self._say("the debugger is gone: the clocks continue", False)
        except (OSError, asyncio.IncompleteReadError):
            pass
        except TimeoutError:
            self._say(f"the function's process did not listen for a debugger within {CONNECT_SECONDS:g} s", True)
        finally:
            self._open.discard(task)
            writer.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to debugpy in the function's process, which may still be starting. Raises TimeoutError."""
        import asyncio

        async with asyncio.timeout(CONNECT_SECONDS):
            while True:
                try:
                    return await asyncio.open_connection("127.0.0.1", self._inner)
                except OSError:
                    await asyncio.sleep(RETRY_SECONDS)


class PdbTerminal:
    """pdb on the terminal: `breakpoint()` in a function talks to standard input and standard error of this process."""

    keep: Sequence[Path] = ()
    takes_memory = False

    def __init__(self, say: Say) -> None:
        self._say = say
        self._listener = listen("127.0.0.1", 0)
        self._token = os.urandom(16).hex()
        self._environment: ExecutionEnvironment | None = None
        self._server: asyncio.Server | None = None

    def setting(self, folders: Folders, sources: Sequence[tuple[str, str]]) -> str:
        """See `Debugging`."""
        return f"{PROGRAM}:{json.dumps({'terminal': self._listener.getsockname()[1], 'token': self._token})}"

    def watch(self, environment: ExecutionEnvironment) -> None:
        """See `Debugging`."""
        self._environment = environment

    async def start(self) -> None:
        """Accept functions that call `breakpoint()`."""
        import asyncio

        self._server = await asyncio.start_server(self._accept, sock=self._listener)

    def close(self) -> None:
        """Stop."""
        if self._server is not None:
            self._server.close()
        else:
            self._listener.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import asyncio

        environment, loop = self._environment, asyncio.get_running_loop()
        try:
            if (await reader.readline()).strip().decode("latin-1") != self._token or environment is None:
                return
            environment.hold()
            self._say("breakpoint: pdb has this terminal, and the clocks stand still", False)
            terminal = sys.stdin.fileno()
            loop.add_reader(terminal, _type, terminal, writer)
            try:
                while data := await reader.read(CHUNK_BYTES):
                    sys.stderr.write(data.decode("utf-8", "replace"))
                    sys.stderr.flush()
            finally:
                loop.remove_reader(terminal)
                environment.resume()
        except OSError:
            pass
        finally:
            writer.close()


def _type(terminal: int, writer: asyncio.StreamWriter) -> None:
    """Pass on what was typed; the end of the input quits pdb."""
    writer.write(os.read(terminal, CHUNK_BYTES) or b"quit\n")


async def _relay(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    inner_reader: asyncio.StreamReader,
    inner_writer: asyncio.StreamWriter,
) -> None:
    """Copy both directions until one side ends."""
    import asyncio

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(CHUNK_BYTES):
            target.write(data)
            await target.drain()

    copies = {asyncio.ensure_future(copy(reader, inner_writer)), asyncio.ensure_future(copy(inner_reader, writer))}
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in copies:
            each.cancel()
        await asyncio.gather(*copies, return_exceptions=True)


def _find_debugpy() -> Path:
    """The folder of debugpy. It gets to the function's process without anything that is installed next to it."""
    from importlib.util import find_spec

    spec = find_spec("debugpy")
    if spec is None or spec.origin is None:
        raise StartError(
            "--debug-port needs packages that are not installed (debugpy); run: make install EXTRAS=debug in"
            " local-lambda's folder, or pip install 'local-lambda-env[debug]'"
        )
    return Path(spec.origin).parent
