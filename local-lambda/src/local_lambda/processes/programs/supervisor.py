"""The process that starts, signals and reaps the processes of one execution environment, and never outlives the tool.

The zygote forks it, and the tool controls it through a socket. When the socket closes, because the tool asked for it or
because the tool was killed, it kills everything the environment ever started, however deeply forked or daemonized:

* In a sandbox it is the first process of a process namespace (pid_namespaces(7)). It sees no process outside, so it
  cannot kill any. When it ends, the kernel kills all others in the namespace.
* Without a sandbox it is the subreaper of its processes. If it is killed, they become children of the zygote, which
  kills them. That is why it ends when the zygote does.

This file must not import anything from the package.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` itself costs 5 ms, because of its enums
import marshal
import os
import resource
import select
import sys

if __package__:
    from . import wire
else:  # loaded from its own folder by an isolated interpreter
    import wire  # type: ignore[import-not-found,no-redef]

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing `typing` costs 3 ms
    from typing import Any, NoReturn

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
FIRST_PROCESS = 1
MAX_FILES = MAX_PROCESSES = 1024
"""Open files of a process, and processes and threads of an environment."""
EVERYBODY = -1
"""As the target of kill(2) in a process namespace: every process except the caller, which is the first."""


def prctl(option: int, value: int) -> None:
    """Call Linux's prctl(2); do nothing on other systems."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def become_subreaper() -> None:
    """Make orphans below this process its children from now on."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def wake_on_exits() -> int:
    """A descriptor that becomes readable when a child has ended."""
    wakeup, wake = os.pipe()
    for end in (wakeup, wake):
        os.set_blocking(end, False)
        os.set_inheritable(end, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return wakeup


def drain(descriptor: int) -> bytes:
    """Everything that can be read from a pipe without waiting."""
    try:
        return os.read(descriptor, 65536)
    except BlockingIOError:
        return b""


def kill(pid: int) -> None:
    """Kill a process, and its process group if it leads one."""
    for send in (os.kill, os.killpg):
        try:
            send(pid, signal.SIGKILL)
        except OSError:
            pass


def children(pid: int | str = "self") -> list[int]:
    """The direct children of a process (on Linux; an empty list elsewhere)."""
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


def _in_user_namespace() -> bool:
    """Whether the processes of the sandbox are counted apart from the user's others (Linux 5.14 and newer)."""
    try:
        with open("/proc/self/uid_map", "rb") as file:
            alone = file.read().split()[2:] == [b"1"]  # of the namespaces that sandbox.py makes; others have more users
    except OSError:
        return False
    return alone and version_of(os.uname().release) >= (5, 14)


def version_of(release: str) -> tuple[int, ...]:
    """The first two numbers of a kernel's release, such as `6.9` of `6.9.3-arch1`, `6.9+` and `6.9rc2`."""
    found: list[int] = []
    for part in release.split(".")[:2]:
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        found.append(int(digits or 0))
    return tuple(found)


