"""The arguments of the command line, and their help texts."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from local_lambda import __version__
from local_lambda.functions.config import MAX_CONCURRENCY_DEFAULT
from local_lambda.limits import MAX_EVENT_RETRIES

AWS_PORT = 4566


def make_parser(run: Mapping[str, Callable[[argparse.Namespace], int]], chosen: str) -> argparse.ArgumentParser:
    """The parser, complete for the command `chosen`. In its result, `run` is the entry of `run` for that command."""
    parser = _Parser(
        prog="local-lambda",
        description="A local AWS Lambda execution environment: real runtimes, no AWS account, no Docker, no root.",
    )
    parser.add_argument("--version", action="version", version=f"local-lambda {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    for name, (text, add_arguments) in _COMMANDS.items():
        command = commands.add_parser(name, help=text)
        if name == chosen:  # adding the arguments of all commands would take milliseconds
            add_arguments(command)
        command.set_defaults(run=run[name])
    return parser


def _invoke(parser: argparse.ArgumentParser) -> None:
    _template_arguments(parser)
    parser.add_argument("function", nargs="?", metavar="FUNCTION", help="logical id or name, if there are several")
    parser.add_argument(
        "-e",
        "--event",
        action="append",
        default=[],
        metavar="FILE",
        help="the event, `-` for standard input; may be repeated",
    )
    parser.add_argument("--count", type=_positive, default=1, metavar="N", help="invoke N times in one environment")
    parser.add_argument("--tenant-id", metavar="ID", help="the tenant, for a function that isolates tenants")
    parser.add_argument("--report", choices=["json"], help="print one JSON document instead of the payloads")
    _recording_arguments(parser)
    _common_arguments(parser)
    _debug_argument(parser)


def _start(parser: argparse.ArgumentParser) -> None:
    _template_arguments(parser)
    _server_arguments(parser, MAX_CONCURRENCY_DEFAULT)
    _recording_arguments(parser)
    _amqp_argument(parser)
    parser.add_argument(
        "--aws",
        type=_port,
        nargs="?",
        const=AWS_PORT,
        metavar="PORT",
        help=f"serve a local AWS endpoint too, with the resources of the template, on this port ({AWS_PORT})",
    )
    _ui_argument(parser)
    parser.add_argument(
        "--watch", action="store_true", help="reload a function when its code, layers or template change"
    )
    _common_arguments(parser)
    _idle_argument(parser)
    _debug_argument(parser)
    parser.add_argument("--debug-function", metavar="NAME", help="the function to debug, if there are several")


def _call(parser: argparse.ArgumentParser) -> None:
    _amqp_argument(parser, "the broker (default: the environment variable AMQP_URI)")
    parser.add_argument("function", metavar="FUNCTION", help="the function's name, which is also its queue's")
    parser.add_argument("-e", "--event", metavar="FILE", help="the event, `-` for standard input")
    parser.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="S", help="seconds to wait for the response (60)"
    )


def _aws(parser: argparse.ArgumentParser) -> None:
    _server_arguments(parser, MAX_CONCURRENCY_DEFAULT, "4566, or any free one with COMMAND")
    parser.add_argument(
        "--python",
        metavar="PATH",
        help="Python interpreter for the functions (default: the .venv here, if its version is the runtime's)",
    )
    _common_arguments(parser)
    parser.add_argument(
        "command",
        nargs=argparse.REMAINDER,
        metavar="-- COMMAND...",
        help="serve for as long as COMMAND runs; COMMAND finds the endpoint in its environment variables",
    )
    parser.set_defaults(port=None)


def _exec(parser: argparse.ArgumentParser) -> None:
    _server_arguments(parser, 1)
    _recording_arguments(parser)
    _amqp_argument(parser)
    _common_arguments(parser)
    _idle_argument(parser)
    _ui_argument(parser)
    parser.add_argument("--opt", type=Path, metavar="DIR", help="a folder to use as /opt, with extensions/ in it")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND...", help="the runtime's command line")


def _fire(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("rule", metavar="RULE", help="the rule's name; AWS SAM names it FUNCTION followed by EVENT")
    parser.add_argument(
        "--endpoint-url",
        metavar="URL",
        help=f"the local AWS endpoint (default: AWS_ENDPOINT_URL, or http://127.0.0.1:{AWS_PORT})",
    )
    parser.add_argument("--event-bus", default="default", metavar="NAME", help="the event bus of the rule (default)")
    parser.add_argument(
        "--region", metavar="NAME", help="the region (default: AWS_REGION, AWS_DEFAULT_REGION, us-east-1)"
    )


def _event(parser: argparse.ArgumentParser) -> None:
    from local_lambda.cli.event_parser import add_event_kinds

    add_event_kinds(parser, _pair, _account)


def make_event_parser() -> argparse.ArgumentParser:
    """The parser of the arguments after `local-lambda event`."""
    parser = _Parser()
    _event(parser)
    return parser


def _doctor(parser: argparse.ArgumentParser) -> None:
    _template_arguments(parser)
    parser.add_argument(
        "target",
        nargs="?",
        metavar="FUNCTION | PATH",
        help="a function of the template, or a zip or folder of a package or layer (default: all functions)",
    )


def _new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="NAME", help="the new folder; its name is the project's")


def _timeline(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", type=Path, metavar="FILE", help="what --record wrote")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="FILE.svg or FILE.html, or FILE.json with Chrome trace events; text on standard output without it",
    )


_COMMANDS = {
    "invoke": ("start an environment, invoke the function, shut down", _invoke),
    "start": ("serve the Invoke API for all functions of a template", _start),
    "call": ("invoke a function through RabbitMQ, served by a worker elsewhere", _call),
    "aws": ("serve a local AWS endpoint: Lambda, S3, SQS, SNS, DynamoDB, EventBridge and others", _aws),
    "fire": ("let a rule on a local AWS endpoint send its event now", _fire),
    "exec": ("serve the Invoke API for one runtime, like aws-lambda-rie", _exec),
    "event": ("print a sample event of a service or an API", _event),
    "doctor": ("find what would fail on AWS, before it does", _doctor),
    "new": ("make a small project: template, function, event and test", _new),
    "timeline": ("draw a recorded run", _timeline),
}


def _template_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-t",
        "--template",
        type=Path,
        metavar="FILE",
        help="AWS SAM or CloudFormation template (template.yaml, template.yml or template.json)",
    )
    parser.add_argument(
        "--code", type=Path, metavar="PATH", help="a folder or zip package to run in place of the template's code"
    )
    parser.add_argument(
        "--parameter-overrides",
        nargs="+",
        action="extend",
        type=_parameter,
        default=[],
        metavar="NAME=VALUE",
        help="values of the template's parameters; FUNCTION, if any, comes before them",
    )
    parser.add_argument("--env-file", type=Path, metavar="FILE", help="environment variables, a line NAME=value each")
    parser.add_argument(
        "--env-vars",
        type=Path,
        metavar="FILE",
        help='environment variables as JSON: {"FUNCTION": {"NAME": "value"}, "Parameters": {}}, the latter for all',
    )
    parser.add_argument(
        "--region", metavar="NAME", help="the region (default: AWS_REGION, AWS_DEFAULT_REGION, us-east-1)"
    )
    parser.add_argument("--account", type=_account, metavar="ID", help="the account's id (123456789012)")
    parser.add_argument(
        "--layer",
        action="append",
        type=_pair,
        default=[],
        metavar="ARN=PATH",
        help="a folder or zip for a layer that is not in the template; may be repeated",
    )
    parser.add_argument(
        "--python", metavar="PATH", help="Python interpreter for the function (default: the .venv next to the template)"
    )


def _recording_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the events as JSON lines while they happen")
    parser.add_argument(
        "--timeline",
        type=Path,
        metavar="FILE",
        help="draw the run at the end, as FILE.svg or FILE.html, or as text with `-`",
    )
    parser.add_argument(
        "--trace-events",
        type=Path,
        metavar="FILE",
        help="write the run as FILE.json for viewers of Chrome trace events",
    )


def _server_arguments(parser: argparse.ArgumentParser, environments: int, port: str = "8080") -> None:
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=_port, default=8080, help=f"port to listen on, 0 for any free one ({port})")
    parser.add_argument(
        "--max-environments",
        type=_positive,
        default=environments,
        metavar="N",
        help=f"environments that a function may have at the same time ({environments}); beyond that callers get 429",
    )
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="answer to this host name too, not only to loopback names; may be repeated",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="URL",
        help="let web pages of this origin call, such as https://app.example; may be repeated",
    )
    parser.add_argument(
        "--retry-pauses",
        type=_pauses,
        metavar="A,B",
        help="seconds before the second and third attempt at an asynchronous invocation (1,2; on Lambda 60,120)",
    )
    parser.add_argument(
        "--no-bandwidth-limit",
        action="store_true",
        help="send streamed responses as fast as possible, not at Lambda's 2 MB/s after the first 6 MB",
    )


def _amqp_argument(
    parser: argparse.ArgumentParser,
    what: str = "also serve queues of this RabbitMQ (default: the environment variable AMQP_URI, or none)",
) -> None:
    parser.add_argument("--amqp", metavar="URI", help=what)


def _ui_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--ui",
        type=_port,
        nargs="?",
        const=0,
        metavar="PORT",
        help="serve a page that shows the environments live, and print its link (any free port)",
    )


def _idle_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--warm",
        type=_positive,
        default=0,
        metavar="N",
        help="start N environments of each function ahead of its invocations, as with provisioned concurrency",
    )
    parser.add_argument(
        "--idle-timeout",
        type=_duration,
        metavar="TIME",
        help="shut an environment down after this time without an invocation, such as 90s, 5m or 1h (default: never)",
    )


def _debug_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--debug-port",
        type=_port,
        metavar="PORT",
        help="let the function wait until a debugger (VS Code, PyCharm) has attached to this port, often 5678",
    )


def _common_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="show only what the function and its extensions write, and failures"
    )
    parser.add_argument("--no-trace", action="store_true", help="do not show the trace of an invocation")
    parser.add_argument(
        "--freeze", action="store_true", help="stop all processes of an environment between invocations, as Lambda does"
    )
    parser.add_argument(
        "--no-memory-limit", action="store_true", help="let environments use more memory than the function has"
    )


def _parameter(text: str) -> tuple[str, str]:
    """`NAME=VALUE`, or the longer form of `aws cloudformation`."""
    key, comma, value = text.partition(",ParameterValue=")
    return (key.removeprefix("ParameterKey="), value) if comma else _pair(text)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text} is not written as NAME=VALUE")
    return name, value


def _account(text: str) -> str:
    if not (text.isdecimal() and text.isascii() and len(text) == 12):
        raise argparse.ArgumentTypeError(f"{text} is not an account id (12 digits)")
    return text


class _Parser(argparse.ArgumentParser):
    """A parser, and the class of its commands' parsers."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(formatter_class=_Help, **settings)


class _Help(argparse.HelpFormatter):
    """A formatter that knows its width. By default it imports `shutil` to ask the terminal, for each argument again."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=_columns() - 2)


@cache
def _columns() -> int:
    """The width of the terminal: `COLUMNS`, or what the system says, or 80."""
    wanted = os.environ.get("COLUMNS", "")
    try:
        return int(wanted if wanted.isdecimal() else 0) or os.get_terminal_size().columns or 80
    except OSError:
        return 80


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= 86_400:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds (up to 86400)")
    return value


def _pauses(text: str) -> tuple[float, ...]:
    pauses = tuple(map(_seconds, text.split(",")))
    if len(pauses) > MAX_EVENT_RETRIES:
        raise argparse.ArgumentTypeError(f"{text} has more than {MAX_EVENT_RETRIES} pauses; write it as 60,120")
    return pauses


def _duration(text: str) -> float:
    """Seconds of `90`, `90s`, `5m` or `1h`."""
    factor = {"s": 1, "m": 60, "h": 3600}.get(text[-1:], 0)
    return _seconds(text[:-1] if factor else text) * (factor or 1)


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port (0 to 65535)")
    return value
