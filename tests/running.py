"""What the tests of images and of AWS share: servers that run while a block runs, and the container engine.

DOCKER names the engine (docker, podman, a path); without it the first of docker and podman that works is taken.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
PATIENCE = 120
"""Seconds after which the tests give up on a container that prints nothing."""


@dataclass(frozen=True)
class Engine:
    """A container engine."""

    name: str

    def has(self, image: str) -> bool:
        """Whether the image is here, or can be pulled."""
        ways = (["image", "inspect", image], ["pull", "--quiet", image])
        return any(subprocess.run([self.name, *way], capture_output=True, timeout=600).returncode == 0 for way in ways)

    def run(self, *arguments: str) -> str:
        """Run a command of the engine that must succeed; returns what it prints."""
        ended = subprocess.run([self.name, *arguments], capture_output=True, text=True, timeout=600)
        assert ended.returncode == 0, f"{self.name} {' '.join(arguments)}\n{ended.stdout}{ended.stderr}"
        return ended.stdout.strip()

    def inside(self, image: str, *command: str) -> str:
        """Run a command in a container of the image in place of the image's own."""
        return self.run("run", "--rm", "--entrypoint", command[0], image, *command[1:])

    def remove(self, container: str) -> None:
        """Remove the container, if there is one of this name."""
        subprocess.run([self.name, "rm", "--force", container], capture_output=True, timeout=PATIENCE)

    def make(self, folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run make in a folder of the repository, with this engine."""
        command = ["make", "--no-print-directory", "-C", str(ROOT / folder), f"DOCKER={self.name}", *arguments]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600)

    @functools.cache  # noqa: B019 - there is one engine, for as long as the tests run
    def image(self, folder: str) -> str:
        """Build an example's image with `make image`, once; returns its name."""
        made = self.make(folder, "image")
        assert made.returncode == 0, made.stdout
        return folder


def find_engine() -> Engine | None:
    """Return a container engine that works here."""
    named = os.environ.get("DOCKER")
    for name in [named] if named else ["docker", "podman"]:
        if shutil.which(name) and subprocess.run([name, "info"], capture_output=True).returncode == 0:
            return Engine(name)
    return None


@dataclass
class Served:
    """A command that serves a function: its address, and what it has printed so far."""

    process: subprocess.Popen[str]
    address: str = ""
    lines: list[str] = field(default_factory=list)
    listening: threading.Event = field(default_factory=threading.Event)

    @property
    def output(self) -> str:
        """Everything that was printed."""
        return "".join(self.lines)

    def read(self) -> None:
        """Read what the command prints until it has ended."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.search(r"listening on http://(\S+)", line)
            if found:
                self.address = found[1]
                self.listening.set()
        self.listening.set()


@contextmanager
def serving(*command: str, cwd: Path = ROOT) -> Iterator[Served]:
    """Run a server, from when it listens to the end of the block."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd, start_new_session=True
    )
    served = Served(process)
    reader = threading.Thread(target=served.read, daemon=True)
    reader.start()
    try:
        assert served.listening.wait(PATIENCE), f"nobody listens after {PATIENCE} s:\n{served.output}"
        assert served.address, f"ended before it listened:\n{served.output}"
        yield served
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join(PATIENCE)


@contextmanager
def container(engine: Engine, name: str, *command: str) -> Iterator[Served]:
    """Run a server in a container with this name; the container is removed after the block."""
    engine.remove(name)
    try:
        with serving(*command) as served:
            yield served
    finally:
        engine.remove(name)
