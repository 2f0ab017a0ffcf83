"""How many more files and sockets this process can open."""

from __future__ import annotations

import os
import sys
from resource import RLIMIT_NOFILE, getrlimit


def descriptors() -> tuple[int, int]:
    """The limit of open descriptors, and how many more can be opened; a very large number if there is no limit."""
    limit = getrlimit(RLIMIT_NOFILE)[0]
    if limit < 0:
        return sys.maxsize, sys.maxsize
    try:
        used = len(os.listdir("/dev/fd")) - 1  # without the one for the listing itself
    except OSError:
        used = limit
    return limit, limit - used
