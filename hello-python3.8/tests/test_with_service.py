"""The command that runs another one next to a service, here the stand-in for AWS's check-ip service."""

import os
import shlex
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import List
from urllib.error import URLError
from urllib.request import urlopen

import checkip
import pytest

FOLDER = Path(__file__).resolve().parent.parent
ASK = "import os, urllib.request as r; print(r.urlopen(os.environ['CHECK_IP_URL']).read().decode(), end='')"
WITH_SERVICE = [
    sys.executable,
    str(FOLDER / "with_service.py"),
    "CHECK_IP_URL",
    f"'{sys.executable}' '{FOLDER / 'checkip.py'}'",
]


def start(command: List[str], wrapper: List[str] = WITH_SERVICE, **environment: str) -> "subprocess.Popen[str]":
    """Start a command next to the stand-in; a CHECK_IP_URL of the caller's shell plays no part."""
    inherited = {name: value for name, value in os.environ.items() if name != "CHECK_IP_URL"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*wrapper, *command],
        env={**inherited, **environment},
        stdout=pipe,
        stderr=pipe,
        text=True,
        start_new_session=True,
    )


def test_command_when_it_asks() -> None:
    """The command finds the service in CHECK_IP_URL and gets an address and a line end, as from AWS."""
    assert start([sys.executable, "-c", ASK]).communicate(timeout=30)[0] == f"{checkip.PUBLIC_IP}\n"


def test_log_when_the_command_reads_it() -> None:
    """What the service says after it is listening can be waited for in SERVICE_LOG, and is printed before that."""
    service = (
        "import functools, sys; say = functools.partial(print, file=sys.stderr, flush=True);"
        " say('listening on x'); say('ready'); sys.stdin.read()"
    )
    wait = "import os, sys; print(next(open(os.environ['SERVICE_LOG'])), end='', file=sys.stderr)"
    wrapper = [*WITH_SERVICE[:3], shlex.join([sys.executable, "-c", service])]
    errors = start([sys.executable, "-c", wait], wrapper).communicate(timeout=30)[1]
    assert errors == "listening on x\nready\nready\n"


def test_service_that_does_not_exist() -> None:
    """One line names it, and the status is a shell's."""
    process = start([sys.executable, "-c", ASK], [*WITH_SERVICE[:3], "no-such-service --port 0"])
    errors = process.communicate(timeout=30)[1]
    assert (process.returncode, errors) == (127, "with_service.py: no-such-service: No such file or directory\n")


ELSEWHERE = """
import runpy, signal, sys, threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program whose signals arrive in a different thread, so that none interrupts a call of the main thread.

This is how a signal looks that comes just before such a call.
"""
UNBLOCK = "import signal, sys; signal.pthread_sigmask(signal.SIG_SETMASK, []);"
"""The beginning of a program that ELSEWHERE starts: it has inherited what is blocked."""
NEVER_READY = UNBLOCK + " print('started', file=sys.stderr, flush=True); sys.stdin.read()"
"""A service that says one line, and not that it is listening."""


