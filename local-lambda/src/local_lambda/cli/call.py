"""`local-lambda call`: one invocation through RabbitMQ, with the exit statuses of `invoke`."""

from __future__ import annotations

from typing import NamedTuple

from local_lambda.errors import UsageError


class CallOptions(NamedTuple):
    """`function` is also the queue's name, `event` is a file or `-`, `timeout` is in seconds."""

    function: str
    event: str | None = None
    amqp: str | None = None
    timeout: float = 60.0


def call(options: CallOptions) -> int:
    """Run the command; returns the exit status."""
    from local_lambda.cli.events import check_event, read_event
    from local_lambda.cli.prerequisites import find_broker
    from local_lambda.cli.streams import check_output, write_payload

    check_output()
    broker = find_broker(options.amqp)
    if broker is None:
        raise UsageError("call needs a broker: --amqp amqp://guest:guest@localhost:5672/, or the variable AMQP_URI")
    payload = read_event(options.event)
    check_event(options.event, payload)
    from local_lambda.amqp.client import call as request
    from local_lambda.cli.loop import run

    reply = run(request(broker, options.function, payload or b"{}", options.timeout))
    write_payload(reply.payload + b"\n")
    if reply.refusal is not None:
        raise UsageError(f"{options.function} was not invoked: {reply.refusal}")
    return 1 if reply.function_error else 0
