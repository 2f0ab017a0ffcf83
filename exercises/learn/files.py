"""Which files of a folder are the learner's: not those that Python and editors leave there."""

from __future__ import annotations

import os
import shutil
import stat
from fnmatch import fnmatch
from pathlib import Path
from typing import Dict

State = Dict[Path, int]
LEFT_BY_TOOLS = ("__pycache__", ".*.sw?", "*~", ".#*", "#*#")


def state(folder: Path) -> State:
    """The files below the folder, and when each was saved; none if the folder cannot be read."""
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not _left_by_tools(name)]
        for file in (Path(place, name) for name in names if not _left_by_tools(name)):
            try:
                status = file.stat()
            except OSError:  # removed since it was listed, or a link to nothing
                continue
            if stat.S_ISREG(status.st_mode):
                found[file] = status.st_mtime_ns
    return found


def copy_files(source: Path, target: Path) -> None:
    """Copy the files as they are now. Raises OSError for one that cannot be read."""
    target.mkdir()
    for file in state(source):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copy2(file, copy)
        except FileNotFoundError:  # removed since it was listed
            continue


def _left_by_tools(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in LEFT_BY_TOOLS)
