"""Adds up an order: what each item costs, times how many there are."""

import json
import logging
import os

logger = logging.getLogger()
logger.setLevel(logging.INFO)


def handler(event, context):
    """An order, sent to the route POST /orders or as the event itself; returns its total."""
    order = json.loads(event["body"]) if "body" in event else event
    total = add_up(order["items"])
    logger.info("%d items for %s cost %s", len(order["items"]), order.get("customer"), total)
    return {"total": total, "currency": os.environ["CURRENCY"]}


def add_up(items):
    """The price of all items; one without a count is there once."""
    return sum(item["price"] * item.get("count", 1) for item in items)
