"""Graceful shutdown that works on every Python.

Lambda sends SIGTERM to a runtime that has an extension, and SIGKILL 500 ms later. For SIGTERM one would write a handler
with `signal.signal`. But Python runs such handlers only in the main thread, and only between two steps of Python code.
Up to Python 3.11 the main thread of a function is, between two invocations, inside a C library that waits for the next
event, and comes back when there is one. There is none after SIGTERM, so the handler never runs.

What happens at once, whatever the main thread does, is in C: Python notes that the signal has come, and writes its
number to the "wakeup" file descriptor, if there is one. Here that is a pipe, and at its other end a thread waits.
"""

import os
import signal
import sys
import threading
import traceback
from typing import Callable


def call_on_sigterm(clean_up: Callable[[], object]) -> None:
    """Call clean_up in a thread when SIGTERM comes, and then end the process. Call this from the main thread, once.

    There is one wakeup descriptor in a process: an event loop's `add_signal_handler` would take it away from here.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # a signal must never wait for somebody to read
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    # The descriptor is only written to for signals that have a handler. This one is too late or never called: that is
    # all the same, because it has nothing to do.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    # A forked child (multiprocessing) has the handler and the pipe as well: told to end, it would not, but we should.
    os.register_at_fork(before=hold_back, after_in_parent=let_through, after_in_child=forget)
    threading.Thread(target=wait, args=(reading, clean_up), name="SIGTERM", daemon=True).start()


def wait(reading: int, clean_up: Callable[[], object]) -> None:
    """Wait for SIGTERM, clean up and end the process."""
    while signal.SIGTERM not in os.read(reading, 64):
        pass  # another signal that has a handler
    status = 1
    try:
        clean_up()
        status = 0
    except Exception:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # sys.exit would end this thread only, and the end of the main thread would wait for other threads.
        os._exit(status)


def hold_back() -> None:
    """Keep SIGTERM from the thread that forks, and so from its child, until that one has made up its mind about it."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def let_through() -> None:
    """Take SIGTERM again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def forget() -> None:
    """Give a forked child what every new process has: SIGTERM ends it."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    let_through()
