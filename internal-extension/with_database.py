"""Run a command with a new database, and tell afterwards what is in it.

    python with_database.py COMMAND [ARGUMENT...]

The command finds the path in its variable DATABASE_PATH. The file is not in /tmp, because that belongs to the execution
environment and goes when it goes: here somebody wants to look at what it has left.
"""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from typing import Iterator, List

FOLDER = "/var/tmp"


@contextmanager
def new_database() -> Iterator[str]:
    """The path of a database that is not there yet; it is removed when the block ends."""
    with tempfile.TemporaryDirectory(prefix="internal-extension-", dir=FOLDER) as folder:
        yield os.path.join(folder, "journal.sqlite3")


def count_visits(path: str) -> int:
    """Count what has been committed. SQLite itself removes what a process had pending when it was killed."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM visits").fetchone()[0])
    finally:
        connection.close()


def main(command: List[str]) -> int:
    """Run the command and return its exit status, as a shell would report it."""
    if not command:
        print("usage: with_database.py COMMAND [ARGUMENT...]", file=sys.stderr)
        return 2
    # Ctrl-C reaches the command as well, which then ends in its own time: wait for it instead of dying first.
    signal.signal(signal.SIGINT, lambda *_: None)
    with new_database() as path:
        try:
            process = subprocess.Popen(command, env={**os.environ, "DATABASE_PATH": path})
        except OSError as error:
            print(f"with_database.py: {command[0]}: {error.strerror}", file=sys.stderr)
            return 127
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        status = process.wait()
        if os.path.exists(path):
            print(f"Visits in the database: {count_visits(path)}", flush=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
