"""The process that starts, signals and reaps the processes of one execution environment, and outlives nobody.

Run as a script by an isolated interpreter (`python -I -S supervisor.py FD WORKSPACE`), it imports almost nothing, so it
is up in a few milliseconds and forks cheaply. It has two roles:

* the *zygote*, started once per tool, forks one supervisor for every environment it is sent a socket for, and removes
  the tool's workspace when all of them have ended: that too must happen when the tool is killed;
* a *supervisor* is the subreaper of everything its environment starts, however deeply forked or daemonized. When its
  socket closes, because the tool asked for it or because the tool was killed, it kills all of it.

Messages are marshalled tuples behind a four-byte length. This file must not import anything from the package.
"""

from __future__ import annotations

import _socket  # importing `socket` costs 8 ms this process does not need
import marshal
import os
import select
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing `typing` costs 3 ms
    from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
CLOSE_FDS_FROM = 3


def prctl(option: int, value: int) -> None:
    """Linux's prctl(2); elsewhere nothing."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def receive(control: Any) -> tuple[Any, list[int]] | None:
    """The next message and its file descriptors; None when the other side has closed."""
    try:
        header, ancillary, _, _ = control.recvmsg(4, _socket.CMSG_SPACE(4 * 8), getattr(_socket, "MSG_CMSG_CLOEXEC", 0))
    except OSError:  # a tool that ended before it had read all our messages resets the connection
        return None
    descriptors: list[int] = []
    for level, kind, data in ancillary:
        if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS:
            descriptors += [int.from_bytes(data[i : i + 4], sys.byteorder) for i in range(0, len(data) - 3, 4)]
    body, missing = b"", int.from_bytes(header, "big")
    while missing:
        chunk = control.recv(min(missing, 1 << 20))
        if not chunk:
            return None
        body, missing = body + chunk, missing - len(chunk)
    return (marshal.loads(body), descriptors) if header else None


def send(control: Any, *message: Any) -> None:
    """Send one message; a tool that is gone is noticed by the next receive."""
    body = marshal.dumps(message)
    try:
        control.sendall(len(body).to_bytes(4, "big") + body)
    except OSError:
        pass


def children(pid: int | str = "self") -> list[int]:
    """The direct children of a process (Linux; elsewhere none are known)."""
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", "rb") as file:
                found += map(int, file.read().split())
    except OSError:
        pass
    return found


def descendants(pid: int | str = "self") -> list[int]:
    """All processes below a process."""
    found = children(pid)
    for child in found:
        found += children(child)
    return found


class Supervisor:
    """Everything one environment started. The tool's requests come in through `control`, exits are reported to it."""

    def __init__(self, control: Any) -> None:
        self.control = control
        self.running: dict[int, str] = {}

    def serve(self) -> None:
        """Serve requests and reap until the tool closes the socket, then kill what is left."""
        prctl(PR_SET_CHILD_SUBREAPER, 1)
        wakeup, wake = os.pipe()
        for end in (wakeup, wake):
            os.set_blocking(end, False)
            os.set_inheritable(end, False)
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(wakeup, select.POLLIN)
        try:
            while self._serve_one(poll.poll(), wakeup):
                pass
        finally:
            self.kill_all()

    def _serve_one(self, ready: list[tuple[int, int]], wakeup: int) -> bool:
        """Act on what has come in; False when the tool has closed the socket."""
        for descriptor, _ in ready:
            if descriptor == wakeup:
                os.read(wakeup, 512)
                self.reap()
                continue
            request = receive(self.control)
            if request is None:
                return False
            (verb, *arguments), descriptors = request
            getattr(self, verb)(*arguments, *([descriptors] if descriptors else []))
        return True

    def sandbox(self, spec: dict[str, Any]) -> None:
        """Enter the sandbox; see `sandbox.py`. Only what is spawned afterwards is in it."""
        reason = f"it needs Linux, and this is {sys.platform}"
        if sys.platform == "linux":
            import sandbox  # type: ignore[import-not-found]

            reason = sandbox.enter(spec)
        send(self.control, "sandboxed", reason)

    def spawn(self, name: str, argv: list[str], env: dict[str, str], cwd: str, fds: list[int]) -> None:
        """Start a program in a session of its own; `fds` become standard output and error, and the log descriptor."""
        failed, failing = os.pipe2(os.O_CLOEXEC) if hasattr(os, "pipe2") else os.pipe()
        pid = os.fork()
        if pid == 0:
            self._exec(argv, env, cwd, fds, failing)
        os.close(failing)
        for descriptor in fds:
            os.close(descriptor)
        error = os.read(failed, 4096)
        os.close(failed)
        if error:
            os.waitpid(pid, 0)
            send(self.control, "failed", name, *marshal.loads(error))
        else:
            self.running[pid] = name
            send(self.control, "spawned", name, pid)

    def _exec(self, argv: list[str], env: dict[str, str], cwd: str, fds: list[int], failing: int) -> NoReturn:
        try:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.setsid()
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(fds[0], 1)
            os.dup2(fds[1], 2)
            if len(fds) > 2:
                os.set_inheritable(fds[2], True)
                env = {**env, "_LAMBDA_TELEMETRY_LOG_FD": str(fds[2])}
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        except OSError as error:
            os.write(failing, marshal.dumps((error.errno or 0, error.strerror or str(error))))
        finally:
            os._exit(127)

    def signal(self, pid: int, number: int) -> None:
        """Signal a process group; one that is already gone is not an error."""
        try:
            os.killpg(pid, number)
        except OSError:
            pass

    def signal_all(self, number: int) -> None:
        """Signal every process of the environment, however deeply forked."""
        for pid in descendants() or list(self.running):
            try:
                os.kill(pid, number)
            except OSError:
                pass

    def kill_all(self) -> None:
        """Kill everything below this process; when a process dies its children come up to us and are next."""
        while True:
            targets = children() or list(self.running)
            for pid in targets:
                for kill in (os.kill, os.killpg):
                    try:
                        kill(pid, signal.SIGKILL)
                    except OSError:
                        pass
            if not self.reap(block=True):
                break
        send(self.control, "killed")

    def reap(self, block: bool = False) -> bool:
        """Reap what has ended and report the environment's own processes; False when there is no child left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, 0 if block else os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            name = self.running.pop(pid, None)
            if name is not None:
                kilobytes = usage.ru_maxrss if sys.platform == "linux" else usage.ru_maxrss // 1024
                send(self.control, "exited", name, pid, os.waitstatus_to_exitcode(status), kilobytes)
            if block:
                return True


def serve_zygote(control: Any, workspace: str) -> None:
    """Fork a supervisor for every socket received, until the tool closes; then clean up after all of them."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if sys.platform == "linux":  # every fork inherits what is loaded now
        sys.path.append(os.path.dirname(os.path.abspath(__file__)))
        import sandbox  # noqa: F401
    while (request := receive(control)) is not None:
        (descriptor,) = request[1]
        if os.fork() == 0:
            control.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            Supervisor(_socket.socket(fileno=descriptor)).serve()
            os._exit(0)
        os.close(descriptor)
    try:
        os.wait()  # children are reaped by themselves here, so this returns when the last one has ended
    except ChildProcessError:
        pass
    if os.path.isdir(workspace):
        import shutil

        shutil.rmtree(workspace, ignore_errors=True)


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    serve_zygote(_socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
