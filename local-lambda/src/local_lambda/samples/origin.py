"""What all sample events have in common: where and when they come from, and their ids."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import uuid4

from local_lambda.functions.config import ACCOUNT_ID, REGION, partition


class Origin(NamedTuple):
    """The region and account of an event, and its time in seconds since the epoch."""

    now: float
    region: str = REGION
    account: str = ACCOUNT_ID

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource here."""
        return f"arn:{partition(self.region)}:{service}:{self.region}:{self.account}:{resource}"

    @property
    def milliseconds(self) -> int:
        """The time in milliseconds since the epoch."""
        return int(self.now * 1000)

    def iso(self, timespec: str = "milliseconds") -> str:
        """The time as `2026-01-31T12:00:00.000Z`."""
        moment = datetime.fromtimestamp(self.now, UTC).replace(tzinfo=None)
        return f"{moment.isoformat(timespec=timespec)}Z"

    def clock(self) -> str:
        """The time as access logs have it: `31/Jan/2026:12:00:00 +0000`."""
        return datetime.fromtimestamp(self.now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")


def new_id() -> str:
    """A new UUID."""
    return str(uuid4())


def new_hex(digits: int) -> str:
    """That many random hexadecimal digits."""
    return (uuid4().hex * (digits // 32 + 1))[:digits]
