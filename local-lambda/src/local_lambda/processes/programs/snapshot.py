"""What the runtime of a function with SnapStart does between its Init phase and an invocation. Python 3.12 and newer.

`bootstrap.py` runs this file as a script and calls `prepare`. The runtime interface client asks for `restore/next` when
it has run the hooks for before a snapshot. From then on this process is the snapshot: it waits, and forks a process for
each environment of the version, with all that the function has in memory. The new process is the supervisor of that
environment, with a `/tmp` that begins as a copy; it forks the runtime, which asks for `restore/next` again, at the
environment's own Runtime API, and continues with the hooks for after a restore.

Nothing here may be imported from the package, except the files of this folder.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FOLDER = os.path.dirname(os.path.abspath(__file__))


def prepare(setting: str) -> None:
    """Let the runtime interface client continue in forked processes. `setting` is the descriptor of a socket."""
    from awslambdaric import lambda_runtime_client as module

    client = getattr(module, "BaseLambdaRuntimeClient", module.LambdaRuntimeClient)
    original = getattr(client, "restore_next", None)
    if original is None:
        sys.exit("SnapStart needs awslambdaric 3.0 or newer: install a newer one next to the function")
    log_descriptor = int(os.environ["_LAMBDA_TELEMETRY_LOG_FD"])

    def restore_next(self: "Any") -> None:
        original(self)  # tells the tool that the Init phase is over
        copy = copy_of(module.runtime_client.__file__)
        loops = event_loops()
        variables = wait(int(setting), log_descriptor)
        os.environ.update(variables)
        for loop in loops:
            make_own(loop)
        self.lambda_runtime_address = variables["AWS_LAMBDA_RUNTIME_API"]
        module.runtime_client = load_again(copy)
        module.runtime_client.initialize_client(module._user_agent())
        original(self)

    client.restore_next = restore_next


def copy_of(path: str) -> int:
    """A copy of a file, in memory; its descriptor."""
    copy = os.memfd_create("runtime_client")
    with open(path, "rb") as file:
        left = memoryview(file.read())
    while left:
        left = left[os.write(copy, left) :]
    return copy


def load_again(copy: int) -> "Any":
    """The native part of the client, from a copy of its file: the first one keeps the address it was loaded with."""
    from importlib.machinery import ExtensionFileLoader
    from importlib.util import module_from_spec, spec_from_file_location

    path = f"/proc/self/fd/{copy}"
    loader = ExtensionFileLoader("runtime_client", path)
    spec = spec_from_file_location("runtime_client", path, loader=loader)
    assert spec is not None
    again = module_from_spec(spec)
    loader.exec_module(again)
    os.close(copy)
    return again


def wait(descriptor: int, log_descriptor: int) -> "dict[str, str]":
    """Be the snapshot. Returns in the runtime's process of each environment, with its variables."""
    supervisor, wire = load()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    import _socket
    import warnings

    requests = _socket.socket(fileno=descriptor)
    os.set_inheritable(descriptor, False)
    state = random_state()
    threads = len(sys._current_frames()) - 1
    while True:
        request = wire.receive(requests)
        if request is None:
            os._exit(0)  # the tool has given the snapshot up
        (tmp_mb,), (control,) = request
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # threads of the function are not there in the fork
            middle = os.fork()
            if middle == 0:
                if os.fork():  # the supervisor of the snapshot reaps the new process, not the function
                    os._exit(0)
                requests.close()
                restored: dict[str, str] = restored_class(supervisor, wire)(control, tmp_mb, log_descriptor).run(
                    threads
                )
                set_random_state(state)
                return restored
        os.close(control)
        try:
            os.waitpid(middle, 0)
        except ChildProcessError:
            pass  # a function that ignores SIGCHLD has no children to wait for


def load() -> "tuple[Any, Any]":
    """The files of this folder, under names that no function has."""
    import importlib
    import types

    package = types.ModuleType("_local_lambda_programs")
    package.__path__ = [FOLDER]
    sys.modules[package.__name__] = package
    return tuple(importlib.import_module(f"{package.__name__}.{name}") for name in ("supervisor", "wire"))  # type: ignore[return-value]


def random_state() -> "Any":
    """The state of the module `random`, which Python seeds again in a fork, and which a snapshot has in it."""
    module = sys.modules.get("random")
    return module.getstate() if module is not None else None


def set_random_state(state: "Any") -> None:
    """Undo Python's own precaution."""
    if state is not None:
        sys.modules["random"].setstate(state)


