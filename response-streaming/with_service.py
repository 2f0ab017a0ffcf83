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
from typing import IO, List, Optional


def main(arguments: List[str]) -> int:
    """Run both; return the command's exit status as a shell would, or 1 if only the service failed."""
    if len(arguments) < 3:
        print('usage: with_service.py VARIABLE "SERVICE [ARGUMENT...]" COMMAND [ARGUMENT...]', file=sys.stderr)
        return 2
    variable, service, *command = arguments
    if variable in os.environ:
        return run(command)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    program, pipe = shlex.split(service), subprocess.PIPE
    try:
        # In a separate session, where Ctrl-C does not reach it: it has to outlive the command.
        started = subprocess.Popen(program, stdin=pipe, stderr=pipe, text=True, start_new_session=True)
    except OSError as error:
        print(f"with_service.py: {program[0]}: {error.strerror}", file=sys.stderr)
        return 127
    with started as process:
        assert process.stderr is not None
        try:
            url = pass_on(process.stderr, r"listening on (\S+)")
            if not url:
                print(f"with_service.py: {service}: ended before it was listening", file=sys.stderr)
                return 1
            log, copy = os.pipe()
            os.set_blocking(copy, False)  # a command that does not read must not hold up the service
            rest = threading.Thread(target=pass_on, args=(process.stderr, "", copy))
            rest.start()
            os.environ.update({variable: url, "SERVICE_LOG": f"/dev/fd/{log}"})
            status = run(command, log)
        finally:
            process.terminate()
        rest.join()
        os.close(log)
    return status or int(process.returncode not in (0, -signal.SIGTERM))


def run(command: List[str], *descriptors: int) -> int:
    """Run the command, with these open files; SIGTERM, or the end of the terminal, ends it first."""
    # Ctrl-C reaches the command too, which then ends in its own time: wait for it.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        process = subprocess.Popen(command, pass_fds=descriptors)
    except OSError as error:
        print(f"with_service.py: {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: process.terminate())
    status = process.wait()
    return status if status >= 0 else 128 - status


def pass_on(output: IO[str], until: str = "", copy: Optional[int] = None) -> str:
    """Print what the service prints, up to a line that matches, if any may; return what matched there, or ''.

    Each printed line is then written to `copy`, which is closed at the end. What does not fit there is lost.
    """
    for line in output:
        with contextlib.suppress(BrokenPipeError):  # nobody reads it any more, but the service must not notice
            print(line, end="", file=sys.stderr, flush=True)
        found = re.search(until, line) if until else None
        if found:
            return found[1]
        if copy is not None:
            with contextlib.suppress(BlockingIOError):
                os.write(copy, line.encode())
    if copy is not None:
        os.close(copy)
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
