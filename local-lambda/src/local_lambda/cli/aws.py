"""`local-lambda aws`: an endpoint for the AWS CLI and SDKs, until Ctrl-C or SIGTERM, or for one command."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from local_lambda.cli.options import OutputOptions, ServerOptions


class AwsOptions(NamedTuple):
    """`python` is the functions' interpreter; `command` runs with the endpoint in its environment variables."""

    server: ServerOptions
    command: tuple[str, ...] = ()
    python: str | None = None
    freeze: bool = False
    memory_limit: bool = True
    output: OutputOptions = OutputOptions()


def aws(options: AwsOptions) -> int:
    """Run the command; returns the exit status."""
    from local_lambda.cli.prerequisites import check_extra, check_program
    from local_lambda.cli.startup import started
    from local_lambda.service.observers import Observers

    check_extra("aws", "aws", "moto", "flask", "flask_cors")
    check_program(options.command)
    from local_lambda.aws.forwarding import LogGroups, put_trace
    from local_lambda.aws.services import Services

    services = Services()
    logs = LogGroups(services)
    observers = Observers(log_writers=(logs.writer,), on_trace=(partial(put_trace, services),))
    with started(options.freeze, observers=observers, output=options.output) as factory:
        factory.memory_limit = options.memory_limit
        factory.bandwidth_limit = options.server.bandwidth_limit
        factory.retry_pauses = options.server.retry_pauses
        from local_lambda.aws.serve import serve
        from local_lambda.cli.loop import run, stop_signal
        from local_lambda.http.sockets import listen

        listener = listen(options.server.host, options.server.port)
        limit, access, command = options.server.max_environments, options.server.access(), options.command

        async def main() -> int:
            stop = stop_signal()
            return await serve(factory, services, logs, listener, limit, access, options.python, command, stop)

        return run(main())
