"""The order service: it prices and reserves each item of an order, and responds with what worked and what did not.

POST /orders ─► handler ─┬─ add_line, per item ─┬─ get_price   HTTP, retried
                         │                      └─ reserve     FUNC: the warehouse responds
                         └─ ship                               EVENT: fire and forget
"""

import uuid
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Dict, Optional

from aws_lambda_powertools import Tracer
from aws_lambda_powertools.logging import correlation_paths

from app.models import Customer, Item, Order
from pypwext.base import InfoClassification, LogEntryType
from pypwext.errors import ErrorAction, PyPwExtErrorHandler, PyPwExtErrorWithReturn, PyPwExtHTTPError, StdPyPwExtError
from pypwext.pwhttp import LambdaResponse, PyPwExtHTTPSession, PyPwExtRetry
from pypwext.pwlogging import PyPwExtLogger
from pypwext.service import PyPwExtResponse, PyPwExtService

# Created once in each execution environment. Names and levels come from environment variables: see template.yaml.
logger = PyPwExtLogger(default_logger=True)
errors = PyPwExtErrorHandler()
service = PyPwExtService()
http = PyPwExtHTTPSession(logger=logger, retry=PyPwExtRetry(total=5, backoff_factor=0.1))
tracer = Tracer(patch_modules=["botocore", "requests"])  # each call to another system becomes a part of the trace


@service.handler(just_status_code=False)
@tracer.capture_lambda_handler(capture_response=False)
@logger.inject_lambda_context(correlation_id_path=correlation_paths.API_GATEWAY_HTTP)
@logger.method(operation="create-order", type=LogEntryType.AUDIT, classification=InfoClassification.PII)
def handler(event: Dict[str, Any], context: Any) -> PyPwExtResponse:
    """Answer POST /orders."""
    order = service.parse(event, Order)
    customer = identify(order.customer)
    lines = [line for line in map(add_line, order.items) if line is not None]
    if lines:
        ship({"action": "ship", "order": order.pypwext_id, "skus": [line["sku"] for line in lines]})
    total = sum((line["price"] for line in lines), Decimal())
    return PyPwExtResponse(HTTPStatus.CREATED, order=order.pypwext_id, customer=customer, lines=lines, total=total)


@logger.method(operation="identify-customer", classification=InfoClassification.PII)
def identify(customer: Customer) -> str:
    """Return the number under which a customer is known. Its rows show a person, so they are labeled."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{customer.email}"))


@errors.collect
@logger.method(operation="add-line", log_exception=False)
def add_line(item: Item) -> Dict[str, Any]:
    """Return a line of the order. An item that is not available becomes a collected error, and the next one follows."""
    price = get_price(item.sku)
    reserve({"action": "reserve", "sku": item.sku, "quantity": item.quantity})
    return {"sku": item.sku, "quantity": item.quantity, "price": price * item.quantity}


@http.method(url="{PRICES_URL}/prices/{sku}")
def get_price(sku: str, response_body: Optional[Dict[str, Any]] = None, response_code: int = 0) -> Decimal:
    """Return the price of one piece. While the price list is busy, the session asks again."""
    if response_code == HTTPStatus.NOT_FOUND:
        raise PyPwExtErrorWithReturn(f"There is no {sku}", code=HTTPStatus.NOT_FOUND, details={"sku": sku})
    if response_code != HTTPStatus.OK or response_body is None:
        raise PyPwExtHTTPError("The price list does not answer", code=HTTPStatus.BAD_GATEWAY, details={"sku": sku})
    return Decimal(response_body["price"])


@http.method(method="FUNC", url="{WAREHOUSE_FUNCTION}", body="reservation")
def reserve(reservation: Dict[str, Any], response: Optional[LambdaResponse] = None) -> None:
    """Ask the warehouse to put something aside, and wait for its response."""
    sku = reservation["sku"]
    if response is None or response.failed:
        raise PyPwExtHTTPError("The warehouse does not answer", code=HTTPStatus.BAD_GATEWAY, details={"sku": sku})
    answer = response.payload_as_dict()
    if not answer["reserved"]:
        raise StdPyPwExtError(
            f"Not enough of {sku}",
            code=HTTPStatus.CONFLICT,
            action=ErrorAction.CONTINUE,
            details={"sku": sku, "left": answer["left"]},
        )


@errors.collect
@http.method(method="EVENT", url="{WAREHOUSE_FUNCTION}", body="shipment")
def ship(shipment: Dict[str, Any], response_code: int = 0) -> None:
    """Tell the warehouse what to send, without waiting for it."""
    if response_code != HTTPStatus.ACCEPTED:
        raise PyPwExtErrorWithReturn("The shipment will be late", code=HTTPStatus.SERVICE_UNAVAILABLE)
