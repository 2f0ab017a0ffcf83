"""The buffer of a subscription: when a batch is complete, what is dropped, and who is notified."""

from __future__ import annotations

from local_lambda.telemetry.buffer import Buffer, Loss
from local_lambda.telemetry.request import Buffering


class Kept:
    """A buffer, and what it says."""

    def __init__(self, buffering: Buffering, limit: int = 10_000, platform: bool = True) -> None:
        self.begun = self.full = 0
        self.losses: list[tuple[Loss, str | None]] = []
        self.buffer = Buffer(
            buffering,
            limit,
            lambda records: b"[%s]" % b",".join(records),
            lambda loss: b"<%d,%d>" % (loss.records, loss.size) if platform else None,
            self._first,
            self._complete,
            lambda loss, error: self.losses.append((loss, error)),
        )

    def _first(self) -> None:
        self.begun += 1

    def _complete(self) -> None:
        self.full += 1

    @property
    def bodies(self) -> list[bytes]:
        """The complete batches."""
        return [batch.body for batch in self.buffer.batches]


def test_buffer_with_max_items_completes_a_batch() -> None:
    """The third of three records completes the batch."""
    kept = Kept(Buffering(max_items=3))
    for record in (b"1", b"2", b"3", b"4"):
        kept.buffer.add(record)
    assert kept.bodies == [b"[1,2,3]"]
    assert (kept.begun, kept.full, kept.buffer.filling) == (2, 1, True)


def test_buffer_with_max_bytes_never_makes_a_larger_batch() -> None:
    """Bytes are those on the wire; a record that does not fit begins the next batch."""
    kept = Kept(Buffering(max_bytes=9))
    for record in (b"123", b"4567", b"89", b"0123", b"456"):
        kept.buffer.add(record)
    assert kept.bodies == [b"[123]", b"[4567,89]", b"[0123]"]


def test_buffer_with_a_record_larger_than_a_batch_keeps_it_whole() -> None:
    """It is a separate batch; the order is kept."""
    kept = Kept(Buffering(max_bytes=8))
    for record in (b"1", b"x" * 20, b"2"):
        kept.buffer.add(record)
    kept.buffer.seal()
    assert kept.bodies == [b"[1]", b"[%s]" % (b"x" * 20), b"[2]"]


def test_buffer_when_full_drops_the_newest_and_tells_when_one_batch_arrived() -> None:
    """The notice stands where the gap is; the environment learns of losses as they add up to a batch."""
    kept = Kept(Buffering(max_items=3), limit=12)
    for number in range(7):
        kept.buffer.add(b"%d.." % number)
    assert kept.bodies == [b"[0..,1..,2..]"]
    assert kept.losses == [(Loss(3, 9), None)]
    kept.buffer.arrived()
    assert kept.losses == [(Loss(3, 9), None), (Loss(1, 3), None)]
    kept.buffer.add(b"7..")
    kept.buffer.seal()
    assert kept.bodies == [b"[<4,12>,7..]"]
    kept.buffer.arrived()
    assert kept.buffer.held == 0
    assert not kept.buffer.filling


def test_buffer_when_full_without_platform_records_tells_the_environment_only() -> None:
    """A subscriber gets no type it did not ask for."""
    kept = Kept(Buffering(max_items=2), limit=8, platform=False)
    for number in range(3):
        kept.buffer.add(b"%d.." % number)
    kept.buffer.arrived()
    assert kept.losses == [(Loss(1, 3), None)]
    assert not kept.buffer.filling


def test_buffer_that_gives_up_a_notice_tells_its_content_anew() -> None:
    """Losses add up; a lost notice is not itself counted."""
    kept = Kept(Buffering(max_items=2))
    for record in (b"1", b"22", b"3", b"4"):
        kept.buffer.add(record)
    kept.buffer.give_up("no reason")
    assert kept.losses == [(Loss(2, 3), "no reason")]
    kept.buffer.arrived()
    kept.buffer.add(b"5")
    assert kept.bodies == [b"[<2,3>,5]"]
    kept.buffer.give_up("none")
    assert kept.losses[1:] == [(Loss(3, 4), "none")]
    for record in (b"6", b"7"):
        kept.buffer.add(record)
    kept.buffer.arrived()
    kept.buffer.seal()
    assert kept.bodies == [b"[<3,4>]"]
    kept.buffer.arrived()
    assert kept.buffer.held == 0


def test_buffer_whose_notices_alone_are_given_up_feeds_no_loop() -> None:
    """A listener that takes nothing makes no new notices."""
    kept = Kept(Buffering())
    kept.buffer.lost(Loss(1, 1))
    kept.buffer.add(b"1")
    kept.buffer.seal()
    kept.buffer.arrived()
    kept.buffer.seal()
    assert kept.bodies == [b"[<1,1>]"]
    kept.buffer.give_up("none")
    assert not kept.buffer.filling
    assert kept.buffer.held == 0
