"""A shortcut in moto's SQS: it counts all messages of a queue for each message that it hands out.

With 1,000 messages in the queue, that took three quarters of the time of receiving them.
"""

from __future__ import annotations

from typing import Any


def receive_faster() -> None:
    """Let moto look up the retention period alone when it checks whether a message has expired."""
    from moto.core.utils import unix_time
    from moto.sqs.models import SQSBackend

    def is_kept(self: Any, queue_name: str, message: Any) -> bool:
        period = int(self.get_queue(queue_name).message_retention_period)
        return bool(period + message.sent_timestamp / 1000 > unix_time())

    SQSBackend.is_message_valid_based_on_retention_period = is_kept