@pytest.mark.parametrize("options", [[], ["-c", ELSEWHERE]], ids=["interrupted", "waiting"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_service_when_stopped_before_it_is_listening(
    tmp_path: Path, number: signal.Signals, options: List[str]
) -> None:
    """The command is not started, the status is a shell's, and the service has ended."""
    wrapper = [sys.executable, *options, *WITH_SERVICE[1:3], shlex.join([sys.executable, "-c", NEVER_READY])]
    process = start(["touch", str(tmp_path / "started")], wrapper)
    assert process.stderr is not None
    assert process.stderr.readline() == "started\n"
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)  # which also waits until the service has closed its output
    assert (process.returncode, errors) == (128 + number, "")
    assert not (tmp_path / "started").exists()


def test_service_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    """Command and service run to their ends."""
    done = tmp_path / "done"
    os.mkfifo(done)
    service = "import sys; [print(line, file=sys.stderr, flush=True) for line in ('one', 'listening on x', 'two')];"
    service += f" open({str(done)!r}, 'w').close()"
    wrapper = [*WITH_SERVICE[:3], shlex.join([sys.executable, "-c", service])]
    process = start([sys.executable, "-c", f"open({str(done)!r}).close(); print('ran')"], wrapper)
    assert process.stdout is not None and process.stderr is not None
    process.stderr.close()
    assert process.stdout.read() == "ran\n"
    process.wait(30)


def test_service_when_its_log_is_not_read(tmp_path: Path) -> None:
    """However much the service says, it is not held up: all of it is printed."""
    done = tmp_path / "done"
    os.mkfifo(done)
    service = (
        "import functools, sys; say = functools.partial(print, file=sys.stderr, flush=True); say('listening on x');"
        f" [say('-' * 99) for _ in range(3000)]; open({str(done)!r}, 'w').close()"
    )
    wrapper = [*WITH_SERVICE[:3], shlex.join([sys.executable, "-c", service])]
    errors = start([sys.executable, "-c", f"open({str(done)!r}).close()"], wrapper).communicate(timeout=30)[1]
    assert Counter(errors.splitlines()) == {"listening on x": 1, "-" * 99: 3000}


def test_log_when_a_line_is_empty() -> None:
    """It is a line like any other."""
    service = "import sys; [print(line, file=sys.stderr, flush=True) for line in ('listening on x', '', 'after')];"
    wrapper = [*WITH_SERVICE[:3], shlex.join([sys.executable, "-c", service])]
    wait = "import os; print([next(log) for log in [open(os.environ['SERVICE_LOG'])] for _ in range(2)])"
    output, errors = start([sys.executable, "-c", wait], wrapper).communicate(timeout=30)
    assert (output, errors) == ("['\\n', 'after\\n']\n", "listening on x\n\nafter\n")


def test_command_when_the_variable_is_set() -> None:
    """A CHECK_IP_URL of the caller wins."""
    process = start([sys.executable, "-c", "import os; print(os.environ['CHECK_IP_URL'])"], CHECK_IP_URL="http://mine/")
    assert process.communicate(timeout=30)[0] == "http://mine/\n"


@pytest.mark.parametrize("status", [0, 1, 3])
def test_exit_status_when_the_command_ends(status: int) -> None:
    """The exit status is the command's."""
    process = start([sys.executable, "-c", f"raise SystemExit({status})"])
    process.communicate(timeout=30)
    assert process.returncode == status


def test_exit_status_when_the_command_is_killed() -> None:
    """A signal is reported as a shell does, by 128 and its number."""
    process = start([sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"])
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGKILL


@pytest.mark.parametrize(("command", "status", "message"), [([], 2, "usage"), (["no-tool"], 127, "no-tool: No")])
def test_message_when_there_is_no_command(command: List[str], status: int, message: str) -> None:
    """A missing command is named."""
    process = start(command)
    assert message in process.communicate(timeout=30)[1]
    assert process.returncode == status


def test_message_when_the_service_does_not_start() -> None:
    """The command is not run, and the service is named after what it had to say."""
    service = f"{sys.executable} -c 'raise SystemExit(\"no luck\")'"
    process = start([sys.executable, "-c", "print('ran')"], wrapper=[*WITH_SERVICE[:3], service])
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, output) == (1, "")
    assert errors.startswith("no luck\n")
    assert "ended before it was listening" in errors


def test_exit_status_when_only_the_service_fails() -> None:
    """A service that does not end well is a failure too."""
    service = (
        f'{sys.executable} -c "import signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); '
        "print('listening on x', file=sys.stderr, flush=True); signal.sigwait([signal.SIGTERM]); sys.exit(7)\""
    )
    process = start([sys.executable, "-c", ""], wrapper=[*WITH_SERVICE[:3], service])
    process.communicate(timeout=30)
    assert process.returncode == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_when_interrupted(number: int) -> None:
    """Ctrl-C, which goes to both, and SIGTERM, which is passed on, let the command finish before the service stops."""
    command = (
        "import os, signal, urllib.request as r\n"
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])\n"
        "print('ready', flush=True)\n"
        f"signal.sigwait([{int(number)}])\n"
        "print('ending', r.urlopen(os.environ['CHECK_IP_URL']).read().decode(), flush=True)\n"
        "raise SystemExit(5)\n"
    )
    process = start([sys.executable, "-c", command])
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    assert checkip.PUBLIC_IP in process.communicate(timeout=30)[0]
    assert process.returncode == 5


def test_command_when_its_end_comes_while_it_is_waited_for() -> None:
    """SIGTERM is passed on, although it interrupts nothing."""
    service = UNBLOCK + " print('listening on x', file=sys.stderr, flush=True); sys.stdin.read()"
    wrapper = [sys.executable, "-c", ELSEWHERE, *WITH_SERVICE[1:3], shlex.join([sys.executable, "-c", service])]
    process = start([sys.executable, "-c", UNBLOCK + " print('ready', flush=True); signal.pause()"], wrapper)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM


def test_service_when_its_standard_input_ends() -> None:
    """It ends as well, so it cannot stay behind when with_service.py is killed."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(FOLDER / "checkip.py")], stdin=pipe, stderr=pipe, text=True) as process:
        assert process.stderr is not None and process.stdin is not None
        assert process.stderr.readline().startswith("checkip  | listening on http://127.0.0.1:")
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_service_when_the_block_ends() -> None:
    """Nothing listens any more."""
    with checkip.serving() as url:
        assert urlopen(url).read() == f"{checkip.PUBLIC_IP}\n".encode()
    with pytest.raises(URLError):
        urlopen(url)
