"""The commands: a description of the functions in, a factory and pools put to work, an exit status out.

The order inside a command is what makes it quick: the helper process first, then template and sockets, then the
runtime, and only then asyncio and the HTTP server, which are imported while the runtime starts.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from local_lambda.errors import StartError, UsageError
from local_lambda.limits import MAX_EVENT_BYTES
from local_lambda.processes.zygote import Zygote

if TYPE_CHECKING:
    from local_lambda.amqp.connection import Broker
    from local_lambda.environment.environment import ExecutionEnvironment
    from local_lambda.environment.invocation import Invocation, InvocationResponse
    from local_lambda.events.platform import Event
    from local_lambda.functions.config import FunctionConfig
    from local_lambda.functions.template import Functions
    from local_lambda.service.factory import EnvironmentFactory, Program
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.service.watch import Watcher
    from local_lambda.sinks.console import Console
    from local_lambda.xray.collecting import Trace

Result = TypeVar("Result")
TRACE_WIDTH = 100
AWS_PORT = 4566


def invoke(options: Namespace) -> int:
    """`local-lambda invoke`: one environment, one invocation after the other, graceful shutdown."""
    with _factory(options) as factory, _recorded(options, factory):
        from local_lambda.functions.template import load_functions, select

        function = select(load_functions(options.template, os.environ), options.function)
        names = options.event or [None]
        payloads = [_event(name) for name in names] * options.count
        program = _program(function, options, factory.workspace)
        _note_runtime(program, factory.console)
        report: list[Event] = []
        documents: list[dict[str, Any]] = []
        if options.report:
            factory.sinks.append(report.append)
            factory.on_trace.append(lambda trace: documents.extend(trace.documents))
            factory.on_late_document.append(documents.append)
        foundation = factory.lay(program, spawn=True)
        for name, payload in zip(names, payloads, strict=False):  # the first round, which the others repeat
            _check_event(name, payload)
        environment = factory.build(foundation)
        answers = _run(_invoke_all(factory, environment, payloads, quiet=bool(options.report)))
        if options.report:
            _print_report(function, answers, report, documents)
        if environment.init_failure is not None and environment.init_failure.error_type == "Runtime.InvalidEntrypoint":
            raise StartError(environment.init_failure.reason)
        if len(answers) < len(payloads):
            return 130
        return 1 if any(answer.failed for _, answer in answers) else 0


def start(options: Namespace) -> int:
    """`local-lambda start`: the Invoke API for all functions of a template, until Ctrl-C or SIGTERM."""
    broker = _broker(options)
    if options.watch:
        _check_extra("start --watch", "watch", "watchfiles")
    with _factory(options) as factory, _recorded(options, factory):
        from itertools import count

        from local_lambda.functions.template import load_functions
        from local_lambda.http.sockets import listen

        def load() -> Functions:
            return load_functions(options.template, os.environ)

        numbers = count(1)

        def open_program(function: FunctionConfig) -> Program:
            return _program(function, options, factory.workspace / f"program-{next(numbers)}")

        functions = load()
        listener = listen(options.host, options.port)
        for refused, reason in functions.refused:
            factory.console.write("platform", f"{refused.name} is left out: {reason}")
        programs = {function.name: open_program(function) for function in functions}
        for program in programs.values():
            _note_runtime(program, factory.console)

        def watcher(pools: Mapping[str, EnvironmentPool]) -> Watcher:
            from local_lambda.service.watch import Watcher

            def say(text: str, bad: bool) -> None:
                factory.console.write("platform", text, bad=bad)

            return Watcher(options.template, functions, load, open_program, programs, pools, factory.workspace, say)

        watch = watcher if options.watch else None
        return _run(_serve(factory, programs, listener, options.max_environments, broker, watch))


def execute(options: Namespace) -> int:
    """`local-lambda exec`: the Invoke API for one runtime, described by `AWS_LAMBDA_*` variables."""
    broker = _broker(options)
    with _factory(options) as factory, _recorded(options, factory):
        from local_lambda.functions.interpreter import Interpreter
        from local_lambda.http.sockets import listen
        from local_lambda.service.factory import Program

        command = options.command[1:] if options.command[:1] == ["--"] else options.command
        if not command:
            raise UsageError(
                "exec needs the runtime's command, for example: exec -- python -m awslambdaric app.handler"
            )
        from shutil import which

        _check_program(command)
        function = _function_of_variables(command)
        listener = listen(options.host, options.port)
        layers = options.opt.resolve() if options.opt else Path("/opt")
        needs = tuple(Interpreter(Path(path), "") for path in map(which, (command[0], "python3")) if path)
        program = Program(function, Path.cwd(), layers, None, sandboxed=options.opt is not None, needs=needs)
        return _run(_serve(factory, {function.name: program}, listener, options.max_environments, broker))


def call(options: Namespace) -> int:
    """`local-lambda call`: one invocation through RabbitMQ; exit statuses as `invoke`."""
    broker = _broker(options)
    if broker is None:
        raise UsageError("call needs a broker: --amqp amqp://guest:guest@localhost:5672/, or the variable AMQP_URI")
    payload = _event(options.event)
    _check_event(options.event, payload)
    from local_lambda.amqp.client import call as request

    reply = _run(request(broker, options.function, payload or b"{}", options.timeout))
    _print(reply.payload + b"\n")
    if reply.refusal is not None:
        raise UsageError(f"{options.function} was not invoked: {reply.refusal}")
    return 1 if reply.function_error else 0


def timeline(options: Namespace) -> int:
    """`local-lambda timeline`: draw a recorded run."""
    from local_lambda.timeline.drawing import draw_recording

    return draw_recording(options)


def aws(options: Namespace) -> int:
    """`local-lambda aws`: an endpoint for the AWS CLI and SDKs, until Ctrl-C or SIGTERM, or for one command."""
    _check_extra("aws", "aws", "moto", "flask", "flask_cors")
    if options.command[:1] == ["--"]:
        del options.command[0]
    _check_program(options.command)
    port = options.port
    if port is None:
        port = 0 if options.command else AWS_PORT
    with _factory(options) as factory:
        from local_lambda.http.sockets import listen

        return _run(_serve_aws(factory, listen(options.host, port), options))


# --- parts


def _check_program(command: Sequence[str]) -> None:
    from shutil import which

    if command and which(command[0]) is None:
        raise StartError(f"there is no program {command[0]}; give a path or a name on PATH")


def _check_extra(command: str, extra: str, *packages: str) -> None:
    """Raises StartError when `command` needs packages that are not installed."""
    from importlib.util import find_spec

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise StartError(
            f"`{command}` needs packages that are not installed ({', '.join(missing)});"
            f" run: make install EXTRAS={extra} in local-lambda's folder, or pip install 'local-lambda[{extra}]'"
        )


def _broker(options: Namespace) -> Broker | None:
    """The broker of `--amqp`, else of AMQP_URI, which is taken out of the environment: functions must not see it."""
    uri = options.amqp or os.environ.get("AMQP_URI")
    os.environ.pop("AMQP_URI", None)
    if not uri:
        return None
    from local_lambda.amqp.connection import Broker

    return Broker(uri)


@contextmanager
def _factory(options: Namespace) -> Iterator[EnvironmentFactory]:
    """The factory of all environments. Its workspace is a private folder for opened archives and for `/tmp`.

    The folder is made when something is put into it; the zygote removes it, even when the tool is killed.
    """
    workspace = Path(os.environ.get("TMPDIR") or "/tmp") / f"local-lambda-{os.getpid()}-{os.urandom(4).hex()}"
    zygote = Zygote(workspace)
    from local_lambda.service.factory import EnvironmentFactory
    from local_lambda.sinks.console import Console

    factory = EnvironmentFactory(zygote, Console(sys.stderr, os.environ), os.environ, workspace, options.freeze)
    try:
        yield factory
    finally:
        factory.close()
        zygote.close()


@contextmanager
def _recorded(options: Namespace, factory: EnvironmentFactory) -> Iterator[None]:
    """Record the environments of `factory`, and draw them in the end, if that is asked for."""
    if not (options.record or options.timeline or options.trace_events):
        yield
        return
    from local_lambda.timeline.drawing import recorded

    with recorded(options, os.environ) as factory.recorder:
        try:
            yield
        finally:
            factory.console.flush()  # the drawing comes last


def _program(function: FunctionConfig, options: Namespace, workspace: Path) -> Program:
    """Code, layers and interpreter of a function."""
    from local_lambda.service.factory import Program

    if options.code is not None:
        function = function._replace(code=options.code)
    interpreter = None
    if not function.command:
        from local_lambda.functions.interpreter import find_interpreter

        interpreter = find_interpreter(function, options.template, options.python, os.environ)
    code, layers = function.code.resolve(), None
    if function.layers or not code.is_dir():
        from local_lambda.functions.bundle import merge_layers, open_code

        code = open_code(function.code, workspace)
        layers = merge_layers(function.layers, workspace)
    return Program(function, code, layers, interpreter)


def _note_runtime(program: Program, console: Console) -> None:
    """Say when the template names another Python."""
    function, interpreter = program.function, program.interpreter
    if interpreter is not None and function.runtime not in (None, interpreter.runtime):
        found = f"{function.name}: the template says {function.runtime}, this runs on {interpreter.runtime}"
        console.write("platform", found)


def _function_of_variables(command: Sequence[str]) -> FunctionConfig:
    """The function as the variables of `aws-lambda-rie` and of the service describe it."""

    def number(name: str, default: int) -> int:
        text = os.environ.get(name) or str(default)
        if not text.isdecimal() or int(text) < 1:
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


def _event(name: str | None) -> bytes:
    if name is None:
        return b"{}"
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the event {name}: {error.strerror}") from None


def _check_event(name: str | None, payload: bytes) -> None:
    from local_lambda.errors import ApiError
    from local_lambda.service.payload import check_json

    event = "the event" if name in (None, "-") else f"the event {name}"
    if len(payload) > MAX_EVENT_BYTES:
        raise UsageError(f"{event} has {len(payload)} bytes; Lambda takes {MAX_EVENT_BYTES} at most")
    try:
        check_json(payload)
    except ApiError as error:
        raise UsageError(f"{event} is not JSON: {error.message.rpartition('json: ')[2]}") from None


def _run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on uvloop."""
    import asyncio

    import uvloop

    gc.freeze()
    gc.set_threshold(50_000)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


