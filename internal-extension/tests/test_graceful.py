"""Clean-up on SIGTERM, in separate processes that end with it."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Tuple

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the way to wait in C is Linux's")

FOLDER = Path(__file__).resolve().parent.parent
SECONDS = 30

BEGIN = f"""
import ctypes, multiprocessing, os, signal, subprocess, sys, threading
sys.path.insert(0, {str(FOLDER)!r})
from app.graceful import call_on_sigterm
def clean_up():
    print("cleaned up", flush=True)
"""
READY = "print('ready', flush=True)\n"
# What the runtime interface client does up to Python 3.11: the main thread is in C, and keeps waiting there when a
# signal comes. So does a thread that locks a mutex twice. (In Linux's C libraries, a mutex that is new is all zeros.)
WAIT_IN_C = """
mutex = ctypes.create_string_buffer(64)
lock = ctypes.CDLL(None).pthread_mutex_lock
lock(mutex)
print("ready", flush=True)
lock(mutex)
"""
WAIT_IN_PYTHON = "\n" + READY + "threading.Event().wait()\n"
COMPUTE = "\n" + READY + "while True: sum(range(1000))\n"


def run(script: str, *numbers: int) -> Tuple[int, str, str]:
    """Run the script, send it the signals when it is ready; exit status, output and errors."""
    process = subprocess.Popen(
        [sys.executable, "-c", BEGIN + script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        for number in numbers:
            process.send_signal(number)
        out, err = process.communicate(timeout=SECONDS)
        return process.returncode, out, err
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("wait", [WAIT_IN_C, WAIT_IN_PYTHON, COMPUTE])
def test_clean_up_when_the_main_thread_is_busy(wait: str) -> None:
    """Wherever the main thread is, in C or in Python, clean-up is done and the process ends well."""
    assert run("call_on_sigterm(clean_up)" + wait, signal.SIGTERM) == (0, "cleaned up\n", "")


def test_clean_up_when_other_threads_wait() -> None:
    """The process ends although a non-daemon thread never does."""
    script = "call_on_sigterm(clean_up); threading.Thread(target=threading.Event().wait).start()" + WAIT_IN_C
    assert run(script, signal.SIGTERM) == (0, "cleaned up\n", "")


def test_clean_up_when_another_signal_comes_first() -> None:
    """A signal that has its own handler does not start the clean-up."""
    script = "signal.signal(signal.SIGUSR1, lambda *_: None); call_on_sigterm(clean_up)" + WAIT_IN_C
    assert run(script, signal.SIGUSR1, signal.SIGTERM) == (0, "cleaned up\n", "")


def test_clean_up_when_it_fails() -> None:
    """The error is in the log, and the exit status is 1."""
    status, out, err = run("call_on_sigterm(lambda: 1 / 0)" + WAIT_IN_C, signal.SIGTERM)
    assert (status, out) == (1, "")
    assert "ZeroDivisionError" in err


def test_output_when_it_was_not_flushed() -> None:
    """What has been printed before is not lost."""
    status, out, _ = run("call_on_sigterm(lambda: print('printed'))" + WAIT_IN_C, signal.SIGTERM)
    assert (status, out) == (0, "printed\n")


def test_clean_up_when_a_forked_child_is_terminated() -> None:
    """SIGTERM for a child ends the child, and does not make us clean up."""
    script = """
call_on_sigterm(clean_up)
fork = multiprocessing.get_context("fork")
children = [fork.Process(target=signal.pause) for _ in range(20)]
for child in children:
    child.start()
    child.terminate()  # maybe before it runs a single line of Python
    child.join()
print({child.exitcode for child in children} == {-signal.SIGTERM}, flush=True)
"""
    status, out, _ = run(READY + script)
    assert (status, out) == (0, "True\n")


def test_clean_up_when_a_program_is_terminated() -> None:
    """A program that the function starts can be ended as usual."""
    script = """
call_on_sigterm(clean_up)
child = subprocess.Popen([sys.executable, "-c", "import signal; print(flush=True); signal.pause()"], stdout=-1)
child.stdout.readline()
child.terminate()
print(child.wait() == -signal.SIGTERM, flush=True)
"""
    status, out, _ = run(READY + script)
    assert (status, out) == (0, "True\n")
