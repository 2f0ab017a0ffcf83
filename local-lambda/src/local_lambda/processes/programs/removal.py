"""Remove a function's folder, whatever the function has done to it. The tool and its helper process use this.

A function may nest folders deeper than the longest possible path, and may remove its own permissions on them. So no
path here is longer than three names below the folder, and nothing recurses. This file imports nothing of the package.
"""

from __future__ import annotations

import os


def remove_tree(folder: str) -> None:
    """Remove `folder` and its contents. What cannot be removed (another user's files) stays, with its folders."""
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
                _allow(deep)  # moving a folder to a different parent writes to the folder itself
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
    """Remove everything in a folder except its folders; return their names."""
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