def event_loops() -> "list[Any]":
    """The open event loops of asyncio that the Init phase has made."""
    asyncio = sys.modules.get("asyncio.selector_events")
    if asyncio is None:
        return []
    import gc

    # Not isinstance: it would ask proxies, which then do what they were made to put off.
    loops = [each for each in gc.get_objects() if issubclass(type(each), asyncio.BaseSelectorEventLoop)]
    return [loop for loop in loops if not loop.is_closed()]


def make_own(loop: "Any") -> None:
    """Replace what an event loop waits with: the fork shares it with all other environments.

    One of them would take the byte that wakes up the loop of another one.
    """
    import selectors

    shared, loop._selector = loop._selector, selectors.DefaultSelector()
    for key in shared.get_map().values():
        loop._selector.register(key.fileobj, key.events, key.data)
    shared.close()
    loop._close_self_pipe()
    loop._make_self_pipe()


def restored_class(supervisor: "Any", wire: "Any") -> "Any":
    """The class of the supervisor of a restored environment."""

    class Restored(supervisor.Supervisor):  # type: ignore[misc]
        """Serves requests as every supervisor does; the programs that it starts are copies of itself."""

        def __init__(self, control: int, tmp_mb: "int | None", log_descriptor: int) -> None:
            import _socket

            super().__init__(_socket.socket(fileno=control), -1)
            self.tmp_mb = tmp_mb
            self.log_descriptor = log_descriptor
            self.variables: dict[str, str] | None = None

        def run(self, threads: int) -> "dict[str, str]":
            """Serve; return in a runtime's process. `threads` is how many of the function's are not there."""
            import _signal  # type: ignore[import-not-found]
            import select

            before = _signal.getsignal(_signal.SIGCHLD)
            wake_before = _signal.set_wakeup_fd(-1)
            reason = own_tmp(self.tmp_mb)
            supervisor.become_subreaper()
            wakeup = supervisor.wake_on_exits()
            wake = _signal.set_wakeup_fd(-1)
            _signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
            wire.send(self.control, ("supervised", reason, threads))
            poll = select.poll()
            poll.register(self.control, select.POLLIN)
            poll.register(wakeup, select.POLLIN)
            while self._serve_one(poll.poll(), wakeup):
                if self.variables is not None:
                    _signal.set_wakeup_fd(wake_before)  # asyncio has already reset it, in the fork
                    for end in (wakeup, wake):
                        os.close(end)
                    _signal.signal(_signal.SIGCHLD, before if before is not None else _signal.SIG_DFL)
                    self.control.close()
                    return self.variables
            self._kill_everything()
            os._exit(0)

        def spawn(self, number: int, argv: "list[str]", env: "dict[str, str]", cwd: str, fds: "list[int]") -> None:
            """Start a runtime: a copy of this process, with these descriptors and variables."""
            pid = os.fork()
            if pid:
                self.running[pid] = number
            else:
                os.setsid()
                self.running.clear()
                wire.send(self.control, ("spawned", number, None))  # the kernel adds who says so
                for place, target in enumerate((1, 2, self.log_descriptor)):
                    os.dup2(fds[place], target)
                self.variables = {name: value for name, value in env.items() if not name.startswith("_LOCAL_LAMBDA_")}
            for descriptor in fds:
                os.close(descriptor)

    return Restored


def own_tmp(megabytes: "int | None") -> "str | None":
    """Put a copy of `/tmp` in its place, for this process and those that it starts; None if `megabytes` is None.

    Returns a reason in one line if that is impossible.
    """
    if megabytes is None:
        return None
    import importlib
    import shutil

    sandbox = importlib.import_module("_local_lambda_programs.sandbox")
    try:
        sandbox._unshare()
        before = os.open("/tmp", os.O_RDONLY | os.O_DIRECTORY)
        options = f"size={megabytes}m,mode=1777"
        sandbox._call("mount", "tmpfs", "/tmp", "tmpfs", sandbox.MS_NOSUID | sandbox.MS_NODEV, options)
        shutil.copytree(f"/proc/self/fd/{before}", "/tmp", symlinks=True, copy_function=copy_file, dirs_exist_ok=True)
        os.close(before)
    except (OSError, shutil.Error) as error:
        return f"{type(error).__name__}: {error}"[:500]
    return None


def copy_file(source: str, target: str) -> None:
    """Copy a file or a named pipe. A socket belongs to the process that listens, so there is none in a copy."""
    import shutil
    import stat

    mode = os.lstat(source).st_mode
    if stat.S_ISFIFO(mode):
        os.mkfifo(target, stat.S_IMODE(mode))
    elif not stat.S_ISSOCK(mode):
        shutil.copy2(source, target)
