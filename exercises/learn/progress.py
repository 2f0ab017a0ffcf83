"""Which exercises are done, and how many hints were read: a small JSON file next to the learner's copies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from pathlib import Path
from typing import Collection, Iterator

VERSION = 1
HINTS = 3


class Damaged(Exception):
    """The file cannot be used; the text says what to do."""


class Progress:
    """Progress in `file`, which commands in several terminals read and write; `names` are those of the exercises."""

    def __init__(self, file: Path, names: Collection[str]) -> None:
        self._file = file
        self._names = names
        self.done: list[str] = []
        self.hints: dict[str, int] = {}
        self.read()

    def read(self) -> None:
        """Read what is in the file now. Raises Damaged."""
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            done, hints = found["done"], found["hints"]
            usable = found.get("version", VERSION) == VERSION and self._usable(done, hints)
        except FileNotFoundError:  # not written yet, or removed while this runs: what is known stays
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            usable = False
        if not usable:
            raise Damaged(
                f"{self._file} is damaged: repair it, or remove it to begin again; your code next to it stays"
            )
        self.done, self.hints = done, hints

    def finish(self, name: str) -> None:
        """Note that an exercise is done."""
        with self._change():
            if name not in self.done:
                self.done.append(name)

    def forget(self, name: str) -> None:
        """Note that an exercise begins again."""
        with self._change():
            self.done = [each for each in self.done if each != name]
            self.hints.pop(name, None)

    def next_hint(self, name: str, most: int) -> int:
        """The number of the next hint: 1, 2, ... and then always the last."""
        with self._change():
            self.hints[name] = min(self.hints.get(name, 0) + 1, most)
        return self.hints[name]

    def _usable(self, done: object, hints: object) -> bool:
        return (
            isinstance(done, list)
            and all(isinstance(name, str) and name in self._names for name in done)
            and isinstance(hints, dict)
            and all(type(number) is int and 0 <= number <= HINTS for number in hints.values())
        )

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        """Read, let the caller change it, and write, while no other terminal does."""
        folder = self._file.parent
        try:
            folder.mkdir(exist_ok=True)
            lock = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self.read()
                yield
                self._write()
            finally:
                os.close(lock)
        except OSError as error:
            raise Damaged(f"{self._file} cannot be written: {error.strerror}") from None

    def _write(self) -> None:
        descriptor, new = tempfile.mkstemp(prefix=".progress-", dir=self._file.parent)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump({"version": VERSION, "done": self.done, "hints": self.hints}, file, indent=1)
                file.write("\n")
            os.replace(new, self._file)
        except BaseException:
            os.unlink(new)
            raise
