"""The records that wait for one subscriber, as batches ready to send. If there are too many, records are dropped.

It has no clock, socket or task: the owner of the buffer decides when a batch is due, and reports what became of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from local_lambda.telemetry.request import Buffering


@dataclass(slots=True)
class Loss:
    """A number of records, and their bytes."""

    records: int = 0
    size: int = 0

    def add(self, other: Loss) -> None:
        """Add the counts of `other`."""
        self.records += other.records
        self.size += other.size


@dataclass(frozen=True, slots=True)
class Batch:
    """Records, encoded as the bytes that are sent."""

    body: bytes
    held: int
    worth: Loss
    """What is lost if it does not arrive: its records and, instead of its notices, the losses they report."""


@dataclass(slots=True)
class Buffer:
    """At most `limit` bytes of records, in order.

    `frame` makes the body of a batch. `notice` makes the record that reports a loss to the subscriber, or None if the
    subscriber did not ask for such records. `on_first` is called when a batch begins, `on_full` when one is complete.
    `on_lost(loss, error)` gets the losses; those by overflow (`error` is None) come at most once per batch's worth.
    """

    buffering: Buffering
    limit: int
    frame: Callable[[Sequence[bytes]], bytes]
    notice: Callable[[Loss], bytes | None]
    on_first: Callable[[], None]
    on_full: Callable[[], None]
    on_lost: Callable[[Loss, str | None], None]
    batches: deque[Batch] = field(default_factory=deque)
    """Complete batches, oldest first."""
    held: int = 0
    """Bytes of everything that waits."""
    _records: list[bytes] = field(default_factory=list)
    _size: int = 1  # bytes of the batch that is being filled, with its brackets and commas
    _notices: Loss = field(default_factory=Loss)  # the losses its notices report, less the notices themselves
    _untold: Loss = field(default_factory=Loss)
    _unreported: Loss = field(default_factory=Loss)
    _max_items: int = 0
    _max_bytes: int = 0

    def __post_init__(self) -> None:
        self._max_items, self._max_bytes = self.buffering.max_items, self.buffering.max_bytes

    @property
    def filling(self) -> bool:
        """Whether a batch has been begun and is not complete."""
        return bool(self._records)

    def add(self, record: bytes) -> None:
        """Take a record. If the buffer is full, the record is dropped and counted."""
        size = len(record) + 1
        if self.held + size > self.limit and self.held:
            self._overflow(size - 1)
            return
        if self._size + size > self._max_bytes and self._records:
            self.seal()
        records = self._records
        if not records:
            self.on_first()
        records.append(record)
        self.held += size
        self._size += size
        # A record over the size limit of a batch is sent whole and alone. The service cuts it into invalid JSON.
        if self._size >= self._max_bytes or len(records) >= self._max_items:
            self.seal()

    def seal(self) -> None:
        """Complete the batch that is being filled, because it is due."""
        records, self._records = self._records, []
        held, self._size = self._size - 1, 1
        worth, self._notices = self._notices, Loss()
        worth.add(Loss(len(records), held - len(records)))
        self.batches.append(Batch(self.frame(records), held, worth))
        self.on_full()

    def arrived(self) -> None:
        """The first batch was delivered: the listener is healthy, and gets a notice of what it missed."""
        self.held -= self.batches.popleft().held
        if self._untold.records:
            self.report()
            loss, self._untold = self._untold, Loss()
            notice = self.notice(loss)
            if notice is not None:
                self._add_notice(notice, loss)

    def _add_notice(self, notice: bytes, loss: Loss) -> None:
        if self._records and self._size + len(notice) + 1 > self._max_bytes:
            self.seal()
        self._notices.add(Loss(loss.records - 1, loss.size - len(notice)))
        self.held, held = 0, self.held  # so that the notice itself is not dropped
        self.add(notice)
        self.held += held

    def give_up(self, error: str) -> None:
        """Drop the first batch because of `error`. The subscriber gets a notice once a later batch has arrived."""
        self.report()
        batch = self.batches.popleft()
        self.held -= batch.held
        self._untold.add(batch.worth)
        self.on_lost(batch.worth, error)

    def give_up_all(self, error: str) -> None:
        """Drop everything that waits."""
        if self._records:
            self.seal()
        while self.batches:
            self.give_up(error)

    def lost(self, loss: Loss) -> None:
        """Records were lost before they reached the buffer; the subscriber gets a notice once a batch has arrived."""
        self._untold.add(loss)

    def _overflow(self, size: int) -> None:
        loss = Loss(1, size)
        self._untold.add(loss)
        self._unreported.add(loss)
        if self._unreported.size >= self._max_bytes or self._unreported.records >= self._max_items:
            self.report()

    def report(self) -> None:
        """Report the losses by overflow that have not been reported yet."""
        if self._unreported.records:
            loss, self._unreported = self._unreported, Loss()
            self.on_lost(loss, None)
