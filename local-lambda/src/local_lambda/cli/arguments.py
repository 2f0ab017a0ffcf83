"""The command line: arguments in, the options of one command, its exit status out.

Exit status: 0 success, 1 the function reported an error, 2 wrong usage, template or event, 3 the environment could not
be started. Each command has its own file, which is imported when it is chosen. No other module uses `argparse` results.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from local_lambda.cli.options import OutputOptions, RecordingOptions, ServerOptions, SourceOptions
from local_lambda.cli.parser import AWS_PORT, make_parser
from local_lambda.cli.streams import discard_output, fill_standard_descriptors, flush_output
from local_lambda.errors import CommandError, StartError, reason_of
from local_lambda.events.printable import print_line

TEMPLATES = ("template.yaml", "template.yml", "template.json")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    fill_standard_descriptors()
    try:
        status = _run(arguments)
        flush_output()
        discard_output()  # what standard error does not take does not make the command fail
        return status
    except CommandError as error:
        return _complain(str(error), error.exit_status)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        discard_output()  # the reader has gone
        return 141
    except OSError as error:
        return _complain(reason_of(error), StartError.exit_status)


def _run(arguments: Sequence[str] | None) -> int:
    commands = {
        "invoke": _invoke,
        "start": _start,
        "call": _call,
        "aws": _aws,
        "exec": _exec,
        "fire": _fire,
        "event": _event,
        "doctor": _doctor,
        "new": _new,
        "timeline": _timeline,
    }
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        found = make_parser(commands, next((word for word in given if not word.startswith("-")), "")).parse_args(given)
    except SystemExit as ended:  # help, version, wrong usage
        return int(ended.code or 0)
    return int(found.run(found))


def _complain(line: str, status: int) -> int:
    """Print the one line with which a failed command ends. If even that fails, the exit status has to suffice."""
    try:
        print_line(line)
    except OSError:
        pass
    discard_output()
    return status


def _invoke(found: Namespace) -> int:
    from local_lambda.cli.invoke import InvokeOptions, invoke

    return invoke(
        InvokeOptions(
            source=_source(found),
            function=found.function,
            events=tuple(found.event),
            times=found.count,
            report=found.report is not None,
            recording=_recording(found),
            freeze=found.freeze,
            memory_limit=not found.no_memory_limit,
            output=_output(found),
            debug_port=found.debug_port,
            tenant_id=found.tenant_id,
        )
    )


def _start(found: Namespace) -> int:
    from local_lambda.cli.start import StartOptions, start

    return start(
        StartOptions(
            source=_source(found),
            server=_server(found),
            recording=_recording(found),
            amqp=found.amqp,
            watch=found.watch,
            aws=found.aws,
            ui=found.ui,
            freeze=found.freeze,
            memory_limit=not found.no_memory_limit,
            output=_output(found),
            debug_port=found.debug_port,
            debug_function=found.debug_function,
        )
    )


def _exec(found: Namespace) -> int:
    from local_lambda.cli.exec import ExecOptions, execute

    return execute(
        ExecOptions(
            server=_server(found),
            command=_after_dashes(found.command),
            opt=found.opt,
            recording=_recording(found),
            amqp=found.amqp,
            ui=found.ui,
            freeze=found.freeze,
            memory_limit=not found.no_memory_limit,
            output=_output(found),
        )
    )


def _call(found: Namespace) -> int:
    from local_lambda.cli.call import CallOptions, call

    return call(CallOptions(found.function, found.event, found.amqp, found.timeout))


def _event(found: Namespace) -> int:
    from local_lambda.cli.event import event

    return event(found)


def _doctor(found: Namespace) -> int:
    from local_lambda.cli.doctor import DoctorOptions, doctor

    return doctor(DoctorOptions(_source(found), found.target))


def _new(found: Namespace) -> int:
    from local_lambda.cli.new import new

    return new(found.folder)


def _timeline(found: Namespace) -> int:
    from local_lambda.cli.timeline import TimelineOptions, timeline

    return timeline(TimelineOptions(found.recording, found.output))


def _aws(found: Namespace) -> int:
    from local_lambda.cli.aws import AwsOptions, aws

    command = _after_dashes(found.command)
    if found.port is None:
        found.port = 0 if command else AWS_PORT
    limited = not found.no_memory_limit
    return aws(AwsOptions(_server(found), command, found.python, found.freeze, limited, _output(found)))


def _fire(found: Namespace) -> int:
    from local_lambda.cli.fire import FireOptions, fire
    from local_lambda.cli.given import region_of

    url = found.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or f"http://127.0.0.1:{AWS_PORT}"
    return fire(FireOptions(found.rule, url, region_of(found.region, os.environ), found.event_bus))


def _source(found: Namespace) -> SourceOptions:
    return SourceOptions(
        found.template or _template(),
        found.code,
        found.python,
        dict(found.parameter_overrides),
        found.env_file,
        found.env_vars,
        found.region,
        found.account,
        tuple((name, Path(path)) for name, path in found.layer),
    )


def _template() -> Path:
    """The template in the current folder, or the name it should have."""
    return next((path for path in map(Path, TEMPLATES) if path.exists()), Path(TEMPLATES[0]))


def _recording(found: Namespace) -> RecordingOptions:
    return RecordingOptions(found.record, found.timeline, found.trace_events)


def _output(found: Namespace) -> OutputOptions:
    return OutputOptions(found.quiet, found.no_trace)


def _server(found: Namespace) -> ServerOptions:
    hosts, origins = tuple(found.allow_host), tuple(found.allow_origin)
    idle = getattr(found, "idle_timeout", None)
    limited = not found.no_bandwidth_limit
    options = ServerOptions(found.host, found.port, found.max_environments, hosts, origins, idle, limited)
    warm = getattr(found, "warm", 0)
    if warm > found.max_environments:
        from local_lambda.errors import UsageError

        raise UsageError(f"--warm {warm}: a function has {found.max_environments} environments; set --max-environments")
    return options._replace(retry_pauses=found.retry_pauses, warm=warm)


def _after_dashes(command: Sequence[str]) -> tuple[str, ...]:
    """The command line after `--`."""
    return tuple(command[1:] if command[:1] == ["--"] else command)
