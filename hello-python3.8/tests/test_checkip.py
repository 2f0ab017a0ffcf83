"""The stand-in for AWS's check-ip service and the command it is made for."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import List
from urllib.error import URLError
from urllib.request import urlopen

import checkip
import pytest

FOLDER = Path(__file__).resolve().parent.parent
ASK = "import os, urllib.request as r; print(r.urlopen(os.environ['CHECK_IP_URL']).read().decode(), end='')"


def start(command: List[str], **environment: str) -> "subprocess.Popen[str]":
    """Start checkip.py with a command; a CHECK_IP_URL of the caller's shell plays no part."""
    inherited = {name: value for name, value in os.environ.items() if name != "CHECK_IP_URL"}
    return subprocess.Popen(
        [sys.executable, str(FOLDER / "checkip.py"), *command],
        env={**inherited, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_command_when_it_asks() -> None:
    """The command finds the service in CHECK_IP_URL and gets an address and a line end, as from AWS."""
    assert start([sys.executable, "-c", ASK]).communicate(timeout=30)[0] == f"{checkip.PUBLIC_IP}\n"


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_when_interrupted(number: int) -> None:
    """Ctrl-C, which goes to both, and SIGTERM, which is handed on, let the command finish before the service stops."""
    command = (
        "import os, signal, urllib.request as r\n"
        f"signal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])\n"
        "print('ready', flush=True)\n"
        f"signal.sigwait([{int(number)}])\n"
        "print('ending', r.urlopen(os.environ['CHECK_IP_URL']).read().decode(), flush=True)\n"
        "raise SystemExit(5)\n"
    )
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / "checkip.py"), sys.executable, "-c", command],
        env={name: value for name, value in os.environ.items() if name != "CHECK_IP_URL"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    assert checkip.PUBLIC_IP in process.communicate(timeout=30)[0]
    assert process.returncode == 5


def test_service_when_the_block_ends() -> None:
    """Nothing listens any more."""
    with checkip.serving() as url:
        assert urlopen(url).read() == f"{checkip.PUBLIC_IP}\n".encode()
    with pytest.raises(URLError):
        urlopen(url)
