"""`local-lambda start`: the Invoke API for all functions of a template, until Ctrl-C or SIGTERM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from local_lambda.cli.options import OutputOptions, RecordingOptions, ServerOptions, SourceOptions

if TYPE_CHECKING:
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.functions.template import Functions
    from local_lambda.service.foundation import Program
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.service.watch import Watcher


class StartOptions(NamedTuple):
    """`amqp` is a broker's URI; `watch` creates new environments for a function that changes on disk.

    With `debug_port`, debuggers can attach to the function `debug_function`, or to the only one.
    """

    source: SourceOptions
    server: ServerOptions
    recording: RecordingOptions = RecordingOptions()
    amqp: str | None = None
    watch: bool = False
    freeze: bool = False
    output: OutputOptions = OutputOptions()
    debug_port: int | None = None
    debug_function: str | None = None


def start(options: StartOptions) -> int:
    """Run the command; returns the exit status. The order of its steps is explained in `startup.py`."""
    from local_lambda.cli.prerequisites import check_extra, find_broker
    from local_lambda.cli.startup import started

    broker = find_broker(options.amqp)
    if options.watch:
        check_extra("start --watch", "watch", "watchfiles")
    with started(options.freeze, options.recording, output=options.output) as factory:
        from itertools import count

        from local_lambda.cli.given import check_names, given, note_template
        from local_lambda.cli.programs import note_runtimes, open_program
        from local_lambda.functions.template import load_functions
        from local_lambda.http.sockets import listen

        numbers = count(1)

        def load() -> Functions:
            return load_functions(options.source.template, given(options.source))

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
        check_names(given(options.source), functions)
        debugger, debugged = None, ""
        if options.debug_port is not None:
            from local_lambda.functions.template import select
            from local_lambda.service.debugger import DebuggerPort

            debugged = select(functions, options.debug_function).name
            debugger = DebuggerPort(
                options.debug_port, lambda text, bad: factory.console.write("platform", text, bad=bad)
            )
        listener = listen(options.server.host, options.server.port)
        for refused, reason in functions.refused:
            factory.console.write("platform", f"{refused.name} is left out: {reason}")
        for remark in functions.remarks:
            factory.console.write("platform", remark)
        note_template(given(options.source), functions, tuple(functions), factory.console)
        programs = {function.name: open_next(function) for function in functions}
        note_runtimes(programs.values(), factory.console)

        def watcher(pools: Mapping[str, EnvironmentPool]) -> Watcher:
            from local_lambda.service.watch import Watcher

            def say(text: str, bad: bool) -> None:
                factory.console.write("platform", text, bad=bad)

            template = options.source.template
            return Watcher(template, functions, reload, open_next, programs, pools, factory.workspace, say)

        from local_lambda.cli.loop import run
        from local_lambda.cli.serving import serve

        limit, access = options.server.max_environments, options.server.access()
        idle = options.server.idle_timeout
        return run(
            serve(
                factory, programs, listener, limit, access, broker, watcher if options.watch else None, idle, debugger
            )
        )
