"""The further receivers of what environments report, named once, when the factory is made.

This module imports nothing that costs start-up time (see `cli/startup.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.events.stream import Sink
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.xray.collecting import Trace

LogWriter = Callable[["FunctionConfig", str], Callable[[str, str], None]]
"""Takes a function and the name of a log stream; returns what takes an environment's lines: source and line."""


class Recording(Protocol):
    """Takes the events of all environments, also those that only recordings have."""

    def sink(self, environment: int) -> Sink:
        """The sink for the events of one environment."""


class Observers(NamedTuple):
    """The listeners of a factory, in addition to the console."""

    sinks: tuple[Sink, ...] = ()
    """They get every event of every environment."""
    recorders: tuple[Recording, ...] = ()
    """They get local events as well."""
    on_environment: tuple[Callable[[int, ExecutionEnvironment], object], ...] = ()
    """They get each environment that is made, with the number that recorders know it by."""
    log_writers: tuple[LogWriter, ...] = ()
    """Further destinations for each environment's log lines."""
    on_trace: tuple[Callable[[Trace], object], ...] = ()
    """They get each traced invocation's documents."""
    on_late_document: tuple[Callable[[dict[str, Any]], object], ...] = ()
    """They get the documents an X-Ray SDK sent for an invocation that is over or unknown."""
