"""Remove a folder of a function, whatever the function has made of it. Used by the tool and by its helper process.

A function may nest folders deeper than a path can be long, and may take away its own rights on them. So no path here
is longer than three names below the folder, and nothing calls itself. Imports nothing of the package.
"""

from __future__ import annotations

import os


def remove_tree(folder: str) -> None:
    """Remove `folder` and what is in it. What resists (another user's files) is left, with the folders around it."""
    moved = 0
    left: set[str] = set()
    while True:
        inner = [name for name in _empty(folder) if name not in left]
        if not inner:
            break
        for name in inner:
            path = os.path.join(folder, name)
            for below in _empty(path):
                moved += 1
                deep = os.path.join(path, below)
                _allow(deep)  # a folder is written to when it gets another parent
                try:
                    os.rename(deep, os.path.join(folder, f".removed-{moved}-{os.urandom(8).hex()}"))
                except OSError:
                    left.add(name)
            try:
                os.rmdir(path)
            except OSError:
                left.add(name)
    try:
        os.rmdir(folder)
    except OSError:
        pass


def _empty(folder: str) -> list[str]:
    """Remove everything in a folder but its folders; their names."""
    _allow(folder)
    folders = []
    try:
        with os.scandir(folder) as entries:
            found = list(entries)
    except OSError:
        return []
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.name)
            continue
        try:
            os.unlink(entry.path)
        except OSError:
            pass
    return folders


def _allow(folder: str) -> None:
    try:
        if not os.path.islink(folder):
            os.chmod(folder, 0o700)
    except OSError:
        pass