class Supervisor:
    """Everything one environment started. It reads the tool's requests from `control` and reports exits there.

    The tool gives each program a number. `report` is where the zygote reads the process id of a successor.
    """

    def __init__(self, control: Any, report: int) -> None:
        self.control = control
        self.report = report
        self.running: dict[int, int] = {}
        """The programs' numbers by process id."""
        self.sandboxed = False
        self.contained = False
        """Whether all processes are in a namespace whose first process is this one."""

    def serve(self) -> None:
        """Serve requests and reap until the tool closes the socket, then kill what is left."""
        become_subreaper()
        wakeup = wake_on_exits()
        poll = select.poll()
        poll.register(self.control, select.POLLIN)
        poll.register(wakeup, select.POLLIN)
        poll.register(self.report, 0)  # breaks when the zygote has ended
        try:
            while self._serve_one(poll.poll(), wakeup):
                if self.contained and self.report >= 0:
                    poll.unregister(self.report)
                    self.report = -1
        finally:
            self._kill_everything()

    def _serve_one(self, ready: list[tuple[int, int]], wakeup: int) -> bool:
        """Handle one round of input; False when the tool has closed the socket."""
        for descriptor, _ in ready:
            if descriptor == wakeup:
                drain(wakeup)
                self.reap()
                continue
            if descriptor == self.report:  # if this process were killed too, nothing would kill what is left
                return False
            request = wire.receive(self.control)
            if request is None:
                return False
            (verb, *arguments), descriptors = request
            getattr(self, verb)(*arguments, *([descriptors] if descriptors else []))
        return True

    def sandbox(self, spec: dict[str, Any]) -> None:
        """Continue in the sandbox, as a different process; see `sandbox.py`. Only programs spawned later are in it."""
        entered: str | int = f"it needs Linux, and this is {sys.platform}"
        if sys.platform == "linux":
            import sandbox  # type: ignore[import-not-found]

            entered = sandbox.enter(spec)
        if isinstance(entered, int) and entered != 0:
            os.write(self.report, b"%d " % entered)
            os._exit(0)
        if entered == 0:
            self.sandboxed = True
            self.contained = os.getpid() == FIRST_PROCESS
            become_subreaper()
        wire.send(self.control, ("sandboxed", None if entered == 0 else entered))

    def spawn(self, number: int, argv: list[str], env: dict[str, str], cwd: str, fds: list[int]) -> None:
        """Start a program in a new session; `fds` become standard output, standard error and the log descriptor.

        A fourth one is the socket of a snapshot.
        """
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
            wire.send(self.control, ("failed", number, *marshal.loads(error)))
        else:
            self.running[pid] = number
            if self.contained:  # the tool knows it by a different id, which the kernel sends along as credentials
                wire.send(self.control, ("spawned", number, None), speaker=(pid, os.geteuid(), os.getegid()))
            else:
                wire.send(self.control, ("spawned", number, pid))

    def _exec(self, argv: list[str], env: dict[str, str], cwd: str, fds: list[int], failing: int) -> NoReturn:
        try:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            os.setsid()
            if self.sandboxed:  # without one it may be a program that needs more, such as a container engine
                self._limit()
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
            if len(fds) > 3:
                os.set_inheritable(fds[3], True)
                env["_LOCAL_LAMBDA_SNAPSHOT"] += f":{fds[3]}"
            os.chdir(cwd)
            os.execvpe(argv[0], argv, env)
        except OSError as error:
            os.write(failing, marshal.dumps((error.errno or 0, error.strerror or str(error))))
        finally:
            os._exit(127)

    def _limit(self) -> None:
        """Set Lambda's limits. That of processes counts those of a user namespace, so it is set only in one."""
        limits = [(resource.RLIMIT_NOFILE, MAX_FILES)]
        if self.contained and _in_user_namespace():
            limits.append((resource.RLIMIT_NPROC, MAX_PROCESSES))
        for name, wanted in limits:
            most = resource.getrlimit(name)[1]
            value = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
            resource.setrlimit(name, (value, value))

    def signal(self, number: int, signal_number: int) -> None:
        """Signal a program's process group; it is not an error if that is already gone."""
        for pid, program in self.running.items():
            if program == number:
                try:
                    os.killpg(pid, signal_number)
                except OSError:
                    pass

    def signal_all(self, signal_number: int) -> None:
        """Signal every process of the environment, however deeply forked."""
        for pid in [EVERYBODY] if self.contained else descendants() or list(self.running):
            try:
                os.kill(pid, signal_number)
            except OSError:
                pass

    def kill_all(self) -> None:
        """Kill everything below this process, and report when it is done."""
        self._kill_everything()
        wire.send(self.control, ("killed",))

    def _kill_everything(self) -> None:
        """Kill and reap until nothing is left: the children of each dead process become this one's."""
        while True:
            if self.contained:
                self.signal_all(signal.SIGKILL)
            for pid in children() or list(self.running):
                kill(pid)
            if not self.reap(block=True):
                break

    def reap(self, block: bool = False) -> bool:
        """Reap what has ended and report the environment's own processes; False when no child is left."""
        while True:
            try:
                pid, status, usage = os.wait4(EVERYBODY, 0 if block else os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            number = self.running.pop(pid, None)
            if number is not None:
                kilobytes = usage.ru_maxrss if sys.platform == "linux" else usage.ru_maxrss // 1024
                wire.send(self.control, ("exited", number, os.waitstatus_to_exitcode(status), kilobytes))
            if block:
                return True
