"""The command local-lambda: where it is, and a process that serves a template."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
from array import array
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

from pytest_local_lambda.recording import Recording

INSTALL = "install it with `pipx install local-lambda-env`, or name it with --local-lambda or LOCAL_LAMBDA"
SECONDS = 60.0


def find_command(chosen: Optional[str], start: Path) -> Optional[str]:
    """The command: `chosen`, `LOCAL_LAMBDA`, on PATH, or in `local-lambda/.venv/bin` of a folder around `start`."""
    named = chosen or os.environ.get("LOCAL_LAMBDA")
    if named:
        return named
    found = shutil.which("local-lambda")
    if found:
        return found
    for folder in (start, *start.parents):
        path = folder / "local-lambda" / ".venv" / "bin" / "local-lambda"
        if path.is_file():
            return str(path)
    return None


class Settings:
    """What a process serves: a template, environment variables over it, and more options of the command."""

    def __init__(
        self, template: Path, environment: Mapping[str, str], python: Optional[str], options: Sequence[str]
    ) -> None:
        self.template = template
        self.environment = dict(environment)
        self.python = python or sys.executable
        self.options = tuple(options)

    @property
    def key(self) -> str:
        """Equal for settings that can share a process."""
        return json.dumps([str(self.template), self.environment, self.python, self.options], sort_keys=True)

    def arguments(self, folder: Path) -> List[str]:
        """The arguments that `invoke` and `start` have in common; `folder` is for a file with the variables."""
        arguments = ["--template", str(self.template), "--python", self.python, *self.options]
        if self.environment:
            path = folder / "env.json"
            path.write_text(json.dumps({"Parameters": self.environment}), encoding="utf-8")
            arguments += ["--env-vars", str(path)]
        return arguments


class Process:
    """`local-lambda start` for a template."""

    def __init__(self, command: str, settings: Settings) -> None:
        self.command = command
        self.folder = Path(tempfile.mkdtemp(prefix="pytest-local-lambda-"))
        self._log = bytearray()
        self._logged = threading.Condition()
        self._address: Optional[str] = None
        self._status: Optional[int] = None
        self._ready = threading.Event()
        try:
            self.recording = Recording(self.folder)
            arguments = [command, "start", "--port", "0", "--record", str(self.recording.pipe)]
            self._process = subprocess.Popen(
                [*arguments, *settings.arguments(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, "NO_COLOR": "1"},
            )
        except BaseException:
            shutil.rmtree(str(self.folder), ignore_errors=True)
            raise
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._ready.wait(SECONDS)
        if self._address is None:
            self.stop()
            raise RuntimeError(f"local-lambda did not start:\n{self.log}")

    @property
    def log(self) -> str:
        """What it has written on standard error so far, also what has not been read yet."""
        stderr, pending = self._process.stderr, array("i", [0])
        with self._logged:
            while self._reader.is_alive() and stderr is not None:
                fcntl.ioctl(stderr.fileno(), termios.FIONREAD, pending)
                if not pending[0]:
                    break
                self._logged.wait(1)
            return self._log.decode("utf-8", "replace")

    @property
    def address(self) -> str:
        """Host and port."""
        assert self._address is not None
        return self._address

    def stop(self) -> int:
        """Shut all environments down; returns the exit status. Once is enough."""
        if self._status is not None:
            return self._status
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            status = self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        self._reader.join()
        self.recording.close()
        self._status = status
        return status

    def remove(self) -> None:
        """Remove its files."""
        shutil.rmtree(str(self.folder), ignore_errors=True)

    def _read(self) -> None:
        assert self._process.stderr is not None
        descriptor = self._process.stderr.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        data = b"begin"
        while data:
            poll.poll()
            with self._logged:  # nothing is read and not yet in the log when `log` looks
                data = os.read(descriptor, 1 << 16)
                self._log += data
                self._logged.notify_all()
            found = self._address is None and re.search(rb"listening on http://(\S+) for ", self._log)
            if found:
                self._address = found[1].decode()
                self._ready.set()
        self._ready.set()


def draw(command: str, recording: Path, output: Optional[Path] = None) -> str:
    """The picture of a recording: as text, or as the file `output`. Empty if there is nothing to draw."""
    arguments = [command, "timeline", str(recording)] + (["-o", str(output)] if output else [])
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        drawn = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS)
        return drawn.stdout.decode("utf-8", "replace")
    return ""


def variables_without(names: Sequence[str]) -> Dict[str, str]:
    """The shell's variables without some."""
    return {name: value for name, value in os.environ.items() if name not in names}
