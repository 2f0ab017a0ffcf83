"""Graceful shutdown that works on every Python.

Lambda sends SIGTERM to a runtime that has an extension, and SIGKILL 500 ms later. The usual way to handle SIGTERM is
`signal.signal`. But Python runs such handlers only in the main thread, and only between two steps of Python code. Up to
Python 3.11 the main thread of a function spends the time between two invocations inside a C library, which returns with
the next event. There is none after SIGTERM, so the handler never runs.

One thing happens immediately, whatever the main thread does, because it is in C: Python notes the signal and writes
its number to the "wakeup" file descriptor, if there is one. Here that is a pipe, and a thread waits at its other end.
"""

import os
import signal
import sys
import threading
import traceback
from typing import Callable


def call_on_sigterm(clean_up: Callable[[], object]) -> None:
    """Call clean_up in a thread when SIGTERM comes, and then end the process. Call this from the main thread, once.

    A process has one wakeup descriptor: an event loop's `add_signal_handler` would take it over.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)  # a signal must never wait for a reader
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    # Python writes to the descriptor only for signals that have a handler. This one is called too late or not at all,
    # which does not matter, because it has nothing to do.
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    # A forked child (multiprocessing) inherits handler and pipe: SIGTERM for the child would make us clean up instead.
    os.register_at_fork(before=block_sigterm, after_in_parent=unblock_sigterm, after_in_child=restore_sigterm)
    threading.Thread(target=wait_for_sigterm, args=(reading, clean_up), name="SIGTERM", daemon=True).start()


def wait_for_sigterm(reading: int, clean_up: Callable[[], object]) -> None:
    """Wait for SIGTERM, clean up and end the process."""
    while signal.SIGTERM not in os.read(reading, 64):
        pass  # a different signal that has a handler
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


def block_sigterm() -> None:
    """Hold SIGTERM back from the thread that forks, and so from its child, until the child has decided what to do."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def unblock_sigterm() -> None:
    """Accept SIGTERM again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def restore_sigterm() -> None:
    """Give a forked child what every new process has: SIGTERM ends it."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    unblock_sigterm()
