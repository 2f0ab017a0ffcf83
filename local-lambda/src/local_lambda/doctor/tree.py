"""The files of a package or a layer, in a folder or a zip, without unpacking it."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from local_lambda.errors import UsageError

SKIPPED = frozenset({".aws-sam", ".git", ".pytest_cache", ".tox", ".venv", "__pycache__", "node_modules", "venv"})
"""Folders next to the code that belong to its developer."""
MAX_READ_BYTES = 4_194_304
"""Source files are longer than this only if a program wrote them; no more of a file is read."""


class Entry(NamedTuple):
    """A regular file: its path with slashes, permissions (None if a zip does not say) and size in bytes."""

    name: str
    mode: int | None
    size: int


class Tree:
    """The files of the folder or zip at `path`. Raises UsageError if it is neither."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_zip = path.is_file() and path.suffix != ".py"
        self.entries: dict[str, Entry] = {}
        try:
            entries = self._zipped() if self.is_zip else self._files() if path.is_dir() else self._single()
            self.entries = {entry.name: entry for entry in entries}
        except zipfile.BadZipFile as error:
            raise UsageError(f"{path}: is not a zip file ({error}); build it again") from None
        except OSError as error:
            raise UsageError(f"{path}: cannot be read ({error.strerror}); name a folder or a zip file") from None

    @property
    def size(self) -> int:
        """Of all files, unzipped, in bytes."""
        return sum(entry.size for entry in self.entries.values())

    def names(self) -> set[str]:
        """The names in the topmost folder, files and folders alike."""
        return {name.partition("/")[0] for name in self.entries}

    def has_module(self, module: str, below: str = "") -> bool:
        """Whether Python finds this module (`a.b`) in the folder `below`, which ends in a slash."""
        path = below + module.replace(".", "/")
        beginnings = (f"{path}.py", f"{path}/", f"{path}.cpython-", f"{path}.abi3.so", f"{path}.so")
        return any(name.startswith(beginnings) for name in self.entries)

    def read(self, name: str, most: int = MAX_READ_BYTES) -> bytes:
        """The beginning of a file; empty if there is none, or it cannot be read."""
        try:
            if not self.is_zip:
                with open(self.path / name if self.path.is_dir() else self.path, "rb") as file:
                    return file.read(most)
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as member:
                return member.read(most)
        except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, NotImplementedError):
            return b""

    def _zipped(self) -> Iterator[Entry]:
        with zipfile.ZipFile(self.path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir():
                    yield Entry(entry.filename, (entry.external_attr >> 16) & 0o777 or None, entry.file_size)

    def _files(self) -> Iterator[Entry]:
        for folder, folders, files in os.walk(self.path):
            folders[:] = sorted(name for name in folders if name not in SKIPPED)
            for name in sorted(files):
                path = os.path.join(folder, name)
                status = os.stat(path) if os.path.exists(path) else os.lstat(path)
                if stat.S_ISREG(status.st_mode):
                    yield Entry(os.path.relpath(path, self.path), status.st_mode & 0o777, status.st_size)

    def _single(self) -> Iterator[Entry]:
        status = self.path.stat()
        yield Entry(self.path.name, status.st_mode & 0o777, status.st_size)
