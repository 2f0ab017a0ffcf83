"""The tool for a user who cannot start more processes (`ulimit -u`). Root, which runs CI's tests, has no such limit."""

from __future__ import annotations

import errno
import os
import sys

from local_lambda.cli.arguments import main


def refuse(*arguments: object, **options: object) -> int:
    """The system's error in that case."""
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


os.posix_spawn = refuse

if __name__ == "__main__":
    sys.exit(main())
