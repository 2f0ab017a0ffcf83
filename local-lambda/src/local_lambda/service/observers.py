"""Who else gets what environments report: named once, when the factory is made.

Nothing is imported here that costs start-up time (see `cli/startup.py`).
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
"""Makes, for a function and the name of a log stream, what takes an environment's lines: source and line."""


class Observers(NamedTuple):
    """The further listeners of a factory, besides the console."""

    sinks: tuple[Sink, ...] = ()
    """Get every event of every environment."""
    recorder: Recorder | None = None
    log_writers: tuple[LogWriter, ...] = ()
    """Further places for each environment's log lines."""
    on_trace: tuple[Callable[[Trace], object], ...] = ()
    """Get each traced invocation's documents."""
    on_late_document: tuple[Callable[[dict[str, Any]], object], ...] = ()
    """Get what an X-Ray SDK sent for an invocation that is over or unknown."""
