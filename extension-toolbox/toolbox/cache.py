"""The cache of tool 1: what it keeps, for how long, and what it does when AWS is out of reach."""

import math
import threading
import time
from collections import defaultdict
from typing import Callable, DefaultDict, Dict, Tuple

RETRY_SECONDS = 5  # while AWS is out of reach, ask it so often


class Cache:
    """Keeps what `fetch` returned for so many seconds."""

    def __init__(self, fetch: Callable[[str], bytes], seconds: float) -> None:
        self.fetch, self.seconds = fetch, seconds
        self.values: Dict[str, Tuple[bytes, float]] = {}
        self.locks: DefaultDict[str, threading.Lock] = defaultdict(threading.Lock)
        self.failures: Dict[str, Tuple[str, float]] = {}
        """The reason of the last failure for a value, and when to ask again."""
        self.hits = self.misses = 0
        self.expires = True

    def get(self, key: str) -> Tuple[bytes, float]:
        """Return a value and its age in seconds; raises OSError if there is none."""
        with self.locks[key]:  # two threads that ask for the same value make one call
            since = self.values[key][1] if key in self.values else -math.inf
            # The age is checked when a request comes, with the time of day. A timer would stand still while frozen.
            if time.time() - since >= (self.seconds if self.expires else math.inf):
                self.refresh(key)
            else:
                self.hits += 1
            if key not in self.values:
                raise OSError(self.failures[key][0])
            value, since = self.values[key]
            return value, time.time() - since

    def refresh(self, key: str) -> None:
        """Get the value of today, unless an attempt has failed a moment ago."""
        if key in self.failures and time.time() < self.failures[key][1]:
            return
        self.misses += 1
        try:
            self.values[key] = self.fetch(key), time.time()
        except OSError as error:
            self.failures[key] = str(error), time.time() + RETRY_SECONDS
            consequence = "the old value has to do" if key in self.values else "there is no old value"
            print(f"[config-cache] {key}: {error}; {consequence}", flush=True)

    def refresh_in_background(self) -> None:
        """The usual way elsewhere, and wrong here: this thread is frozen, too, and wakes up with the next event."""
        self.expires = False
        while True:
            time.sleep(self.seconds)
            for key in list(self.values):
                self.refresh(key)
