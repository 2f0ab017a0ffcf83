"""The tool's side of the supervisor: start, signal and kill an environment's processes, and read what they write.

Nothing here needs an event loop until `attach`: a runtime can be started before the tool has imported the rest of
itself. Output is turned into lines (standard output and error) and frames (the runtime client's log descriptor, format
in https://github.com/aws/aws-lambda-python-runtime-interface-client). What a process is for is not known here.
"""

from __future__ import annotations

import errno
import marshal
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from local_lambda.limits import MAX_LOG_EVENT_BYTES

_READ_BYTES = 65_536
_PIPE_BYTES = 1_048_576
"""More than a pipe holds: what had been written when the reading began is read."""
_FRAME_HEADER_BYTES = 16

OnLine = Callable[[str, float | None], None]
"""Gets a line as written and, for framed log records, the time (seconds since the epoch) the writer gave it."""


class Process:
    """A program of the environment. `exit_code` is None while it runs, negative when a signal ended it.

    `peak_kilobytes` is the kernel's own figure of its peak memory, known when it has ended.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.peak_kilobytes = 0
        self.launch_error: tuple[int, str] | None = None
        self.started = perf_counter()
        """When it was asked for (`perf_counter` seconds)."""
        self.on_line: OnLine = lambda line, written: None
        self.on_exit: Callable[[Process], None] = lambda process: None
        self.outputs: list[Output] = []
        self._poll = select.poll()

    def connect(self, on_line: OnLine, on_exit: Callable[[Process], None]) -> None:
        """Who gets what it writes, and is told of its end. Nothing is read before the loop is attached."""
        self.on_line, self.on_exit = on_line, on_exit

    def add_output(self, output: Output) -> None:
        """Take one more pipe to read from."""
        self.outputs.append(output)
        self._poll.register(output.descriptor, select.POLLIN)

    def drain(self) -> None:
        """Read everything the process has written so far: one system call when that is nothing.

        A line that has no end yet waits for it; the rest of it may be on its way.
        """
        if self._poll.poll(0):
            for output in self.outputs:
                output.read(_PIPE_BYTES)
                if output.closed:
                    self._poll.register(output.descriptor, 0)


class Output:
    """The read end of one pipe. Subclasses cut what arrives into lines."""

    def __init__(self, descriptor: int, process: Process) -> None:
        self.descriptor = descriptor
        self.process = process
        self.buffer = b""
        self.closed = False

    def read(self, limit: int = _READ_BYTES) -> None:
        """Read what is there, `limit` bytes or a little more; never blocks. A busy writer must not hold up the tool."""
        left = limit
        while left > 0 and not self.closed:
            try:
                data = os.read(self.descriptor, _READ_BYTES)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self.closed = True
                self.flush()
                return
            self.feed(data)
            left -= len(data)
            if len(data) < _READ_BYTES:
                return

    def feed(self, data: bytes) -> None:
        """Lines end at `\\n`; a line without an end is cut at 256 KB, the size of a log event."""
        lines = (self.buffer + data if self.buffer else data).split(b"\n")
        self.buffer = lines.pop()
        for line in lines:
            self.process.on_line(line.decode("utf-8", "replace") + "\n", None)
        if len(self.buffer) > MAX_LOG_EVENT_BYTES:
            self.flush()

    def flush(self) -> None:
        """Give out a line that has no end yet."""
        if self.buffer:
            line, self.buffer = self.buffer, b""
            self.process.on_line(line.decode("utf-8", "replace"), None)


class FramedOutput(Output):
    """The log descriptor: 4 bytes type, 4 bytes length, 8 bytes microseconds since the epoch, then the record."""

    def feed(self, data: bytes) -> None:
        buffer = self.buffer + data
        start = 0
        while len(buffer) - start >= 2:
            if buffer[start : start + 2] != b"\xa5\x5a":  # not a frame: somebody else wrote to the descriptor
                self.buffer = b""
                super().feed(buffer[start:])
                return
            if len(buffer) - start < _FRAME_HEADER_BYTES:
                break
            end = start + _FRAME_HEADER_BYTES + int.from_bytes(buffer[start + 4 : start + 8], "big")
            if len(buffer) < end:
                break
            time = int.from_bytes(buffer[start + 8 : start + 16], "big") / 1e6
            self.process.on_line(buffer[start + _FRAME_HEADER_BYTES : end].decode("utf-8", "replace"), time)
            start = end
        self.buffer = buffer[start:]

    def flush(self) -> None:
        """A frame is given out when it is whole; the rest of a broken one when its writer is gone."""
        if self.closed:
            super().flush()


class Zygote:
    """The helper process that forks one supervisor per environment, and removes `workspace`; see `supervisor.py`."""

    def __init__(self, workspace: Path) -> None:
        self._control, theirs = socket.socketpair()
        self._groups: list[socket.socket] = []
        script = str(Path(__file__).parent / "programs/supervisor.py")
        number = 3 if theirs.fileno() != 3 else 4
        with theirs:
            self.pid = os.posix_spawn(
                sys.executable,
                [sys.executable, "-I", "-S", "-X", "utf8", script, str(number), str(workspace)],
                {"PATH": os.environ.get("PATH", os.defpath)},
                file_actions=[(os.POSIX_SPAWN_DUP2, theirs.fileno(), number)],
                setsid=sys.platform == "linux",
            )

    def open(self) -> ProcessGroup:
        """The process group of a new environment."""
        ours, theirs = socket.socketpair()
        with theirs:
            _send(self._control, (), [theirs.fileno()])
        self._groups = [*filter(_is_open, self._groups), ours]
        return ProcessGroup(ours)

    def close(self) -> None:
        """End the helper, and with it every environment that has not been closed."""
        for group in self._groups:
            group.close()
        self._control.close()
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass


class ProcessGroup:
    """All processes of one environment."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._loop: Any = None
        self._buffer = b""
        self._killed: list[Callable[[], None]] = []
        self.processes: dict[str, Process] = {}

    def enter_sandbox(self, spec: Mapping[str, Any]) -> str | None:
        """Before the first spawn: have all processes see the places of `spec` (see `mounts.py`).

        Waits for it. Returns a reason in one line where it cannot be had; processes then see the machine as it is.
        """
        gone = "the supervisor is gone"
        if not _send(self._control, ("sandbox", dict(spec))):
            return gone
        self._control.setblocking(True)
        try:
            header = self._control.recv(4, socket.MSG_WAITALL)
            body = self._control.recv(int.from_bytes(header, "big"), socket.MSG_WAITALL)
        except OSError:
            return gone
        finally:
            self._control.setblocking(False)
        reason: str | None = marshal.loads(body)[1] if body else gone
        return reason

    def spawn(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        framed_log: bool = False,
    ) -> Process:
        """Start `argv` with exactly `env` in `cwd`; a launch that fails is reported through `on_exit`."""
        process = Process(name)
        theirs = []
        for kind in (Output, Output, FramedOutput)[: 3 if framed_log else 2]:
            read, write = os.pipe()
            os.set_blocking(read, False)
            process.add_output(kind(read, process))
            theirs.append(write)
        sent = _send(self._control, ("spawn", name, list(argv), dict(env), cwd), theirs)
        for descriptor in theirs:
            os.close(descriptor)
        self.processes[name] = process
        if self._loop is not None:
            self._watch(process)
            if not sent:
                self._loop.call_soon(
                    self._handle, "failed", name, errno.ESRCH, "the environment's supervisor was killed"
                )
        return process

    def attach(self, loop: Any) -> None:
        """Let `loop` (asyncio) watch for output and exits from now on."""
        self._loop = loop
        self._control.setblocking(False)
        loop.add_reader(self._control.fileno(), self._receive)
        for process in self.processes.values():
            self._watch(process)

    def signal(self, process: Process, number: int) -> None:
        """Signal the process and the children in its process group."""
        if process.pid is not None and process.exit_code is None:
            _send(self._control, ("signal", process.pid, int(number)))

    def freeze(self) -> None:
        """Stop all processes of the environment, as Lambda does between invocations."""
        _send(self._control, ("signal_all", int(signal.SIGSTOP)))

    def thaw(self) -> None:
        """Let them go on."""
        _send(self._control, ("signal_all", int(signal.SIGCONT)))

    def kill_all(self, when_killed: Callable[[], None]) -> None:
        """SIGKILL everything the environment ever started; `when_killed` is called when nothing is left."""
        self._killed.append(when_killed)
        if not _send(self._control, ("kill_all",)):
            self._lost()

    def close(self) -> None:
        """Give the group up: its supervisor kills what is left and ends."""
        for process in self.processes.values():
            self._forget(process)
        self.processes.clear()
        if self._control.fileno() >= 0:
            if self._loop is not None:
                self._loop.remove_reader(self._control.fileno())
            self._control.close()

    def _watch(self, process: Process) -> None:
        for output in process.outputs:
            self._loop.add_reader(output.descriptor, self._read, output)

    def _read(self, output: Output) -> None:
        output.read()
        if output.closed:
            self._loop.remove_reader(output.descriptor)

    def _forget(self, process: Process) -> None:
        for output in process.outputs:
            if self._loop is not None:
                self._loop.remove_reader(output.descriptor)
            os.close(output.descriptor)
        process.outputs = []

    def _receive(self) -> None:
        try:
            data = self._control.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        self._buffer += data
        while len(self._buffer) >= 4:
            end = 4 + int.from_bytes(self._buffer[:4], "big")
            if len(self._buffer) < end:
                return
            message, self._buffer = marshal.loads(self._buffer[4:end]), self._buffer[end:]
            self._handle(*message)

    def _handle(self, verb: str, *arguments: Any) -> None:
        if verb == "killed":
            self._killed.pop(0)()
            return
        process = self.processes.get(arguments[0])
        if process is None:
            return
        if verb == "spawned":
            process.pid = arguments[1]
            return
        if verb == "failed":
            process.launch_error = arguments[1:]
            process.exit_code = 127
        else:
            if process.pid != arguments[1]:
                return
            process.exit_code, process.peak_kilobytes = arguments[2:]
        process.drain()
        for output in process.outputs:
            output.closed = True
            output.flush()
        self._forget(process)
        del self.processes[process.name]
        process.on_exit(process)

    def _lost(self) -> None:
        """The supervisor is gone, and with it (parent death signal) the processes it started."""
        self._loop.remove_reader(self._control.fileno())
        for process in list(self.processes.values()):
            self._handle("exited", process.name, process.pid, -9, 0)
        while self._killed:
            self._killed.pop(0)()


def _is_open(control: socket.socket) -> bool:
    return control.fileno() >= 0


def _send(control: socket.socket, message: Any, descriptors: Sequence[int] = ()) -> bool:
    body = marshal.dumps(message)
    control.setblocking(True)
    try:
        data = memoryview(len(body).to_bytes(4, "big") + body)
        sent = socket.send_fds(control, [data], descriptors) if descriptors else 0
        control.sendall(data[sent:])
    except OSError:
        return False
    finally:
        if control.fileno() >= 0:
            control.setblocking(False)
    return True
