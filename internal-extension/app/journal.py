"""A resource that has to be closed: an SQLite database with visits that have not been committed yet.

A commit waits for the disk, so committing once for many visits is much cheaper. The price: if the process ends without
a commit, the pending visits are lost.
"""

import sqlite3
import threading
import time


class Journal:
    """Visits in the database file `path`. They are pending until `close` commits them."""

    def __init__(self, path: str) -> None:
        # By default SQLite refuses to be closed by a different thread. It is safe as long as one thread at a time uses
        # the connection, which is what the lock is for.
        self._connection = sqlite3.connect(path, check_same_thread=False)
        self._lock = threading.Lock()
        self._pending = 0
        with self._connection:
            self._connection.execute("CREATE TABLE IF NOT EXISTS visits (name TEXT NOT NULL)")

    def add(self, name: str) -> int:
        """Add a visit; return how many are pending."""
        with self._lock:
            self._connection.execute("INSERT INTO visits VALUES (?)", (name,))
            self._pending += 1
            return self._pending

    def close(self) -> None:
        """Commit what is pending and close the database."""
        began = time.perf_counter()
        with self._lock:
            self._connection.commit()
            self._connection.close()
        milliseconds = (time.perf_counter() - began) * 1000
        print(f"[journal] visits committed: {self._pending}, in {milliseconds:.1f} ms", flush=True)
