"""The warehouse: another Lambda function, which the order service calls by its name."""

from typing import Any, Dict

from aws_lambda_powertools import Tracer

from pypwext.base import LogEntryType
from pypwext.pwlogging import PyPwExtLogger

logger = PyPwExtLogger()
tracer = Tracer(auto_patch=False)

# A real one would ask a database. The desks have not been counted yet, which the code below does not expect.
STOCK: Dict[str, Any] = {"lamp": 10, "chair": 1, "desk": None, "sofa": 5}


@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context
def handler(event: Dict[str, Any], context: Any) -> Dict[str, Any]:
    """Do what the event's `action` says. Not an HTTP event: the caller is another function."""
    if event["action"] == "reserve":
        return reserve(event["sku"], event["quantity"])
    return ship(event["order"], event["skus"])


@logger.method(operation="reserve")
def reserve(sku: str, quantity: int) -> Dict[str, Any]:
    """Put quantity pieces aside, if there are as many."""
    left = STOCK.get(sku, 0)
    return {"reserved": left >= quantity, "left": left}


@logger.method(operation="ship", type=LogEntryType.AUDIT)
def ship(order: str, skus: Any) -> Dict[str, Any]:
    """Send the goods. The caller does not wait for the response, so look for it in the log."""
    return {"order": order, "parcels": len(skus)}
