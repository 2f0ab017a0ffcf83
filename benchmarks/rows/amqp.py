"""The row for RabbitMQ: the same echo behind a queue, with one, two and four environments and one or two workers.

The broker is a real one, started with `local-lambda/rabbitmq.sh`, and the client is a real one, aio-pika.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import processes
from benchmarks.candidates import EVENT, READY_SECONDS, REPOSITORY, NotReady, Server, Setup, running, write_template
from benchmarks.client import latencies
from benchmarks.figures import Figure, Samples, compare

SCRIPT = REPOSITORY / "local-lambda" / "rabbitmq.sh"
WORKERS = ((1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (2, 4))
"""Numbers of workers, and of environments per worker."""
IN_FLIGHT = 32
"""Requests that wait for their response at the same time, in the throughput part."""


class Requester:
    """Sends events to a queue, one or many at a time, and checks every response. `errors` counts wrong ones."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.errors = 0
        self._waiting: dict[str, asyncio.Future[None]] = {}

    async def open(self) -> None:
        """Connect, with an exclusive queue for responses."""
        import aio_pika

        self._message = aio_pika.Message
        self.connection = await aio_pika.connect(self.uri, timeout=READY_SECONDS)
        channel = await self.connection.channel(publisher_confirms=False)
        self._exchange = channel.default_exchange
        replies = await channel.declare_queue(exclusive=True)
        self._reply_to = replies.name
        await replies.consume(self._take, no_ack=True)

    async def _take(self, message: object) -> None:
        self.errors += message.body != EVENT  # type: ignore[attr-defined]
        self._waiting.pop(message.correlation_id).set_result(None)  # type: ignore[attr-defined]

    async def call(self, function: str, number: int) -> None:
        """Make one round trip."""
        correlation_id = str(number)
        answered = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        request = self._message(EVENT, correlation_id=correlation_id, reply_to=self._reply_to)
        await self._exchange.publish(request, function, mandatory=False)
        await asyncio.wait_for(answered, READY_SECONDS)

    async def latencies(self, function: str, count: int) -> list[float]:
        """Return the seconds of round trips, one after the other."""
        seconds = []
        for number in range(count):
            begin = time.perf_counter()
            await self.call(function, number)
            seconds.append(time.perf_counter() - begin)
        return seconds

    async def rate(self, function: str, count: int) -> float:
        """Return the responses per second with `IN_FLIGHT` requests in flight."""
        numbers = iter(range(count))

        async def caller() -> None:
            for number in numbers:
                await self.call(function, number)

        begin = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
        return count / (time.perf_counter() - begin)


def amqp(setup: Setup, effort: float) -> list[Figure]:
    """Round trips compared with HTTP to the same worker, and throughput compared with one environment."""
    try:
        import aio_pika  # noqa: F401

        with ExitStack() as stack:
            uri = stack.enter_context(broker(setup))
            workers = {
                name(*each): stack.enter_context(serving(setup, uri, *each)) for each in (WORKERS if setup.tool else ())
            }
            return asyncio.run(measure(uri, workers, effort))
    except (ImportError, NotReady, OSError) as error:
        setup.left_out.append(f"amqp: {error}")
        return []


async def measure(uri: str, workers: dict[str, Server], effort: float) -> list[Figure]:
    """Measure in turns; each candidate's queue has its name."""
    requester = Requester(uri)
    await requester.open()
    trips = {"HTTP": Samples(), **{f"local-lambda, {each}": Samples() for each in list(workers)[:1]}}
    rates = {f"local-lambda, {each}": Samples() for each in workers}
    for server in workers.values():  # so that every environment exists and is warm
        await requester.rate(server.function, 300)
    requester.errors = 0
    (first, *_) = workers.values()
    connection = first.connect()
    for _ in range(max(2, int(10 * effort))):
        trips["HTTP"].values += latencies(connection, EVENT, 300)
        trips[f"local-lambda, {next(iter(workers))}"].values += await requester.latencies(first.function, 300)
        for candidate, server in workers.items():
            rates[f"local-lambda, {candidate}"].values.append(await requester.rate(server.function, 1000))
    connection.close()
    await requester.connection.close()
    rates[f"local-lambda, {next(iter(workers))}"].errors = requester.errors
    return compare("AMQP round trip", "µs", trips) + compare(f"AMQP, {IN_FLIGHT} requests", "/s", rates)


def name(workers: int, environments: int) -> str:
    """Return the name of a candidate."""
    parts = ((workers, "worker"), (environments, "environment"))
    return ", ".join(f"{count} {word}{'s' * (count > 1)}" for count, word in parts) + (" each" if workers > 1 else "")


@contextmanager
def serving(setup: Setup, uri: str, workers: int, environments: int) -> Iterator[Server]:
    """Start workers that share a queue; yield the first one."""
    function = f"Echo{workers}x{environments}"
    template = write_template(setup.folder / function, {function: {}}, setup.python)
    options = ["-t", str(template), "--max-environments", str(environments), "--python", setup.python, "--amqp", uri]
    with ExitStack() as stack:
        servers = []
        for number in range(workers):
            port = processes.free_port()
            command = [setup.tool, "start", *options, "--port", str(port)]
            servers.append(stack.enter_context(running(f"{function} {number}", command, port, setup, function)))
        yield servers[0]


@contextmanager
def broker(setup: Setup) -> Iterator[str]:
    """Start a separate RabbitMQ broker; yield its URI. Raises NotReady."""
    port, log = processes.free_port(), setup.folder / "rabbitmq.log"
    process = processes.start([str(SCRIPT), str(setup.folder / "rabbitmq")], setup.folder, log, {"PORT": str(port)})
    try:
        deadline = time.perf_counter() + READY_SECONDS
        while "completed with" not in log.read_text(errors="replace"):
            if process.poll() is not None or time.perf_counter() > deadline:
                raise NotReady(f"no RabbitMQ: {' | '.join(log.read_text(errors='replace').splitlines()[-3:])}")
            time.sleep(0.05)
        yield f"amqp://guest:guest@127.0.0.1:{port}/"
    finally:
        processes.stop(process)
