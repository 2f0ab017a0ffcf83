"""The row for response streaming: how soon the first byte comes, how fast the others follow, the memory it takes.

The runtime is a loop on `http.client` that streams or does not, so that both are the same in everything else.
"""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from pathlib import Path

from benchmarks import candidates, processes
from benchmarks.candidates import NotReady, Setup, running
from benchmarks.client import READ, TIMEOUT
from benchmarks.figures import Figure, Samples, compare

PIECES, SIZE = 2_000, 100_000
"""The large response: 200 MB."""
WHOLE = "/2015-03-31/functions/function/invocations"
STREAMED = "/2021-11-15/functions/function/response-streaming-invocations"


def stream(setup: Setup, effort: float) -> list[Figure]:
    """First byte of a streamed response, compared with a response of one byte; 200 MB, and the tool's memory."""
    if not setup.tool:
        return []
    port = processes.free_port()
    runtime = [setup.python, str(Path(candidates.FUNCTION) / "streamer.py")]
    command = [setup.tool, "exec", "--port", str(port), "--no-bandwidth-limit", "--", *runtime]
    first = {"one byte, in one piece": Samples(), "local-lambda exec, first byte of a stream": Samples()}
    rate = {"local-lambda exec, 200 MB": Samples()}
    try:
        with running("local-lambda-exec", command, port, setup) as server:
            connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
            small, large = {"pieces": 1, "size": 1}, {"pieces": PIECES, "size": SIZE}
            for _ in range(max(2, int(20 * effort))):
                for samples, path, event in zip(first.values(), (WHOLE, STREAMED), (1, small), strict=True):
                    _ask(connection, path, event)
                    samples.values += [_ask(connection, path, event)[0] for _ in range(200)]
            before = processes.resident(server.process)
            peak = before
            for _ in range(max(2, int(5 * effort))):
                _, seconds, size = _ask(connection, STREAMED, large)
                if size < PIECES * SIZE:
                    raise NotReady(f"only {size} bytes of the large response have arrived")
                rate["local-lambda exec, 200 MB"].values.append(size / seconds / 1e6)
                peak = max(peak, processes.resident(server.process))
    except (NotReady, OSError) as error:
        setup.left_out.append(f"stream: {error}")
        return []
    figures = compare("time to the first byte", "µs", first, bar=1.3)
    figures += compare("a streamed response", "MB/s", rate)
    return [*figures, Figure("growth over streams of 200 MB", "local-lambda exec", "MB", peak - before, bar=20.0)]


def _ask(connection: HTTPConnection, path: str, event: object) -> tuple[float, float, int]:
    """Seconds to the first byte of the body, seconds to the last, and how many bytes came."""
    begin = time.perf_counter()
    connection.request("POST", path, json.dumps(event))
    answer = connection.getresponse()
    size = len(answer.read1(READ))
    first = time.perf_counter() - begin
    while piece := answer.read1(READ):
        size += len(piece)
    answer.close()  # older Pythons do not, after read1, and then refuse the next request
    return first, time.perf_counter() - begin, size
