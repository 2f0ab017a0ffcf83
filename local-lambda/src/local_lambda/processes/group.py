"""The tool's side of a supervisor: start, signal and kill the processes of one environment.

Nothing here needs an event loop until `attach`, so a runtime can start before the tool has imported the rest of its
code. This module does not know what a process is for.
"""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from local_lambda.processes.outputs import FramedOutput, Output
from local_lambda.processes.process import Process
from local_lambda.processes.programs import wire

_READ_BYTES = 65_536
SANDBOX_SECONDS = 5.0
SEND_SECONDS = 5.0
KILL_SECONDS = 1.5
"""How long a supervisor may take to kill everything, before it is killed as well."""
_GONE = "the supervisor is gone"


class ProcessGroup:
    """All processes of one environment. `connect` returns the control socket of a new supervisor.

    If a supervisor is lost, so are all its processes; it is replaced when the next process is started.
    """

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        self._connect = connect
        self._control: socket.socket | None = connect()
        self._spec: dict[str, Any] | None = None
        self._loop: Any = None
        self._buffer = b""
        self._killed: list[Callable[[], None]] = []
        self._patience: Any = None
        self._count = 0
        self.supervisor: int | None = None
        """The process id of the supervisor, if known."""
        self.on_supervised: Callable[[str | None, int], None] = lambda reason, threads: None
        """Called when the supervisor of a restored environment is there, with what is different in it: a reason why it
        shares its `/tmp`, and how many threads it has lost."""
        self.closed = False
        self.processes: dict[int, Process] = {}

    def enter_sandbox(self, spec: Mapping[str, Any], meanwhile: Iterable[object] = ()) -> str | None:
        """Before the first spawn: show all processes the places of `spec` (see `sandbox_specification.py`).

        Waits until that is done, and takes steps of `meanwhile` as long as it is not. Returns a reason in one line if
        it cannot be done; processes then see the machine as it is.
        """
        control = self._control
        if control is None or not self._send("sandbox", dict(spec)):
            return _GONE
        for _ in meanwhile:
            if select.select([control], [], [], 0)[0]:
                break
        control.settimeout(SANDBOX_SECONDS)
        message = None
        try:
            while message is None:
                data, ancillary, _, _ = control.recvmsg(_READ_BYTES, wire.CREDENTIALS_SPACE)
                if not data:
                    return _GONE
                self.supervisor = wire.speaker_of(ancillary)
                message, self._buffer = wire.unpack(self._buffer + data)
        except OSError:
            return _GONE
        finally:
            control.setblocking(False)
        reason: str | None = message[1]
        if reason is None:
            self._spec = dict(spec)
        return reason

    def spawn(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        framed_log: bool = False,
        more: Sequence[int] = (),
    ) -> Process:
        """Start `argv` in `cwd` with exactly the variables `env`; a failed launch is reported through `on_exit`.

        The program gets the descriptors `more` too.
        """
        reason = self._reconnect() if self._control is None else None
        self._count += 1
        process = Process(name, self._count)
        try:
            theirs = _open_pipes(process, framed_log)
        except OSError as error:
            if self._loop is None:
                raise
            self.processes[process.number] = process
            self._loop.call_soon(self._handle, None, "failed", process.number, error.errno, error.strerror)
            return process
        message = ("spawn", process.number, list(argv), dict(env), cwd)
        given = [*theirs, *more]
        if reason is None and not self._send(*message, descriptors=given):
            reason = "the environment's supervisor was killed"
            if not self.processes:  # the loss went unnoticed, as nothing was running
                self._disconnect()
                reason = self._reconnect()
                self._send(*message, descriptors=given)
        for descriptor in theirs:
            os.close(descriptor)
        self.processes[process.number] = process
        if self._loop is not None:
            self._watch(process)
            if reason is not None:
                self._loop.call_soon(self._handle, None, "failed", process.number, errno.ESRCH, reason)
        return process

    def attach(self, loop: Any) -> None:
        """Have `loop` (asyncio) watch for output and exits from now on."""
        self._loop = loop
        self._listen()
        for process in self.processes.values():
            self._watch(process)

    def signal(self, process: Process, number: int) -> None:
        """Signal the process and the children in its process group."""
        if process.exit_code is None:
            self._send("signal", process.number, int(number))

    def freeze(self) -> None:
        """Stop all processes of the environment, as Lambda does between invocations."""
        self._send("signal_all", int(signal.SIGSTOP))

    def thaw(self) -> None:
        """Let them continue."""
        self._send("signal_all", int(signal.SIGCONT))

    def kill_all(self, when_killed: Callable[[], None]) -> None:
        """SIGKILL everything the environment ever started; `when_killed` is called when nothing is left.

        A supervisor that is too slow is killed, which ends its processes as well.
        """
        self._killed.append(when_killed)
        if not self._send("kill_all"):
            self._lost()
        elif self._patience is None:
            self._patience = self._loop.call_later(KILL_SECONDS, self._kill_supervisor)

    def close(self) -> None:
        """Give the group up: its supervisor kills what is left and ends."""
        self.closed = True
        for process in self.processes.values():
            self._forget(process)
        self.processes.clear()
        self._disconnect()

    # --- the supervisor

    def _reconnect(self) -> str | None:
        """Replace a supervisor that was lost; return a reason if that is impossible."""
        if self.closed:
            return "the environment is closed"
        try:
            self._control = self._connect()
        except OSError as error:
            return f"the environment's supervisor was killed, and there can be no other: {error.strerror}"
        reason = self.enter_sandbox(self._spec) if self._spec is not None else None
        if reason is not None:  # its processes expect a sandbox, so none is started outside one
            self._disconnect()
        elif self._loop is not None:
            self._listen()
        return reason

    def _listen(self) -> None:
        if self._control is not None:
            self._control.setblocking(False)
            self._loop.add_reader(self._control.fileno(), self._receive)

    def _disconnect(self) -> None:
        if self._control is not None:
            if self._loop is not None:
                self._loop.remove_reader(self._control.fileno())
            self._control.close()
        if self._patience is not None:
            self._patience.cancel()
        self._control, self._buffer, self.supervisor, self._patience = None, b"", None, None

    def _kill_supervisor(self) -> None:
        self._patience = None
        if self.supervisor is not None:
            try:
                os.kill(self.supervisor, signal.SIGKILL)
            except OSError:
                pass
        self._lost()

    def _send(self, *message: Any, descriptors: Sequence[int] = ()) -> bool:
        if self._control is None:
            return False
        self._control.settimeout(SEND_SECONDS)  # a supervisor that was stopped reads nothing
        try:
            return wire.send(self._control, message, descriptors)
        finally:
            self._control.setblocking(False)

    def _receive(self) -> None:
        assert self._control is not None
        try:
            data, ancillary, _, _ = self._control.recvmsg(_READ_BYTES, wire.CREDENTIALS_SPACE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        speaker = wire.speaker_of(ancillary)
        self._buffer += data
        while True:
            message, self._buffer = wire.unpack(self._buffer)
            if message is None:
                return
            self._handle(speaker, *message)

    def _handle(self, speaker: int | None, verb: str, *arguments: Any) -> None:
        if verb == "killed":
            if self._patience is not None:
                self._patience.cancel()
                self._patience = None
            self._killed.pop(0)()
            return
        if verb == "supervised":
            self.supervisor = speaker
            self.on_supervised(*arguments)
            return
        process = self.processes.get(arguments[0])
        if process is None:
            return
        if verb == "spawned":
            process.pid = arguments[1] or speaker
            if arguments[1] is not None:
                self.supervisor = speaker
            return
        if verb == "failed":
            process.launch_error = arguments[1:]
            process.exit_code = 127
        else:
            process.exit_code, process.peak_kilobytes = arguments[1:]
        process.drain()
        for output in process.outputs:
            output.closed = True
            output.flush()
        self._forget(process)
        del self.processes[process.number]
        process.on_exit(process)

    def _lost(self) -> None:
        """Handle the loss of the supervisor, and with it of the processes it started."""
        self._disconnect()
        killed, self._killed = self._killed, []
        for process in list(self.processes.values()):
            self._handle(None, "exited", process.number, -signal.SIGKILL, 0)
        for when_killed in killed:
            when_killed()

    # --- output

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


def _open_pipes(process: Process, framed_log: bool) -> list[int]:
    """Open pipes for the process's output; return the write ends. Raises OSError and then leaves nothing open."""
    theirs: list[int] = []
    try:
        for kind in (Output, Output, FramedOutput)[: 3 if framed_log else 2]:
            read, write = os.pipe()
            os.set_blocking(read, False)
            process.add_output(kind(read, process))
            theirs.append(write)
    except OSError:
        for descriptor in (*theirs, *(output.descriptor for output in process.outputs)):
            os.close(descriptor)
        process.outputs = []
        raise
    return theirs
