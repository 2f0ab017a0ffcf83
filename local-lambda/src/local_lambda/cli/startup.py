"""How a command starts, and why in this order.

A first invocation waits for two things. One is processes: a helper that forks environments, and the runtime, a Python
that has to start and import the function. The other is this tool: asyncio, the HTTP server and the APIs take about as
long to import. Neither needs the other, so they happen at the same time:

1. Start the helper process before anything else is imported.
2. While it starts, read the template, find the interpreter, and open code and layers.
3. Bind the Runtime API's port, and for `invoke` spawn the runtime, in a sandbox; while that is being built, begin with
   step 4. A bound port accepts connections before the server responds, so the runtime can ask for its first event as
   soon as it is ready.
4. While the runtime starts, import asyncio, uvloop, the HTTP server, the APIs and the environment's own modules.

`start` and `exec` bind the port that others call before step 1: if it is in use, nothing has to be ended again.

Until the event loop runs, the garbage collector is off: it would look through all that is imported, and find nothing.

That is why the functions of `cli/` and `service/factory.py` import modules where they need them, and why code that
runs in steps 1 to 3 must not import anything of step 4 at the top of its file.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from local_lambda.cli.options import OutputOptions, RecordingOptions
from local_lambda.errors import StartError, reason_of
from local_lambda.processes.zygote import Zygote
from local_lambda.service.observers import Observers

if TYPE_CHECKING:
    from local_lambda.apis.runtime_2018_06_01 import RuntimeApi
    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.service.factory import EnvironmentFactory
    from local_lambda.sinks.console import Console
    from local_lambda.sinks.recorder import Recorder
    from local_lambda.xray.collecting import Trace

TRACE_WIDTH = 100
DESCRIPTORS = 36
"""The descriptors that a command with one environment has open, and a few more."""


@contextmanager
def started(
    freeze: bool,
    recording: RecordingOptions | None = None,
    observers: Observers | None = None,
    output: OutputOptions = OutputOptions(),  # noqa: B008 - it cannot change
) -> Iterator[EnvironmentFactory]:
    """The factory of all of a command's environments; everything it has made ends with it.

    Its workspace is a private folder for unpacked zip packages and for `/tmp`, created when first used. The helper
    process removes it, even if the tool is killed. Raises StartError.
    """
    gc.disable()  # until the loop runs
    _check_descriptors()
    workspace = _temporary_folder() / f"local-lambda-{os.getpid()}-{os.urandom(4).hex()}"
    try:
        zygote = Zygote(workspace)
    except OSError as error:
        raise StartError(f"cannot start a process: {reason_of(error)}") from None
    try:
        from local_lambda.service.factory import EnvironmentFactory
        from local_lambda.sinks.console import Console

        console = Console(sys.stderr, os.environ, output.hidden)
        observers = observers or Observers()
        with _recorder(recording or RecordingOptions(), console) as recorder:
            shown = () if "trace" in output.hidden else (_shown_on(console),)
            if recorder is not None:
                observers = observers._replace(recorders=(*observers.recorders, recorder))
            observers = observers._replace(on_trace=(*observers.on_trace, *shown))
            factory = EnvironmentFactory(zygote, console, os.environ, workspace, _runtime_api, observers, freeze)
            try:
                yield factory
            finally:
                factory.close()
    finally:
        zygote.close()


def imports() -> Iterator[str]:
    """The beginning of step 4, in small steps: import libraries that take long, in an order that each needs."""
    for name in ("inspect", "uuid", "decimal", "logging", "ssl", "msgspec", "asyncio", "uvloop"):
        __import__(name)
        yield name


def _check_descriptors() -> None:
    """Raises StartError when there are too few descriptors: libraries would end the process unpredictably."""
    from local_lambda.service.descriptors import descriptors

    limit, free = descriptors()
    if free < DESCRIPTORS:
        raise StartError(
            f"only {limit} files may be open, {limit - free} are, and {DESCRIPTORS} more are needed at least: "
            "raise the limit, for example with `ulimit -n 4096`"
        )


def _temporary_folder() -> Path:
    folder = os.environ.get("TMPDIR") or "/tmp"
    if not os.path.isdir(folder):
        raise StartError(f"there is no folder {folder}: create it, or set TMPDIR to another one")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartError(f"the folder {folder} cannot be written to: set TMPDIR to another one")
    return Path(folder)


@contextmanager
def _recorder(options: RecordingOptions, console: Console) -> Iterator[Recorder | None]:
    if not options.wanted:
        yield None
        return
    from local_lambda.cli.recording import recorded

    with recorded(options) as recorder:
        try:
            yield recorder
        finally:
            console.flush()  # the drawing comes last


def _runtime_api(environment: ExecutionEnvironment) -> RuntimeApi:
    from local_lambda.apis.runtime_2018_06_01 import runtime_api

    return runtime_api(environment)


def _shown_on(console: Console) -> Callable[[Trace], None]:
    def show(trace: Trace) -> None:
        from local_lambda.sinks.console import LANE_WIDTH
        from local_lambda.xray.tree import draw

        for line in draw(trace, TRACE_WIDTH - LANE_WIDTH - 3):
            console.write("trace", line.text, bad=line.is_bad)

    return show
