"""`local-lambda exec`: the Invoke API for one runtime, set up by `AWS_LAMBDA_*` variables like `aws-lambda-rie`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from local_lambda.cli.options import OutputOptions, RecordingOptions, ServerOptions
from local_lambda.errors import UsageError

if TYPE_CHECKING:
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.ui.live_page import LivePage


class ExecOptions(NamedTuple):
    """`command` is the runtime's command line, `opt` a folder to use as `/opt`, `amqp` a broker's URI.

    `ui` is the port of the live page, if there is to be one.
    """

    server: ServerOptions
    command: tuple[str, ...]
    opt: Path | None = None
    recording: RecordingOptions = RecordingOptions()
    amqp: str | None = None
    ui: int | None = None
    freeze: bool = False
    memory_limit: bool = True
    output: OutputOptions = OutputOptions()


def execute(options: ExecOptions) -> int:
    """Run the command; returns the exit status."""
    if options.ui is None:
        return _execute(options, None)
    from local_lambda.cli.live import live_page

    with live_page(options.ui, None) as page:
        return _execute(options, page)


def _execute(options: ExecOptions, page: LivePage | None) -> int:
    """The order of the steps is explained in `startup.py`."""
    from local_lambda.cli.prerequisites import check_program, find_broker
    from local_lambda.cli.startup import started
    from local_lambda.http.sockets import listen
    from local_lambda.service.observers import Observers

    broker = find_broker(options.amqp)
    observers = None if page is None else page.observe(Observers())
    listener = listen(options.server.host, options.server.port)
    with started(options.freeze, options.recording, observers, options.output) as factory:
        factory.memory_limit = options.memory_limit
        factory.bandwidth_limit = options.server.bandwidth_limit
        factory.retry_pauses = options.server.retry_pauses
        from shutil import which

        from local_lambda.functions.interpreter import Interpreter
        from local_lambda.service.foundation import Program

        command = options.command
        if not command:
            raise UsageError(
                "exec needs the runtime's command, for example: exec -- python -m awslambdaric app.handler"
            )
        check_program(command, options.opt)
        function = _function_of_variables(command)
        layers = options.opt.resolve() if options.opt else Path("/opt")
        needs = tuple(Interpreter(Path(path), "") for path in map(which, (command[0], "python3")) if path)
        program = Program(function, Path.cwd(), layers, None, sandboxed=options.opt is not None, needs=needs)
        from local_lambda.cli.loop import run
        from local_lambda.cli.serving import serve

        programs, limit = {function.name: program}, options.server.max_environments
        access, idle = options.server.access(), options.server.idle_timeout
        return run(
            serve(
                factory,
                programs,
                listener,
                limit,
                access,
                broker,
                idle_seconds=idle,
                warm=options.server.warm,
                page=page,
            )
        )


def _function_of_variables(command: Sequence[str]) -> FunctionConfig:
    """The function that the environment variables of `aws-lambda-rie` and of the service describe."""

    def number(name: str, default: int) -> int:
        text = os.environ.get(name) or str(default)
        if not text.isdecimal() or len(text) > 9 or int(text) < 1:
            raise UsageError(f"{name}={text} is not a positive whole number")
        return int(text)

    from local_lambda.functions.config import FunctionConfig

    plain = FunctionConfig("", "")
    return FunctionConfig(
        name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME") or "test_function",
        handler=os.environ.get("_HANDLER") or command[-1],
        timeout=number("AWS_LAMBDA_FUNCTION_TIMEOUT", 300),
        memory_mb=number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 3008),
        version=os.environ.get("AWS_LAMBDA_FUNCTION_VERSION") or plain.version,
        region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or plain.region,
        command=tuple(command),
    )
