"""Run a command next to a service, for as long as the command runs. The same file in every example that needs it.

    python with_service.py VARIABLE "SERVICE [ARGUMENT...]" COMMAND [ARGUMENT...]

SERVICE is a command that says `listening on URL` on standard error; COMMAND finds that URL in VARIABLE. If VARIABLE is
set already, there is a service, and only COMMAND runs. The service is stopped with SIGTERM, as a container is.

What the service says is printed, and is then in the file SERVICE_LOG for COMMAND, which can wait there for a line.
"""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from typing import IO, List

# Python handles a signal between two steps of a program. One that comes just before a call that waits would be handled
# when that call ends, perhaps never. So nothing waits here but a read from this pipe, which signals write to. And they
# are noted, and do nothing else: an exception could come between any two steps.
WOKEN, WAKE = os.pipe()
os.set_blocking(WAKE, False)
CAME: List[int] = []


def main(arguments: List[str]) -> int:
    """Run both; return the command's exit status as a shell would, or 1 if only the service failed."""
    if len(arguments) < 3:
        print('usage: with_service.py VARIABLE "SERVICE [ARGUMENT...]" COMMAND [ARGUMENT...]', file=sys.stderr)
        return 2
    signal.set_wakeup_fd(WAKE)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, note)
    variable, service, *command = arguments
    if variable in os.environ:
        return run(command)
    program, pipe = shlex.split(service), subprocess.PIPE
    try:
        # In a separate session, where Ctrl-C does not reach it: it has to outlive the command.
        started = subprocess.Popen(program, stdin=pipe, stderr=pipe, errors="replace", start_new_session=True)
    except OSError as error:
        print(f"with_service.py: {program[0]}: {error.strerror}", file=sys.stderr)
        return 127
    with started as process:
        log, copy = os.pipe()
        os.set_blocking(copy, False)  # a command that does not read must not hold up the service
        said: List[str] = []
        reader = threading.Thread(target=pass_on, args=(process.stderr, said, copy))
        reader.start()
        try:
            while not said and not CAME:
                os.read(WOKEN, 1)
            if CAME:
                return 128 + CAME[0]
            if not said[0]:
                print(f"with_service.py: {service}: ended before it was listening", file=sys.stderr)
                return 1
            os.environ.update({variable: said[0], "SERVICE_LOG": f"/dev/fd/{log}"})
            status = run(command, log)
        finally:
            process.terminate()
            reader.join()
            os.close(log)
    return status or int(process.returncode not in (0, -signal.SIGTERM))


def note(number: int, _: object) -> None:
    """Note a signal, and wake up once more: the first byte is there before it is noted."""
    CAME.append(number)
    os.write(WAKE, b"\0")


def run(command: List[str], *descriptors: int) -> int:
    """Run the command, with these open files; SIGTERM, or the end of the terminal, ends it first."""
    try:
        process = subprocess.Popen(command, pass_fds=descriptors)
    except OSError as error:
        print(f"with_service.py: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    while process.poll() is None:
        os.read(WOKEN, 1)
        while CAME:
            if CAME.pop() != signal.SIGINT:  # Ctrl-C reaches the command too, which then ends in its own time
                process.terminate()
    status: int = process.returncode
    return status if status >= 0 else 128 - status


def pass_on(output: IO[str], said: List[str], copy: int) -> None:
    """Print what the service prints. Its URL is put into `said`, and at its end an empty text.

    Each line after that with the URL is then written to `copy`, which is closed at the end. What does not fit is lost.
    """
    for line in output:
        with contextlib.suppress(OSError):  # nobody reads it any more, but the service must not notice
            print(line, end="", file=sys.stderr, flush=True)
        found = None if said else re.search(r"listening on (\S+)", line)
        if found:
            said.append(found[1])
            os.write(WAKE, b"\0")
        elif said:
            with contextlib.suppress(BlockingIOError):
                os.write(copy, line.encode())
    os.close(copy)
    said.append("")
    os.write(WAKE, b"\0")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
