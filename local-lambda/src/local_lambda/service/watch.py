"""`start --watch`: a function whose code, layers or template change on disk goes on with new environments.

Who is being served is served to the end by the old ones. What cannot be opened is said, and the old goes on.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from watchfiles import Change, awatch

from local_lambda.errors import CommandError
from local_lambda.functions.config import FunctionConfig

if TYPE_CHECKING:
    from local_lambda.service.foundation import Program
    from local_lambda.service.pool import EnvironmentPool

Say = Callable[[str, bool], None]
"""Tells the reader a line; True when it is about something that went wrong."""


class Watcher:
    """Watches what `programs` were made of, by the function's name, and puts new ones there.

    `functions` are those of the template, which `load` reads again; `open_program` opens code and layers of a function.
    Both raise CommandError. `workspace` is the folder below which opened archives lie.
    """

    def __init__(
        self,
        template: Path,
        functions: Sequence[FunctionConfig],
        load: Callable[[], Sequence[FunctionConfig]],
        open_program: Callable[[FunctionConfig], Program],
        programs: MutableMapping[str, Program],
        pools: Mapping[str, EnvironmentPool],
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
        self._functions = {function.name: function for function in functions}

    async def run(self) -> None:
        """Watch until cancelled."""
        files, folders = {self._template.parent}, set()
        for program in self._programs.values():
            for source in _sources(program):
                folders.add(source) if source.is_dir() else files.add(source.parent)
        files = {file for file in files if not any(file.is_relative_to(folder) for folder in folders)}
        try:
            async with asyncio.TaskGroup() as group:
                for places, recursive in ((files, False), (folders, True)):
                    if places:
                        group.create_task(self._follow(places, recursive))
                await asyncio.sleep(0)  # they have begun
                self._say("watching code, layers and template", False)
        except* (OSError, RuntimeError) as errors:
            self._say(f"changes are not seen any more: {errors.exceptions[0]}", True)

    async def _follow(self, places: set[Path], recursive: bool) -> None:
        # Its default filter leaves out .git, .venv, .tox, __pycache__ and what editors put beside a file.
        async for changes in awatch(*places, recursive=recursive, ignore_permission_denied=True):
            kinds: dict[Path, set[Change]] = {}
            for kind, path in changes:
                kinds.setdefault(Path(path), set()).add(kind)
            # What came and went is how editors replace a file.
            self._renew({path for path, seen in kinds.items() if Change.added not in seen or path.exists()})

    def _renew(self, changed: set[Path]) -> None:
        stale = {name: found for name, program in self._programs.items() if (found := self._of(program, changed))}
        if self._template in changed:
            for name in self._reload():
                stale.setdefault(name, set()).add(self._template)
        for name, paths in stale.items():
            old = self._programs[name]
            try:
                self._programs[name] = program = self._open(self._functions[name])
            except CommandError as error:
                self._say(f"{name} goes on with what it had: {error}", True)
                continue
            self._pools[name].renew(program.function, partial(self._discard, old))
            first, *more = sorted(path.name for path in paths)
            what = f"{first} and {len(more)} more have changed" if more else f"{first} has changed"
            self._say(f"{what}: {name} has new environments from now on", False)

    def _of(self, program: Program, changed: set[Path]) -> set[Path]:
        """What of the changed files the program is made of.

        A code folder that is the template's own also holds tests, events and answers: of it, Python files count.
        """
        found = set()
        for source in _sources(program):
            own = source == self._template.parent
            found |= {path for path in changed if path.is_relative_to(source) and (not own or path.suffix == ".py")}
        return found - {self._template}

    def _reload(self) -> Iterator[str]:
        """The names of the functions that the template describes differently now."""
        try:
            functions = {function.name: function for function in self._load()}
        except CommandError as error:
            self._say(f"the functions stay as they are: {error}", True)
            return
        if _fixed(functions) != _fixed(self._functions):
            self._say("names, routes and concurrency stay as they are; start again to change them", True)
        for name, old in self._functions.items():
            if name in functions and functions[name] != old:
                self._functions[name] = functions[name]
                yield name

    def _discard(self, program: Program) -> None:
        """Nobody uses the program any more: what was unpacked for it is removed."""
        for folder in (program.code, program.layers):
            if folder is not None and folder.is_relative_to(self._workspace):
                asyncio.get_running_loop().run_in_executor(None, partial(shutil.rmtree, folder, ignore_errors=True))


def _sources(program: Program) -> Iterator[Path]:
    """The folders and archives that a program was made of."""
    return (path.resolve() for path in (program.function.code, *program.function.layers))


def _fixed(functions: Mapping[str, FunctionConfig]) -> list[tuple[str, int, str]]:
    """What the servers and pools were made with."""
    return sorted((each.name, each.reserved_concurrency or -1, repr(each.routes)) for each in functions.values())
