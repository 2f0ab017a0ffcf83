"""A function that writes in the way its event names."""

import logging
import os
import subprocess
import sys

logger = logging.getLogger("tests")


def prints(event):
    """Two lines in one call, one with a carriage return."""
    print("one\ntwo\rstill two")


def without_end(event):
    """A line without an end."""
    sys.stdout.write("no end")
    sys.stdout.flush()


def on_stderr(event):
    """A line on standard error."""
    print("wrong", file=sys.stderr)


def no_text(event):
    """Bytes that are not UTF-8."""
    os.write(1, b"\xff\xfe\x00bytes\n")


def a_megabyte(event):
    """One very long line."""
    print("x" * (1024 * 1024))


def logs(event):
    """A record for each level."""
    logger.setLevel(logging.DEBUG)
    for level in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, level)("a %s", level)


def logs_lines(event):
    """A record of two lines."""
    logger.error("first\nsecond")


def logs_traceback(event):
    """An exception that the handler caught."""
    try:
        raise ValueError("caught")
    except ValueError:
        logger.exception("it happened")


def prints_json(event):
    """A JSON object, not made by logging."""
    print('{"timestamp": "2026-01-12T15:37:41Z", "level": "ERROR", "message": "printed"}')
    print('{"timestamp": "2026-01-12T15:37:41Z", "level": "DEBUG", "message": "hidden"}')
    print("plain")


def in_a_child(event):
    """A line from a process that the function started."""
    subprocess.check_call([sys.executable, "-c", "print('from a child')"])


def much(event):
    """Many lines, the last one just before the response."""
    for number in range(event["lines"]):
        print("line", number)


def handler(event, context):
    """Write what the event says."""
    globals()[event["how"]](event)
