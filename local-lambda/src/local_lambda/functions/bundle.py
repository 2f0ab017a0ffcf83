"""Opens code and layers as folders, which become `/var/task` and `/opt`.

Specification: https://docs.aws.amazon.com/lambda/latest/dg/python-package.html and python-layers.html.
A zip package is not trusted: nothing is written outside its folder, no link leads out of it, and Lambda's size limit
applies. This module knows neither the content of the folders nor where processes see them.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

from local_lambda.errors import UsageError
from local_lambda.limits import MAX_UNZIPPED_BYTES

if TYPE_CHECKING:
    import zipfile

MAX_LINK_BYTES = 4096
CHUNK_BYTES = 1024 * 1024
MAX_MEMBERS = 100_000
"""AWS does not document a limit; this many take seconds to unpack."""
MAX_DEPTH = 200
"""Limit for nested folders; no package needs this many."""
FILE_MODE, FOLDER_MODE = 0o644, 0o755
STORED, DEFLATED = 0, 8
ENCRYPTED = 1


def open_code(code: Path, workspace: Path) -> Path:
    """The folder with the function's code: `code` itself, or `task` in `workspace` for a zip or one Python file."""
    if code.is_dir():
        return code.resolve()
    tree = _Tree(workspace / "task", "/var/task")
    if code.suffix == ".py":
        tree.add_file(code)
    else:
        tree.add(code)
    return tree.finish()


def write_code(source: str, workspace: Path) -> Path:
    """The folder, in `workspace`, of code that is given as text: `index.py`, as Lambda calls it.

    The module `cfnresponse` is next to it if the code has the statement that CloudFormation looks for.
    """
    folder = workspace / "task"
    make_private(folder)
    (folder / "index.py").write_text(source, encoding="utf-8")
    if re.search(r"\bimport cfnresponse\b", source):
        module = Path(__file__).with_name("cfnresponse.py")
        (folder / module.name).write_bytes(module.read_bytes())
    return folder.resolve()


def merge_layers(layers: Sequence[Path], workspace: Path) -> Path | None:
    """The folder with all layers, later ones over earlier ones: `opt` in `workspace`. None without layers.

    If the only layer is a folder, it is used in place, so that edits take effect at once.
    """
    if not layers:
        return None
    if len(layers) == 1 and layers[0].is_dir():
        return layers[0].resolve()
    tree = _Tree(workspace / "opt", "/opt")
    for layer in layers:
        tree.add(layer)
    return tree.finish()


def make_private(folder: Path) -> None:
    """Create a folder and its missing parents, closed to other users from the start."""
    for path in reversed((folder, *folder.parents)):
        path.mkdir(mode=0o700, exist_ok=True)


def _as_on_lambda(mode: int) -> int:
    """The permissions of a file or folder: its owner, as whom a function runs here, gets what others have on Lambda.

    On Lambda a function is neither the owner of its code nor in its group.
    """
    others = mode & 0o007
    owner = mode & ((others << 6) | (0o200 if others & 0o004 else 0))
    return owner | mode & 0o077


