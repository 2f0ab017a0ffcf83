"""An environment's processes in a sandbox, driven from a test, or as a script by a user who has no pytest.

`python sandboxed.py FOLDER COMMAND...` prints what the command writes, or the reason why there is no sandbox, and exits
with the command's exit status.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from local_lambda.processes.group import ProcessGroup
from local_lambda.processes.process import Process
from local_lambda.processes.programs import sandbox
from local_lambda.processes.sandbox_specification import locations, spec
from local_lambda.processes.zygote import Zygote

SCRIPT = Path(__file__)
SOURCE = Path(sandbox.__file__).parents[3]
TOOLS = [path for folder in (SCRIPT.parent, SOURCE, sys.prefix, sys.base_prefix) for path in locations(Path(folder))]
"""The paths that a sandbox has to keep so that this script runs in it, wherever the repository is."""
NO_SANDBOX = 99
DEADLINE_SECONDS = 30


def why_impossible() -> str | None:
    """The reason why this machine grants no private mounts, found without the code under test if possible."""
    if sys.platform != "linux":
        return "needs Linux"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            sandbox._unshare()
            sandbox._call("mount", None, "/", None, sandbox.MS_REC | sandbox.MS_SLAVE, None)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    return "this machine refuses private mounts" if status else None


IMPOSSIBLE = why_impossible()


class Sandboxed:
    """One environment; `task`, `opt` and `tmp` in `folder` are its folders, created if missing."""

    def __init__(self, zygote: Zygote, folder: Path, address: str = "127.0.0.2", keep: Sequence[str] = ()) -> None:
        self.task, self.opt, self.tmp = (folder / name for name in ("task", "opt", "tmp"))
        for path in (self.task, self.opt, self.tmp):
            path.mkdir(parents=True, exist_ok=True)
        self.group: ProcessGroup = zygote.open()
        self.output: list[str] = []
        self._spec = spec(self.task, self.opt, self.tmp, None, address, ())
        self._spec["keep"] = list(keep)

    def enter(self, layers: bool = True) -> str | None:
        """The reason why there is no sandbox, or None."""
        return self.group.enter_sandbox({**self._spec, "opt": str(self.opt) if layers else None})

    async def run(self, *command: str) -> int:
        """Run a command to its end; return its exit status."""
        _, ended = self.start(*command)
        return await ended

    def start(self, *command: str) -> tuple[Process, asyncio.Future[int]]:
        """Start a command; return its process and, later, its exit status."""
        loop = asyncio.get_running_loop()
        self.group.attach(loop)
        ended = loop.create_future()
        env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
        process = self.group.spawn("command", command, env, "/")
        process.connect(lambda line, _: self.output.append(line), lambda process: ended.set_result(process.exit_code))
        return process, ended

    async def kill_all(self) -> None:
        """Kill everything it ever started."""
        self.group.attach(loop := asyncio.get_running_loop())
        killed = loop.create_future()
        self.group.kill_all(lambda: killed.set_result(None))
        await asyncio.wait_for(killed, DEADLINE_SECONDS)


def shell(sandboxed: Sandboxed, script: str) -> list[str]:
    """Run a shell script, which must succeed; return the lines it wrote."""

    async def main() -> int:
        return await asyncio.wait_for(sandboxed.run("/bin/sh", "-euc", script), DEADLINE_SECONDS)

    sandboxed.output.clear()
    status = asyncio.run(main())
    lines = "".join(sandboxed.output).splitlines()
    assert status == 0, lines
    return lines


def main(folder: str, *command: str) -> int:
    """Run a command in a sandbox; return the exit status."""
    keep = os.environ.get("KEEP", "").split()
    sandboxed = Sandboxed(Zygote(Path(folder) / "workspace"), Path(folder), keep=keep)
    reason = sandboxed.enter()
    if reason is not None:
        print(reason)
        return NO_SANDBOX

    async def run() -> int:
        return await sandboxed.run(*command)

    try:
        return asyncio.run(run())
    finally:
        print("".join(sandboxed.output), end="")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
