"""What an environment's processes see, and where: the description that `sandbox.py` puts into effect."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TypedDict

from local_lambda.functions.interpreter import Interpreter, virtual_environment

RUNTIME_DIRECTORY = str(Path(__file__).parent / "programs" / "runtime")
"""The part of Lambda's `/var/runtime` that is needed here."""

MAX_LINKS = 40
"""The number of links that the kernel follows in one path."""


class Spec(TypedDict):
    """The folders that appear at `/var/task`, `/opt`, `/var/runtime` and `/tmp`, and the address of the sandbox's name.

    `tmp_mb` is the size of `/tmp` in MB, which is in memory; None leaves it on disk, without a limit. `keep` are paths
    that stay visible where they are; `hidden` are folders that appear empty, except for those.
    """

    task: str
    opt: str | None
    runtime: str
    tmp: str
    tmp_mb: int | None
    hosts: str
    keep: list[str]
    hidden: list[str]


def spec(
    code: Path,
    opt: Path | None,
    tmp: Path,
    tmp_mb: int | None,
    address: str,
    interpreters: Sequence[Interpreter],
    more: Sequence[Path] = (),
    homes: bool = True,
) -> Spec:
    """The sandbox of one environment. `tmp` is a folder made for it; `address` is a loopback address only it uses.

    The function's Python, this package's programs, the Python they run on and the folders `more` stay where they are,
    even below `/opt`, `/tmp` or `/var/task`. The folder that contains `tmp` is hidden because it holds other
    environments' files; so are the user's AWS credentials and, with `homes`, everything else in home folders.
    """
    needed = [
        Path(__file__).parent / "programs",
        Path(sys.base_prefix),
        *chain.from_iterable(map(_folders, interpreters)),
        *more,
    ]
    hidden = ("/home", *_homes()) if homes else ()
    keep = {path: None for folder in needed for path in locations(folder)}
    return {
        "task": str(code),
        "opt": str(opt) if opt else None,
        "runtime": RUNTIME_DIRECTORY,
        "tmp": str(tmp),
        "tmp_mb": tmp_mb,
        "hosts": address,
        "keep": list(keep),
        "hidden": list(dict.fromkeys([str(tmp.parent), *hidden, *(f"{home}/.aws" for home in _homes())])),
    }


def _homes() -> Iterator[str]:
    """The user's home folder as the shell says, and as the system says: they can differ."""
    import pwd

    yield os.path.expanduser("~")
    try:
        yield pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a user without an entry, as in a container
        return


def _folders(interpreter: Interpreter) -> Iterator[Path]:
    """The folders of the interpreter: its virtual environment, where that links to, and the Python it is based on."""
    virtual = virtual_environment(interpreter.path)
    if virtual is not None:
        yield interpreter.path.parent.parent
        yield from _linked(interpreter.path.parent.parent)
        if virtual.get("home"):
            yield Path(virtual["home"]).parent
    yield interpreter.path
    yield interpreter.path.resolve().parent.parent


def _linked(environment: Path) -> Iterator[Path]:
    """The folders of packages in editable mode: lines of `.pth` files, see the module `site`."""
    for file in environment.glob("lib/python*/site-packages/*.pth"):
        for line in file.read_text(errors="replace").splitlines():
            if line.startswith("/") and os.path.isdir(line):
                yield Path(line)


def locations(path: Path) -> list[str]:
    """Where a path leads: each link along the path, and finally the file or folder itself."""
    found: list[str] = []
    here, ahead = "/", os.path.abspath(path).split("/")
    while ahead and len(found) <= MAX_LINKS:
        step = os.path.normpath(os.path.join(here, ahead.pop(0)))
        if os.path.islink(step):
            found.append(step)
            target = os.readlink(step)
            here, ahead = "/" if target.startswith("/") else here, target.split("/") + ahead
        else:
            here = step
    return [*found, here]
