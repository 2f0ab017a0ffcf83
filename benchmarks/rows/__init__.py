"""The rows of the table: each starts its candidates, measures them in turns, and returns its figures.

Each row is independent and can be run by its name.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.candidates import Setup
from benchmarks.figures import Figure
from benchmarks.rows import amqp, extensions, invocations, memory, packages, page, queues, snapshots, starting, streams

Row = Callable[[Setup, float], list[Figure]]

ROWS: dict[str, Row] = {
    row.__name__: row
    for row in (
        invocations.warm,
        invocations.one_cpu,
        invocations.parallel,
        starting.environment,
        snapshots.restore,
        starting.start,
        starting.invoke,
        invocations.payload,
        memory.memory,
        extensions.extension,
        extensions.subscriber,
        extensions.lines,
        amqp.amqp,
        queues.queue,
        streams.stream,
        page.page,
        packages.cold,
        packages.image,
    )
}
