"""Which exercises are done, and how many hints were read: a small JSON file next to the learner's copies."""

from __future__ import annotations

import json
from pathlib import Path


class Damaged(Exception):
    """The file cannot be read; the text says what to do."""


class Progress:
    """Progress in `file`, which is written after each change."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.done: list[str] = []
        self.hints: dict[str, int] = {}
        if file.exists():
            try:
                found = json.loads(file.read_text(encoding="utf-8"))
                self.done, self.hints = list(map(str, found["done"])), dict(found["hints"])
            except (ValueError, KeyError, TypeError):
                raise Damaged(
                    f"{file} is damaged: repair it, or remove it to begin again; your code next to it stays"
                ) from None

    def finish(self, name: str) -> None:
        """Note that an exercise is done."""
        if name not in self.done:
            self.done.append(name)
        self._write()

    def forget(self, name: str) -> None:
        """Note that an exercise begins again."""
        self.done = [each for each in self.done if each != name]
        self.hints.pop(name, None)
        self._write()

    def next_hint(self, name: str, most: int) -> int:
        """The number of the next hint: 1, 2, ... and then always the last."""
        self.hints[name] = min(self.hints.get(name, 0) + 1, most)
        self._write()
        return self.hints[name]

    def _write(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_text(json.dumps({"done": self.done, "hints": self.hints}, indent=1) + "\n", encoding="utf-8")
        new.replace(self._file)