class _Stop:
    """Turns Ctrl-C and SIGTERM into an event; the second signal ends the tool, and with it every child, at once."""

    def __init__(self) -> None:
        import asyncio

        self.event = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._signalled)

    def _signalled(self) -> None:
        if self.event.is_set():
            os._exit(130)
        self.event.set()


async def _invoke_all(
    factory: EnvironmentFactory, environment: ExecutionEnvironment, payloads: Sequence[bytes], quiet: bool
) -> list[tuple[Invocation, InvocationResponse]]:
    import asyncio

    from local_lambda.environment.invocation import Invocation
    from local_lambda.service.pool import EnvironmentPool
    from local_lambda.xray.header import new_tracing

    stop = _Stop()
    loop = asyncio.get_running_loop()
    _show_traces(factory)
    factory.attach(loop)
    function = environment.function
    pool = EnvironmentPool(function, 1, lambda: environment, lambda text: factory.console.write("platform", text))
    pool.adopt(environment)
    answers: list[tuple[Invocation, InvocationResponse]] = []
    stopped = asyncio.ensure_future(stop.event.wait())
    for payload in payloads:
        tracing = new_tracing(None, function.tracing_active)
        invocation = Invocation(payload or b"{}", function.arn, tracing, lambda invocation, response: None, tail=quiet)
        answered = asyncio.ensure_future(pool.call(invocation, patient=True))
        await asyncio.wait((answered, stopped), return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            break
        answers.append((invocation, answered.result()))
        if not quiet:
            environment.stream.flush()
            factory.console.flush()
            _print(answered.result().payload + b"\n")
    if not stopped.done():
        stopped.cancel()
        await pool.finish()
    await pool.shutdown()
    return answers


async def _serve(
    factory: EnvironmentFactory,
    programs: Mapping[str, Program],
    listener: Any,
    limit: int,
    broker: Broker | None,
    watch: Callable[[Mapping[str, EnvironmentPool]], Watcher] | None = None,
) -> int:
    import asyncio

    from local_lambda.apis.invoke_2015_03_31 import invoke_api
    from local_lambda.http.server import Server
    from local_lambda.service.directory import FunctionDirectory

    stop = _Stop()
    _show_traces(factory)
    factory.attach(asyncio.get_running_loop())
    pools = {name: _pool(factory, programs, name, limit) for name in programs}
    app, routes = invoke_api(FunctionDirectory(pools)), []
    if any(pool.function.routes for pool in pools.values()):
        from local_lambda.apis.api_gateway import api_gateway, read_routes

        routes = read_routes(pools.values())
        app = api_gateway(routes, lambda text: factory.console.write("platform", text, bad=True), app)
    worker = None
    if broker is not None:
        from local_lambda.amqp.worker import Worker

        worker = Worker(broker, pools, lambda text, bad: factory.console.write("amqp", text, bad=bad))
        await worker.start()
    server = Server(app, listener, MAX_EVENT_BYTES)
    await server.start()
    names = ", ".join(pools)
    factory.console.write("platform", f"listening on http://{server.address} for {names}")
    for route in routes:
        factory.console.write("platform", f"route {route} of {route.pool.function.name}")
    factory.console.flush()
    watching = asyncio.ensure_future(watch(pools).run()) if watch is not None else None
    await stop.event.wait()
    server.stop_listening()
    if watching is not None:
        watching.cancel()
    if worker is not None:
        await worker.stop_consuming()
    await asyncio.gather(*(pool.finish() for pool in pools.values()))
    if worker is not None:
        await worker.finish()
    await asyncio.gather(*(pool.shutdown() for pool in pools.values()))
    server.close()
    factory.console.write("platform", "stopped")
    return 0


async def _serve_aws(factory: EnvironmentFactory, listener: Any, options: Namespace) -> int:
    from local_lambda.aws.serve import serve

    _show_traces(factory)
    return await serve(factory, listener, options, _Stop().event)


def _pool(factory: EnvironmentFactory, programs: Mapping[str, Program], name: str, limit: int) -> EnvironmentPool:
    from local_lambda.service.pool import EnvironmentPool

    function = programs[name].function
    label = f" {name}" if len(programs) > 1 else ""
    made = 0

    def create() -> ExecutionEnvironment:
        nonlocal made
        made += 1
        return factory.build(factory.lay(programs[name], f"{label}#{made}" if made > 1 else label))

    if function.reserved_concurrency is not None:
        limit = min(limit, function.reserved_concurrency)

    def say(text: str) -> None:
        factory.console.write("platform", text)

    return EnvironmentPool(function, limit, create, say, discard=factory.release)


def _show_traces(factory: EnvironmentFactory) -> None:
    from local_lambda.sinks.console import LANE_WIDTH
    from local_lambda.xray.tree import draw

    width = TRACE_WIDTH - LANE_WIDTH - 3

    def show(trace: Trace) -> None:
        for line in draw(trace, width):
            factory.console.write("trace", line.text, bad=line.is_bad)

    factory.on_trace.append(show)


def _print_report(
    function: FunctionConfig,
    answers: Sequence[tuple[Invocation, InvocationResponse]],
    report: Sequence[Event],
    documents: Sequence[dict[str, Any]],
) -> None:
    """The one document of `--report json`. A payload that is JSON stands there as JSON, another one as text."""
    invocations = []
    for invocation, answer in answers:
        text = answer.payload.decode("utf-8", "replace")
        try:
            payload = json.loads(text)
        except ValueError:
            payload = text
        invocations.append(
            {
                "requestId": invocation.request_id,
                "statusCode": 200,
                "functionError": "Unhandled" if answer.failed else None,
                "executedVersion": function.version,
                "payload": payload,
                "logTail": (answer.log_tail or b"").decode("utf-8", "replace"),
            }
        )
    document = {
        "function": function.name,
        "invocations": invocations,
        "events": [event.wire() for event in report],
        "segments": list(documents),
    }
    _print((json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())


def _print(data: bytes) -> None:
    """Write to standard output. Where that is unbuffered (`PYTHONUNBUFFERED`) a signal may cut a write short."""
    left = memoryview(data)
    while left:
        left = left[sys.stdout.buffer.write(left) :]
    sys.stdout.buffer.flush()
