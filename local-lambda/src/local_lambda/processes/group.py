"""The tool's side of a supervisor: start, signal and kill the processes of one environment.

Nothing here needs an event loop until `attach`: a runtime can be started before the tool has imported the rest of
itself. What a process is for is not known here.
"""

from __future__ import annotations

import errno
import marshal
import os
import signal
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from local_lambda.processes.outputs import FramedOutput, Output
from local_lambda.processes.process import Process

_READ_BYTES = 65_536


class ProcessGroup:
    """All processes of one environment."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._loop: Any = None
        self._buffer = b""
        self._killed: list[Callable[[], None]] = []
        self.processes: dict[str, Process] = {}

    def enter_sandbox(self, spec: Mapping[str, Any]) -> str | None:
        """Before the first spawn: have all processes see the places of `spec` (see `sandbox_specification.py`).

        Waits for it. Returns a reason in one line where it cannot be had; processes then see the machine as it is.
        """
        gone = "the supervisor is gone"
        if not send(self._control, ("sandbox", dict(spec))):
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
        sent = send(self._control, ("spawn", name, list(argv), dict(env), cwd), theirs)
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
            send(self._control, ("signal", process.pid, int(number)))

    def freeze(self) -> None:
        """Stop all processes of the environment, as Lambda does between invocations."""
        send(self._control, ("signal_all", int(signal.SIGSTOP)))

    def thaw(self) -> None:
        """Let them go on."""
        send(self._control, ("signal_all", int(signal.SIGCONT)))

    def kill_all(self, when_killed: Callable[[], None]) -> None:
        """SIGKILL everything the environment ever started; `when_killed` is called when nothing is left."""
        self._killed.append(when_killed)
        if not send(self._control, ("kill_all",)):
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


def send(control: socket.socket, message: Any, descriptors: Sequence[int] = ()) -> bool:
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
