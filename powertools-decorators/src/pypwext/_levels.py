"""The level below DEBUG, and the severity of rows that a decorator writes.

The name is registered when this module is imported: a logger that is created with `level="VERBOSE"` needs it in its
constructor.
"""

from __future__ import annotations

import functools
import logging
import os
from typing import Optional, Union

VERBOSE: int = logging.DEBUG - 1

logging.addLevelName(VERBOSE, "VERBOSE")


def parse_level(level: Union[str, int, None]) -> Optional[int]:
    """Return the number of a level given as number, name or digits; None for anything else."""
    if isinstance(level, int):
        return level
    return _parse_name(level) if level else None


@functools.lru_cache(maxsize=64)
def _parse_name(name: str) -> Optional[int]:
    known = logging.getLevelName(name.strip().upper())
    if isinstance(known, int):
        return known
    try:
        return int(name)
    except ValueError:
        return None


def get_row_level(level: Union[str, int, None], default: int) -> int:
    """Return the severity of a row: the given level, else `LOG_LEVEL` when that is INFO or lower, else default.

    `LOG_LEVEL=INFO` makes the DEBUG rows visible by lifting them. `LOG_LEVEL=ERROR` is a wish for silence: rows
    written at that severity would raise an alarm for each call.
    """
    given = parse_level(level)
    if given is not None:
        return given
    wanted = parse_level(os.environ.get("LOG_LEVEL"))
    return wanted if wanted is not None and wanted <= logging.INFO else default
