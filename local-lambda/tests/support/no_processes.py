"""The tool for a user who may start no further process (`ulimit -u`): root, who runs tests in CI, has no such limit."""

from __future__ import annotations

import errno
import os
import sys

from local_lambda.cli.arguments import main


def refuse(*arguments: object, **options: object) -> int:
    """What the system says then."""
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


os.posix_spawn = refuse

if __name__ == "__main__":
    sys.exit(main())
