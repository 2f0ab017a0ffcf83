"""`local-lambda invoke`: one environment, one invocation after another, and a graceful shutdown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from local_lambda.cli.options import OutputOptions, RecordingOptions, SourceOptions
from local_lambda.errors import ApiError, StartError, UsageError

if TYPE_CHECKING:
    from local_lambda.cli.report import Exchange
    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.service.debugger import DebuggerPort, PdbTerminal
    from local_lambda.service.factory import EnvironmentFactory
    from local_lambda.sinks.console import Console


class InvokeOptions(NamedTuple):
    """`events` are files or `-`, repeated `times` times as a list; `report` prints one document, not the payloads."""

    source: SourceOptions
    function: str | None = None
    events: tuple[str, ...] = ()
    times: int = 1
    report: bool = False
    recording: RecordingOptions = RecordingOptions()
    freeze: bool = False
    memory_limit: bool = True
    output: OutputOptions = OutputOptions()
    debug_port: int | None = None
    tenant_id: str | None = None


def invoke(options: InvokeOptions) -> int:
    """Run the command; returns the exit status. The order of its steps is explained in `startup.py`."""
    from local_lambda.cli.streams import check_output

    check_output()
    from local_lambda.cli.startup import imports, started

    report = None
    if options.report:
        from local_lambda.cli.report import Report

        report = Report()
    with started(options.freeze, options.recording, report.observers if report else None, options.output) as factory:
        factory.memory_limit = options.memory_limit
        from local_lambda.cli.events import check_event, read_event
        from local_lambda.cli.given import check_names, given, note_template
        from local_lambda.cli.programs import note_runtimes, open_program
        from local_lambda.functions.template import load_functions, select

        added = given(options.source)
        functions = load_functions(options.source.template, added)
        check_names(added, functions)
        function = select(functions, options.function)
        _check_tenant(function, options.tenant_id)
        names = options.events or (None,)
        payloads = [read_event(name) for name in names] * options.times
        program = open_program(function, options.source, factory.workspace)
        debugging = _debugging(options, factory.console)
        program = program._replace(debugging=debugging)
        note_template(added, functions, (function,), factory.console)
        note_runtimes([program], factory.console)
        if function.snap_start:
            factory.console.write(
                "platform", f"{function.name}: SnapStart is for published versions; $LATEST starts cold"
            )
        foundation = factory.lay(program, spawn=True, meanwhile=imports())
        for name, payload in zip(names, payloads, strict=False):  # the first round; the others repeat it
            check_event(name, payload)
        environment = factory.build(foundation)
        from local_lambda.cli.loop import run

        exchanges = run(_invoke_all(factory, environment, payloads, report is not None, debugging, options.tenant_id))
        if report is not None:
            report.write(function, exchanges)
        failure = environment.init_failure
        if failure is not None and failure.error_type == "Runtime.InvalidEntrypoint":
            raise StartError(failure.reason)
        if len(exchanges) < len(payloads):
            return 130
        return 1 if any(response.failed for _, response in exchanges) else 0


def _check_tenant(function: FunctionConfig, tenant_id: str | None) -> None:
    """Raises UsageError for a tenant that the function cannot have, or for none where it needs one."""
    if tenant_id is None:
        if function.tenant_isolation:
            raise UsageError(f"{function.name} isolates tenants; name one with --tenant-id")
        return
    if not function.tenant_isolation:
        raise UsageError(f"--tenant-id: {function.name} does not isolate tenants; leave the option out")
    from local_lambda.apis.invocations import TENANT_ID, is_tenant_id

    if not is_tenant_id(tenant_id):
        raise UsageError(f"--tenant-id: {tenant_id!r} is not a tenant ID, which must match {TENANT_ID}")


def _debugging(options: InvokeOptions, console: Console) -> DebuggerPort | PdbTerminal | None:
    """How the function can be debugged: with a debugger, or with pdb if there is a terminal."""

    def say(text: str, bad: bool) -> None:
        console.write("platform", text, bad=bad, needed=True)
        console.flush()

    if options.debug_port is not None:
        from local_lambda.service.debugger import DebuggerPort

        return DebuggerPort(options.debug_port, say)
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        from local_lambda.service.debugger import PdbTerminal

        return PdbTerminal(say)
    return None


async def _invoke_all(
    factory: EnvironmentFactory,
    environment: ExecutionEnvironment,
    payloads: Sequence[bytes],
    quiet: bool,
    debugging: DebuggerPort | PdbTerminal | None,
    tenant_id: str | None,
) -> list[Exchange]:
    import asyncio

    from local_lambda.cli.loop import stop_signal
    from local_lambda.cli.streams import PayloadStream, write_payload
    from local_lambda.environment.invocation import Invocation
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.xray.header import new_tracing

    stop = stop_signal()
    factory.attach(asyncio.get_running_loop())
    function = environment.function
    pool = EnvironmentPool(function, 1, lambda: environment, lambda text: factory.console.write("platform", text))
    pool.adopt(environment)
    if debugging is not None:
        await debugging.start()
    exchanges: list[Exchange] = []
    stopped = asyncio.ensure_future(stop.wait())
    try:
        for payload in payloads:
            tracing = new_tracing(None, function.tracing_active)
            # With the log, the response comes when the whole invocation is over, so that it is printed in order.
            invocation = Invocation(payload or b"{}", function.arn, tracing, tail=True, tenant_id=tenant_id)
            if not quiet:
                invocation.sink = PayloadStream()
            responded = asyncio.ensure_future(pool.call(invocation, patient=True))
            await asyncio.wait((responded, stopped), return_when=asyncio.FIRST_COMPLETED)
            if not responded.done():
                responded.cancel()
                break
            try:
                exchanges.append((invocation, responded.result()))
            except ApiError as error:
                raise StartError(error.message) from None
            if not quiet:
                environment.stream.flush()
                factory.console.flush()
                write_payload(responded.result().payload + b"\n")
        if not stopped.done():
            await pool.finish()
    finally:
        stopped.cancel()
        await pool.shutdown()
        if debugging is not None:
            debugging.close()
        factory.close()
    return exchanges
