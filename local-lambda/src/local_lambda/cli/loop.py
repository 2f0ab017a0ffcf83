"""The event loop of a command, and the signals that end it."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

from local_lambda.errors import StartError, reason_of

if TYPE_CHECKING:
    import asyncio

Result = TypeVar("Result")


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on uvloop. Raises StartError when a loop cannot be created."""
    import asyncio

    import uvloop

    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()
    try:
        runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        runner.get_loop()
    except OSError as error:
        main.close()
        raise StartError(f"cannot start: {reason_of(error)}") from None
    with runner:
        return runner.run(main)


def stop_signal() -> asyncio.Event:
    """An event set by Ctrl-C, SIGTERM and SIGHUP. A second signal ends the tool and all its children at once."""
    import asyncio

    stop = asyncio.Event()

    def signalled() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, signalled)
    return stop
