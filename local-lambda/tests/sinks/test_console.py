"""The terminal's lanes: what is shortened there, and what a color means."""

from __future__ import annotations

import io

import pytest

from local_lambda.sinks.console import Console

RED, BLUE, END = "\x1b[31m", "\x1b[34m", "\x1b[0m"
DIGEST = "0f3a12bc" + "5" * 56
INIT_START = (
    f"INIT_START Runtime Version: python:3.13\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:{DIGEST}\n"
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Colors are for terminals only."""
        return True


def written(out: io.StringIO, source: str, text: str) -> str:
    """What one text in the lane of `source` looks like."""
    console = Console(out, {})
    console.lane()(source, text)
    console.flush()
    return out.getvalue()


def test_digest_of_the_runtime_is_cut_when_it_is_shown() -> None:
    """Eight characters tell two runtimes apart; 64 fill the line."""
    assert written(io.StringIO(), "platform", INIT_START).endswith("arn:aws:lambda:eu-west-1::runtime:0f3a12bc…\n")


def test_line_of_a_function_is_whole_when_it_looks_like_an_arn() -> None:
    """Only Lambda's own line is shortened."""
    assert written(io.StringIO(), "function", INIT_START) == f"function | {INIT_START}"


@pytest.mark.parametrize(
    ("source", "text", "is_red"),
    [
        ("function", "[ERROR] ValueError: no\nTraceback (most recent call last):\n", True),
        ("function", "[INFO]\tno [ERROR] here\n", False),
        ("platform", "END RequestId: 1\nREPORT RequestId: 1\tDuration: 1.00 ms\tStatus: timeout\n", True),
        ("platform", "END RequestId: 1\nREPORT RequestId: 1\tDuration: 1.00 ms\t\n", False),
        ("platform", "EXTENSION\tName: e\tState: LaunchError\tEvents: []\tError Type: PermissionDenied\n", True),
        ("extension:e", "[e] registered\n", False),
    ],
)
def test_line_is_red_when_it_reports_a_failure(source: str, text: str, is_red: bool) -> None:
    """On a terminal, every line of it; elsewhere there are no colors."""
    lines = written(Terminal(), source, text).splitlines()
    assert [line.startswith(RED) and line.endswith(END) for line in lines] == [is_red] * text.count("\n")
    assert "\x1b" not in written(io.StringIO(), source, text)


def test_trace_is_not_red_when_nothing_failed() -> None:
    """Red is for the lines of a trace that report an error, a fault or a throttle."""
    out = Terminal()
    console = Console(out, {})
    console.write("trace", "good")
    console.write("trace", "bad", bad=True)
    console.flush()
    good, bad = out.getvalue().splitlines()
    assert (good.startswith(BLUE), bad.startswith(RED)) == (True, True)
