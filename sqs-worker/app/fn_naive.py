"""The worker as one would write it first: it charges the orders of a batch, and fails if one of them fails."""

import json
import logging
from typing import Any

from app import bank

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def lambda_handler(event: Any, context: Any) -> None:
    """Lambda deletes all messages of the batch from the queue, or none if an exception leaves this function."""
    for record in event["Records"]:
        order = json.loads(record["body"])
        bank.charge(order["customer"], order["amount"])
        logger.info("charged: %s", order["id"])
