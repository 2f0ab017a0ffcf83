"""The terminal's lanes: what is shortened there, what a color means, and that nothing else controls the terminal."""

from __future__ import annotations

import io
import sys

import pytest

from local_lambda.events.printable import json_visible, one_line, print_line, visible
from local_lambda.sinks.console import Console

RED, BLUE, END = "\x1b[31m", "\x1b[34m", "\x1b[0m"
DIGEST = "0f3a12bc" + "5" * 56
INIT_START = (
    f"INIT_START Runtime Version: python:3.13\tRuntime Version ARN: arn:aws:lambda:eu-west-1::runtime:{DIGEST}\n"
)

ESCAPED = {
    "\x1b[31mred\x1b[0m": "\\x1b[31mred\\x1b[0m",
    "bell\x07, zero\0, delete\x7f": "bell\\x07, zero\\x00, delete\\x7f",
    "one\rtwo\x0bthree\x0cfour": "one\\rtwo\\x0bthree\\x0cfour",
    "\x9b2J": "\\x9b2J",
    "a line end is not shown\r": "a line end is not shown",
    "\x85 and \u2028": "\\x85 and \\u2028",
    "left\u202etfel": "left\\u202etfel",
    "half \ud800": "half \\ud800",
    "tab\tstays": "tab\tstays",
    "grüße, 日本\u3000語, 👩\u200d💻, \u05d0\u200f, \xa0": "grüße, 日本\u3000語, 👩\u200d💻, \u05d0\u200f, \xa0",
}


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


@pytest.mark.parametrize(("text", "shown"), ESCAPED.items(), ids=list(map(ascii, ESCAPED)))
def test_lane_when_a_process_writes_controls(text: str, shown: str) -> None:
    """They are shown as escape sequences; the letters and spaces of all languages stay as they are."""
    assert written(io.StringIO(), "function", f"{text}\nnext\n") == f"function | {shown}\nfunction | next\n"


def test_lane_when_it_is_a_terminal_has_the_colors_of_the_tool_only() -> None:
    """Those of the function are shown as text."""
    assert written(Terminal(), "function", "\x1b[31mred\n") == "\x1b[36mfunction | \\x1b[31mred\x1b[0m\n"


def test_lane_when_a_name_has_controls() -> None:
    """An extension's name cannot begin a lane of another process."""
    shown = written(io.StringIO(), "extension:a\nplatform | \x1b[2J", "line\n")
    assert shown == "extension:a\\nplatform | \\x1b[2J | line\n"


def test_write_when_a_notice_has_a_line_feed() -> None:
    """A notice is one line, whatever it quotes."""
    out = io.StringIO()
    console = Console(out, {})
    console.write("platform", "no route for GET /a\nplatform | listening\x1b[2J")
    console.flush()
    assert out.getvalue() == "platform | no route for GET /a\\nplatform | listening\\x1b[2J\n"


def test_print_line_when_it_quotes_controls(capsys: pytest.CaptureFixture[str]) -> None:
    """It is one printable line."""
    print_line("moto failed on /\x9b2J\n\x1b[2J")
    assert capsys.readouterr().err == "local-lambda: moto failed on /\\x9b2J\\n\\x1b[2J\n"


def test_every_character_is_printable_or_safe() -> None:
    """No control reaches a terminal: neither C0 nor C1, nor anything that UTF-8 cannot encode."""
    text = "".join(map(chr, range(sys.maxunicode + 1)))
    shown = visible(text)
    shown.encode("utf-8")
    assert {char for char in shown if char < " " or "\x7f" <= char <= "\x9f"} == {"\n", "\t"}
    assert one_line(text).isprintable()


def test_json_visible_keeps_the_values() -> None:
    """A reader of the JSON gets what was there before."""
    assert json_visible('"\x7f\x9b\u2028\ud800é"') == '"\\u007f\\u009b\\u2028\\ud800é"'


def test_hidden_lanes_show_failures_only() -> None:
    """With `--quiet`, what the function writes is left, and every line about a failure."""
    out = io.StringIO()
    console = Console(out, {}, frozenset({"platform", "trace"}))
    lane = console.lane()
    lane("platform", "REPORT RequestId: 1\tDuration: 1.00 ms\t\n")
    lane("platform", "REPORT RequestId: 2\tDuration: 3000.00 ms\tStatus: timeout\n")
    lane("function", "hello\n")
    lane("extension:one", "there\n")
    console.write("trace", "Hello 1 ms")
    console.write("platform", "listening", needed=True)
    console.write("platform", "no environment", bad=True)
    console.write("platform", "stopped")
    console.flush()
    assert out.getvalue().splitlines() == [
        "platform | REPORT RequestId: 2\tDuration: 3000.00 ms\tStatus: timeout",
        "function | hello",
        "extension:one | there",
        "platform | listening",
        "platform | no environment",
    ]
