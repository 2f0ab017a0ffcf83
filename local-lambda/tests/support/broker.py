"""A separate RabbitMQ for the tests: free ports, its own node, folders and epmd. It leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from socket import create_connection
from types import TracebackType

from support.free_ports import free_port

PATIENCE_SECONDS = 180
PROGRAMS = ("rabbitmq-server", "rabbitmqctl", "erl", "epmd")


def missing() -> list[str]:
    """The required programs that are missing."""
    return [name for name in PROGRAMS if _which(name) is None]


def _which(name: str) -> str | None:
    """The path of a program: Debian's wrappers insist on their own user and folder; the wrapped programs do not."""
    return shutil.which(name, path=f"/usr/lib/rabbitmq/bin:{os.environ.get('PATH', os.defpath)}")


def _wait_for_port(port: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            assert time.monotonic() < deadline, f"connection refused: nothing is listening on port {port}"
            time.sleep(0.01)


class RabbitMQ:
    """A broker that listens on loopback while the block runs; `restart` keeps port and queues."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, distribution, epmd = (free_port("127.0.0.1") for _ in range(3))
        self.uri = f"amqp://guest:guest@127.0.0.1:{self.port}/"
        self.shown = f"amqp://127.0.0.1:{self.port}/"
        """The URI as the tool shows it."""
        self._process: subprocess.Popen[bytes] | None = None
        self._epmd: subprocess.Popen[bytes] | None = None
        (folder / "enabled_plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nvm_memory_high_watermark.absolute = 1GB\n"
            "disk_free_limit.absolute = 10MB\n"
        )
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")},
            "HOME": str(folder),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_NODENAME": f"tests{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        }

    def __enter__(self) -> RabbitMQ:
        try:
            # Erlang would start this one automatically, as a daemon that stays, if it were not running.
            self._epmd = subprocess.Popen([self._program("epmd")], env=self._environment, stdin=subprocess.DEVNULL)
            _wait_for_port(int(self._environment["ERL_EPMD_PORT"]))
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start the broker, and return when it is ready."""
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(
                [self._program("rabbitmq-server")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self.folder,
                start_new_session=True,
            )
        self.control("wait", "--pid", str(self._process.pid), "--timeout", str(PATIENCE_SECONDS))
        self.control("await_startup")

    def restart(self) -> None:
        """Ask the broker to stop wherever it happens to be, wait until it has, and start it again."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        self.start()

    def stop(self) -> None:
        """Kill the broker as a power cut would: persistent messages are on its disk, recent acknowledgments are not."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def kill(self) -> None:
        """Make sure that broker and epmd have ended."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        if self._epmd is not None:
            self._epmd.kill()
            self._epmd.wait()

    def control(self, *arguments: str) -> str:
        """Run `rabbitmqctl` with these arguments; return what it printed."""
        command = [self._program("rabbitmqctl"), "--quiet", *arguments]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=PATIENCE_SECONDS + 30
        )
        log = (self.folder / "output").read_text()[-3000:]
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout}{done.stderr}\n{log}"
        return done.stdout

    @staticmethod
    def _program(name: str) -> str:
        program = _which(name)
        assert program is not None, name
        return program
