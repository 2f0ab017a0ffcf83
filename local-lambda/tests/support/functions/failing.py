"""A function that fails in the way its event names, and otherwise returns its event."""

import ctypes
import os
import signal
import sys
import time


class CustomError(Exception):
    """An exception of the function's own."""


def unserializable(event):
    """A result that is not JSON."""
    return {1, 2}


def too_large(event):
    """A result over 6 MB."""
    return "x" * (6 * 1024 * 1024 + 100)


def raises(event):
    """An exception that is not caught."""
    raise CustomError("sorry for {}".format(event["name"]))


def exits(event):
    """The polite exit, which the runtime does not catch."""
    sys.exit(event.get("status", 0))


def vanishes(event):
    """The exit that cannot be caught."""
    os._exit(event["status"])


def is_killed(event):
    """The end by a signal."""
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(60)


def crashes(event):
    """A real segmentation fault."""
    ctypes.string_at(0)


def hangs(event):
    """No response, ever."""
    while True:
        time.sleep(60)


def handler(event, context):
    """Do what the event says."""
    how = event.get("how")
    return globals()[how](event) if how else event
