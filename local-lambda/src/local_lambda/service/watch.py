"""`start --watch`: when a function's code, layers or template change on disk, it gets new environments.

The old environments finish the requests in progress. If the new files cannot be opened, a message says so and the old
environments keep running.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from watchfiles import Change, DefaultFilter, awatch

from local_lambda.errors import CommandError
from local_lambda.functions.config import FunctionConfig
from local_lambda.processes.programs.removal import remove_tree

if TYPE_CHECKING:
    from local_lambda.service.foundation import Program

Stamps = dict[Path, tuple[int, int, int]]
"""By folder: the inode, the number of files, and when the newest was changed (nanoseconds since the epoch)."""
Say = Callable[[str, bool], None]
"""Prints a line; True when it reports a problem."""
_FIXED = "reserved_concurrency provisioned routes urls published aliases alias snap_start".split()


class Renewed(Protocol):
    """What gets new environments: the pools of a function."""

    def renew(self, function: FunctionConfig, when_ended: Callable[[], None]) -> None:
        """Serve `function` from now on; `when_ended` is called after the last old environment."""


class Watcher:
    """Watches the sources of `programs`, which are listed by the function's name, and replaces programs that changed.

    `functions` are those of the template, which `load` reads again; `open_program` opens a function's code and layers.
    Both raise CommandError. `workspace` is the folder that contains unpacked zip packages.
    """

    def __init__(
        self,
        template: Path,
        functions: Sequence[FunctionConfig],
        load: Callable[[], Sequence[FunctionConfig]],
        open_program: Callable[[FunctionConfig], Program],
        programs: MutableMapping[str, Program],
        pools: Mapping[str, Renewed],
        workspace: Path,
        say: Say,
    ) -> None:
        self._template = template.resolve()
        self._load = load
        self._open = open_program
        self._programs = programs
        self._pools = pools
        self._workspace = workspace
        self._say = say
        self._stamps: Stamps = {}
        self._functions = {function.name: function for function in functions}
        self._published = {function.name: function.published for function in functions}
        """The versions that are served, whatever the template says later."""

    async def run(self) -> None:
        """Watch until cancelled."""
        try:
            seen = None
            while True:
                seen = await self._watch_until_replaced(seen)
        except* (OSError, RuntimeError) as errors:
            self._say(f"no longer watching for changes: {errors.exceptions[0]}", True)

    async def _watch_until_replaced(self, seen: Stamps | None) -> Stamps:
        """Watch until a folder is replaced by a different one: the system reports on the old one only.

        `seen` describes the folders when they were last opened; anything that differs now counts as a change, too.
        """
        sources = self._all_sources()
        folders = {source for source in sources if source.is_dir()}
        single = {
            path
            for path in (self._template, *sources)
            if not any(path != folder and path.is_relative_to(folder) for folder in folders)
        }
        identities = _identities(sources)
        replaced = asyncio.Event()

        async def follow(places: set[Path], recursive: bool, watch_filter: Callable[[Change, str], bool]) -> None:
            batches = awatch(
                *places,
                watch_filter=watch_filter,
                stop_event=replaced,
                recursive=recursive,
                ignore_permission_denied=True,
            )
            async for changes in batches:
                kinds: dict[Path, set[Change]] = {}
                for change, path in changes:
                    kinds.setdefault(Path(path), set()).add(change)
                # A path that was added and removed again comes from an editor that replaces a file.
                self._renew({path for path, kind in kinds.items() if Change.added not in kind or path.exists()})
                if _identities(self._all_sources()) != identities:
                    replaced.set()

        async with asyncio.TaskGroup() as group:
            parents = {path.parent for path in single if path.parent.is_dir()}
            group.create_task(follow(parents, False, lambda _, path: Path(path) in single))
            if folders:  # the default filter skips .git, .venv, __pycache__ and editors' temporary files
                group.create_task(follow(folders, True, DefaultFilter()))
            await asyncio.sleep(0)  # let them begin
            if seen is None:
                self._say("watching code, layers and template", False)
            else:
                self._renew({folder for folder in folders if _stamp(folder) != seen.get(folder)})
        return self._stamps

    def _all_sources(self) -> set[Path]:
        return {source for program in self._programs.values() for source in _sources(program)}

    def _renew(self, changed: set[Path]) -> None:
        stale = {name: found for name, program in self._programs.items() if (found := self._of(program, changed))}
        if self._template in changed:
            for name in self._reload():
                stale.setdefault(name, set()).add(self._template)
        if stale:
            self._stamps = {source: _stamp(source) for source in self._all_sources() if source.is_dir()}
        for name, paths in stale.items():
            old = self._programs[name]
            try:
                self._programs[name] = program = self._open(self._functions[name])
            except CommandError as error:
                self._say(f"{name} keeps running what it had: {error}", True)
                continue
            self._pools[name].renew(program.function, partial(self._discard, old))
            first, *more = sorted(path.name for path in paths)
            what = f"{first} and {len(more)} more have changed" if more else f"{first} has changed"
            self._say(f"{what}: {name} is reloaded{_versions_too(self._published[name])}", False)

    def _of(self, program: Program, changed: set[Path]) -> set[Path]:
        """The changed files that belong to the program.

        A code folder that also contains the template holds tests, events and responses, too: there, only Python counts.
        """
        found = set()
        for source in _sources(program):
            own = source == self._template.parent
            found |= {path for path in changed if path.is_relative_to(source) and (not own or _counts(path, source))}
        return found - {self._template}

    def _reload(self) -> Iterator[str]:
        """The names of the functions whose description in the template has changed."""
        try:
            functions = {function.name: function for function in self._load()}
        except CommandError as error:
            self._say(f"the functions stay as they are: {error}", True)
            return
        if _fixed(functions) != _fixed(self._functions):
            fixed = "names, routes, URLs, versions, SnapStart and concurrency"
            self._say(f"{fixed} stay as they are; start again to change them", True)
        for name, old in self._functions.items():
            if name in functions and functions[name] != old:
                self._functions[name] = functions[name]
                yield name

    def _discard(self, program: Program) -> None:
        """Remove what was unpacked for a program that is no longer used."""
        for folder in (program.code, program.layers):
            if folder is not None and folder.is_relative_to(self._workspace):
                asyncio.get_running_loop().run_in_executor(None, remove_tree, str(folder))


def _sources(program: Program) -> Iterator[Path]:
    """The folders and zip packages that a program was made of."""
    return (path.resolve() for path in (program.function.code, *program.function.layers))


def _counts(path: Path, source: Path) -> bool:
    """Whether a path in the template's folder is part of the code: a Python file, or the folder itself."""
    return path.suffix == ".py" or path == source


def _identities(sources: set[Path]) -> dict[Path, int]:
    """The inodes of the sources that are folders now."""
    return {source: _inode(source) for source in sources if source.is_dir()}


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except OSError:  # it has just gone
        return 0


def _stamp(folder: Path) -> tuple[int, int, int]:
    count = newest = 0
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in DefaultFilter.ignore_dirs]
        for name in files:
            try:
                newest = max(newest, os.stat(os.path.join(place, name)).st_mtime_ns)
            except OSError:
                continue
            count += 1
    return _inode(folder), count, newest


def _versions_too(published: Sequence[str]) -> str:
    """What a change is to published versions, which have new code here under their old numbers."""
    if not published:
        return ""
    what = "version" if len(published) == 1 else "versions"
    return f", and so is its {what} {', '.join(published)} (on AWS a deployment publishes a new version)"


def _fixed(functions: Mapping[str, FunctionConfig]) -> list[tuple[str, list[str]]]:
    """The settings that servers and pools were created with."""
    return sorted((each.name, [repr(getattr(each, name)) for name in _FIXED]) for each in functions.values())