class _Tree:
    """A new folder `root` that code or layers are written into; processes will see it as `home`."""

    def __init__(self, root: Path, home: str) -> None:
        if root.exists():
            import shutil

            shutil.rmtree(root)
        make_private(root.parent)
        root.mkdir()
        self.root = root.resolve()
        self._prefix = f"{self.root}/"
        self._home = home
        self._left = MAX_UNZIPPED_BYTES
        self._bundle = Path()
        self._folders: set[str] = set()
        self._others: set[str] = set()
        self._links: list[str] = []
        self._modes: dict[str, int] = {}
        """Of folders, as their archives say. They may forbid what is still to be written."""

    def finish(self) -> Path:
        """The folder, when everything is in it: from now on its folders have the modes of their archives."""
        for name in sorted(self._modes, reverse=True):  # what is inside comes before its folder closes
            os.chmod(self._path(name), self._modes[name])
        return self.root

    def add(self, bundle: Path) -> None:
        """Write a folder or a zip over the content. Raises UsageError for what is invalid on Lambda or unsafe."""
        self._bundle, self._folders, self._others = bundle, {""}, set()
        try:
            if bundle.is_dir():
                self._copy(bundle)
            else:
                self._unzip()
        except OSError as error:
            raise self._refuse(f"cannot be unpacked ({error})") from error
        for name in self._links:
            if not (os.path.realpath(self._path(name)) + "/").startswith(f"{self.root}/"):
                raise self._refuse(f"link {name} leads out of the package; replace it with its target")

    def add_file(self, path: Path) -> None:
        """Write one file, under its own name. Raises UsageError."""
        self._bundle, self._folders, self._others = path, {""}, set()
        try:
            with path.open("rb") as source:
                self._file(path.name, os.fstat(source.fileno()).st_mode, source)
        except OSError as error:
            raise self._refuse(f"cannot be read ({error})") from error

    def _refuse(self, why: str) -> UsageError:
        printable = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in why)
        return UsageError(f"{self._bundle}: {printable}")

    def _copy(self, folder: Path) -> None:
        ahead = [""]
        while ahead:
            below = ahead.pop()
            with os.scandir(folder / below) as entries:
                for entry in entries:
                    name = below + entry.name
                    mode = entry.stat(follow_symlinks=False).st_mode
                    if stat.S_ISLNK(mode):
                        self._link(name, os.readlink(entry.path))
                    elif stat.S_ISDIR(mode):
                        self._folder(name)
                        ahead.append(f"{name}/")
                    elif stat.S_ISREG(mode):
                        with open(entry.path, "rb") as source:
                            self._file(name, mode, source)
                    else:
                        raise self._refuse(f"{name} is not a file, folder or link; remove it")

    def _unzip(self) -> None:
        import zipfile
        import zlib

        try:
            with zipfile.ZipFile(self._bundle) as archive:
                self._extract(archive, archive.infolist())
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
            raise self._refuse(f"cannot be unzipped ({error}); build it again") from error

    def _extract(self, archive: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo]) -> None:
        if len(entries) > MAX_MEMBERS:
            raise self._refuse(f"has {len(entries)} members; local-lambda unpacks {MAX_MEMBERS} at most")
        for entry in entries:
            parts = [part for part in entry.filename.split("/") if part not in ("", ".")]
            if entry.filename.startswith("/") or ".." in parts:
                raise self._refuse(f"{entry.filename} is outside the package; build it with relative names")
            if entry.flag_bits & ENCRYPTED:
                raise self._refuse(f"{entry.filename} is encrypted; build it without a password")
            if entry.compress_type not in (STORED, DEFLATED):
                raise self._refuse(f"{entry.filename} is not compressed with deflate; build it with that method")
            name, mode = "/".join(parts), entry.external_attr >> 16
            kind = stat.S_IFMT(mode)
            if entry.filename.endswith("/") or kind == stat.S_IFDIR:
                self._folder(name)
                if name:
                    self._modes[name] = _as_on_lambda(mode) & 0o777 if mode else FOLDER_MODE
            elif kind == stat.S_IFLNK:
                if entry.file_size > MAX_LINK_BYTES or b"\0" in (target := archive.read(entry)):
                    raise self._refuse(f"link {name} has an invalid target")
                self._link(name, os.fsdecode(target))
            elif kind in (stat.S_IFREG, 0):
                with archive.open(entry) as source:
                    self._file(name, _as_on_lambda(mode) if mode else FILE_MODE, source)
            else:
                raise self._refuse(f"{name} is not a file, folder or link; build it without")

    def _folder(self, name: str) -> None:
        """Create the folder and its parents; a link or file in place of one of them is replaced."""
        if name.count("/") >= MAX_DEPTH:
            raise self._refuse(f"has more than {MAX_DEPTH} nested folders")
        missing = []
        while name not in self._folders:
            missing.append(name)
            name = name.rpartition("/")[0]
        for each in reversed(missing):
            self._make_folder(each)

    def _make_folder(self, name: str) -> None:
        path = self._path(name)
        try:
            os.mkdir(path, FOLDER_MODE)
        except FileExistsError:
            if not stat.S_ISDIR(os.lstat(path).st_mode):
                self._remove(name, self._others)
                os.mkdir(path, FOLDER_MODE)
        self._folders.add(name)

    def _file(self, name: str, mode: int, source: IO[bytes]) -> None:
        path = self._place(name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as target:
            while chunk := source.read(CHUNK_BYTES):
                self._left -= len(chunk)
                if self._left < 0:
                    raise self._refuse(f"Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes")
                target.write(chunk)
            os.fchmod(target.fileno(), mode & 0o777)

    def _link(self, name: str, target: str) -> None:
        if target.startswith(f"{self._home}/"):  # valid where it is mounted at that path, so make it valid elsewhere
            target = os.path.relpath(target[len(self._home) + 1 :], os.path.dirname(name) or ".")
        os.symlink(target, self._place(name))
        self._links.append(name)

    def _place(self, name: str) -> str:
        """The path for a new file or link; what an earlier entry or layer put there is removed."""
        self._folder(name.rpartition("/")[0])
        path = self._path(name)
        if os.path.lexists(path):
            self._remove(name, self._folders)
        self._others.add(name)
        return path

    def _remove(self, name: str, other_kind: set[str]) -> None:
        """Make room. Raises UsageError for an entry of the other kind in the same package: links are not followed."""
        if name in other_kind:
            raise self._refuse(f"{name or 'the package'} occurs twice, as different kinds of entries; build it again")
        path = self._path(name)
        if stat.S_ISDIR(os.lstat(path).st_mode):
            import shutil

            shutil.rmtree(path)
            for gone in [each for each in self._modes if f"{each}/".startswith(f"{name}/")]:
                del self._modes[gone]
        else:
            os.unlink(path)

    def _path(self, name: str) -> str:
        return f"{self._prefix}{name}"
