"""Two shortcuts in moto's SQS, which otherwise takes nearly all of the time of an event source.

It asks for the time by way of a date for each message of a queue, several times in each call, and it counts all
messages of a queue for each message that it hands out.
"""

from __future__ import annotations

from datetime import datetime
from time import time
from typing import Any


def shorten() -> None:
    """Let moto read the clock directly, and look up the retention period alone to see if a message has expired."""
    from moto.sqs import models

    slow = models.unix_time_millis

    def milliseconds(moment: datetime | None = None) -> float:
        return time() * 1000 if moment is None else slow(moment)

    def is_kept(self: Any, queue_name: str, message: Any) -> bool:
        period = int(self.get_queue(queue_name).message_retention_period)
        return bool(period + message.sent_timestamp / 1000 > time())

    models.unix_time_millis = milliseconds
    models.SQSBackend.is_message_valid_based_on_retention_period = is_kept
