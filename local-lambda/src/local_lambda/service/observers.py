"""The further receivers of what environments report, named once, when the factory is made.

This module imports nothing that costs start-up time (see `cli/startup.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from local_lambda.events.stream import Sink
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.sinks.recorder import Recorder
    from local_lambda.xray.collecting import Trace

LogWriter = Callable[["FunctionConfig", str], Callable[[str, str], None]]
"""Takes a function and the name of a log stream; returns what takes an environment's lines: source and line."""


class Observers(NamedTuple):
    """The listeners of a factory, in addition to the console."""

    sinks: tuple[Sink, ...] = ()
    """They get every event of every environment."""
    recorder: Recorder | None = None
    log_writers: tuple[LogWriter, ...] = ()
    """Further destinations for each environment's log lines."""
    on_trace: tuple[Callable[[Trace], object], ...] = ()
    """They get each traced invocation's documents."""
    on_late_document: tuple[Callable[[dict[str, Any]], object], ...] = ()
    """They get the documents an X-Ray SDK sent for an invocation that is over or unknown."""
