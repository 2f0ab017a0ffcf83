"""A resource that has to be closed: an SQLite database with visits that have not been committed yet.

A commit waits for the disk, so it is much cheaper to commit once for many visits. The price: whoever ends the process
without a commit loses what is pending.
"""

import sqlite3
import threading
import time


class Journal:
    """Visits in the database file `path`. They are pending until `close` commits them."""

    def __init__(self, path: str) -> None:
        # SQLite would refuse to be closed by another thread than this one. It is safe as long as one thread at a time
        # uses the connection, so that is what the lock is for.
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
