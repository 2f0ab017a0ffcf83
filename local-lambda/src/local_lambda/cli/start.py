"""`local-lambda start`: the Invoke API for all functions of a template, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from local_lambda.cli.options import OutputOptions, RecordingOptions, ServerOptions, SourceOptions

if TYPE_CHECKING:
    from local_lambda.cli.local_aws import LocalAws
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.functions.given import Given
    from local_lambda.functions.template import Functions
    from local_lambda.service.foundation import Program
    from local_lambda.service.watch import Renewed, Watcher
    from local_lambda.ui.live_page import LivePage


class StartOptions(NamedTuple):
    """`amqp` is a broker's URI; `watch` creates new environments for a function that changes on disk.

    `aws` is the port of a local AWS endpoint, and `ui` that of the live page, if there is to be one. With `debug_port`,
    debuggers can attach to the function `debug_function`, or to the only one.
    """

    source: SourceOptions
    server: ServerOptions
    recording: RecordingOptions = RecordingOptions()
    amqp: str | None = None
    watch: bool = False
    aws: int | None = None
    ui: int | None = None
    freeze: bool = False
    memory_limit: bool = True
    output: OutputOptions = OutputOptions()
    debug_port: int | None = None
    debug_function: str | None = None


def start(options: StartOptions) -> int:
    """Run the command; returns the exit status."""
    local = _local_aws(options) if options.aws is not None else None
    try:
        if options.ui is None:
            return _start(options, local, None)
        from local_lambda.cli.live import live_page

        with live_page(options.ui, options.source.template) as page:
            return _start(options, local, page)
    finally:
        if local is not None:
            local.close()


def _start(options: StartOptions, local: LocalAws | None, page: LivePage | None) -> int:
    """The order of the steps is explained in `startup.py`."""
    from local_lambda.cli.prerequisites import check_extra, find_broker
    from local_lambda.cli.startup import started
    from local_lambda.http.sockets import listen
    from local_lambda.service.observers import Observers

    broker = find_broker(options.amqp)
    if options.watch:
        check_extra("start --watch", "watch", "watchfiles")
    observers = local.observers() if local is not None else Observers()
    if page is not None:
        observers = page.observe(observers)
    listener = listen(options.server.host, options.server.port)
    with started(options.freeze, options.recording, observers, options.output) as factory:
        factory.memory_limit = options.memory_limit
        factory.bandwidth_limit = options.server.bandwidth_limit
        factory.retry_pauses = options.server.retry_pauses
        from itertools import count

        from local_lambda.cli.given import check_names, note_template
        from local_lambda.cli.given import given as read_given
        from local_lambda.cli.programs import note_runtimes, open_program
        from local_lambda.functions.template import load_functions

        numbers = count(1)

        def given() -> Given:
            found = read_given(options.source)
            return found if local is None else local.given(found)

        def load() -> Functions:
            return load_functions(options.source.template, given())

        def reload() -> Functions:
            functions = load()
            for refused, reason in functions.refused:
                if refused.name in programs:
                    raise reason
            return functions

        def open_next(function: FunctionConfig) -> Program:
            program = open_program(function, options.source, factory.workspace / f"program-{next(numbers)}")
            return program if function.name != debugged else program._replace(debugging=debugger)

        functions = load()
        functions.require_one()
        check_names(given(), functions)
        debugger, debugged = None, ""
        if options.debug_port is not None:
            from local_lambda.functions.template import select
            from local_lambda.service.debugger import DebuggerPort

            debugged = select(functions, options.debug_function).name
            debugger = DebuggerPort(
                options.debug_port, lambda text, bad: factory.console.write("platform", text, bad=bad)
            )
        for refused, reason in functions.refused:
            factory.console.write("platform", f"{refused.name} is left out: {reason}")
        for remark in functions.remarks:
            factory.console.write("platform", remark)
        if local is not None:
            local.complete(functions, factory.console)
        note_template(given(), functions, tuple(functions), factory.console, events=options.aws is None)
        programs = {function.name: open_next(function) for function in functions}
        note_runtimes(programs.values(), factory.console)

        def watcher(pools: Mapping[str, Renewed]) -> Watcher:
            from local_lambda.service.watch import Watcher

            def say(text: str, bad: bool) -> None:
                factory.console.write("platform", text, bad=bad)

            template = options.source.template
            return Watcher(template, functions, reload, open_next, programs, pools, factory.workspace, say)

        from local_lambda.cli.loop import run
        from local_lambda.cli.serving import serve

        limit, access = options.server.max_environments, options.server.access()
        idle = options.server.idle_timeout
        watch = watcher if options.watch else None
        return run(
            serve(
                factory,
                programs,
                listener,
                limit,
                access,
                broker,
                watch,
                idle,
                debugger,
                local,
                functions.apis,
                options.server.warm,
                page,
            )
        )


def _local_aws(options: StartOptions) -> LocalAws:
    from local_lambda.cli.given import given
    from local_lambda.cli.local_aws import LocalAws
    from local_lambda.cli.prerequisites import check_extra

    check_extra("start --aws", "aws", "moto", "flask", "flask_cors")
    server = options.server
    port = options.aws or 0
    return LocalAws(
        server.host, port, server.access(), server.max_environments, given(options.source), options.source.python
    )
