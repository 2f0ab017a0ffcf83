"""The worker: charges the orders of a batch, each of them once, and reports those that it could not charge."""

import json
import logging
from typing import Any, Dict

from app import bank, guard

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def lambda_handler(event: Any, context: Any) -> Dict[str, Any]:
    """Lambda deletes the messages of the batch from the queue, except those that the response names."""
    failures = []
    for record in event["Records"]:
        order = None
        try:
            order = json.loads(record["body"])
            process(order, context)
        except Exception as error:
            # One message must not decide about the others: note it, and continue with the next.
            name = order["id"] if isinstance(order, dict) and "id" in order else "not an order"
            logger.error("failed: %s, message %s: %s: %s", name, record["messageId"], type(error).__name__, error)
            failures.append({"itemIdentifier": record["messageId"]})
    logger.info("batch of %d, %d failed", len(event["Records"]), len(failures))
    return {"batchItemFailures": failures}


def process(order: Dict[str, Any], context: Any) -> None:
    """Charge the customer, unless that has been done; raise if it has to be tried again."""
    # The id comes from the sender: it stays the same when a message is delivered, or sent, twice.
    if guard.claim(order["id"], context.get_remaining_time_in_millis() / 1000):
        bank.charge(order["customer"], order["amount"])
        guard.finish(order["id"])
        logger.info("charged: %s", order["id"])
    else:
        logger.info("skipped: %s has been charged before", order["id"])
