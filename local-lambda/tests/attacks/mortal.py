"""A tool whose processes may be killed in any way: none of them outlives the test, whatever the tool does about it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from attacks.counting import children, descendants, running
from support.tool import Project, Tool

ERROR = "X-Amz-Function-Error"


class Mortal(Tool):
    """A tool that remembers all processes it was seen to have."""

    def __init__(self, *arguments: str | Path, **settings: Any) -> None:
        self.seen: set[int] = set()
        super().__init__([arguments[0], "--port", "0", *arguments[1:]], **settings)

    def look(self) -> list[int]:
        """All processes it has now."""
        found = descendants(self.process.pid)
        self.seen.update(found)
        return found

    @property
    def zygote(self) -> int:
        """Its own helper, the one child it has."""
        (pid,) = children(self.process.pid)
        return pid

    @property
    def supervisors(self) -> list[int]:
        """The helper's children, one for each environment."""
        return children(self.zygote)

    def fails(self, name: str, event: object = None) -> bool:
        """Invoke: whether the caller got anything but a good answer."""
        reply = self.invoke(name, event)
        self.look()
        return reply.status != 200 or ERROR in reply.headers

    def left(self) -> int:
        """How many of all processes seen are still there."""
        return len(running(list(self.seen)))

    def end(self) -> None:
        """Kill it and all that is left."""
        self.look()
        self.process.kill()
        self.process.wait()
        for pid in running(list(self.seen)):
            with suppress(OSError):
                os.kill(pid, signal.SIGKILL)


@contextmanager
def mortal(*arguments: str | Path, **settings: Any) -> Iterator[Mortal]:
    """A command that serves."""
    tool = Mortal(*arguments, **settings)
    try:
        yield tool
    finally:
        tool.end()


@contextmanager
def started(project: Project, *arguments: str | Path, **settings: Any) -> Iterator[Mortal]:
    """`start` of the project's functions."""
    with mortal("start", "-t", project.template, "--python", project.python, *arguments, **settings) as tool:
        yield tool
