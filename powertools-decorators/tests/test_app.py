"""The example's functions alone: the price list is the test's server, and so is Lambda."""

import base64
import io
import json
import logging
from pathlib import Path

import pytest

from conftest import Answer
from pypwext import _reported

pytest.importorskip("pydantic", minversion="2", reason="pydantic 2 is not installed")
pytest.importorskip("aws_xray_sdk", reason="aws-xray-sdk is not installed")

EVENTS = Path(__file__).parent.parent / "events"
WAREHOUSE = "/2015-03-31/functions/pypwext-warehouse/invocations"
RESERVED = Answer(200, b'{"reserved": true, "left": 10}')
SHIPPED = Answer(202, b"")


def price(amount):
    return Answer(200, json.dumps({"price": amount}).encode())


@pytest.fixture
def orders(environment, server, sleeps):
    """The module of the order service, with everything it talks to played by the server."""
    environment.setenv("POWERTOOLS_SERVICE_NAME", "orders")
    environment.setenv("LOG_LEVEL", "INFO")
    environment.setenv("PRICES_URL", server.url)
    environment.setenv("WAREHOUSE_FUNCTION", "pypwext-warehouse")
    environment.setenv("AWS_ENDPOINT_URL_LAMBDA", server.url)
    import app.orders

    app.orders.http.lambda_client = None  # the endpoint of the test before is gone
    environment.setattr(_reported, "_default_logger", app.orders.logger)
    return app.orders


@pytest.fixture
def rows(orders):
    """Read the rows the order service has written."""
    from pypwext.pwlogging import PyPwExtLogger

    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    PyPwExtLogger(service=orders.logger.service, logger_handler=handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger(orders.logger.service).removeHandler(handler)


def read_event(name):
    return json.loads((EVENTS / f"{name}.json").read_text())


def invoke(orders, context, name):
    answer = orders.handler(read_event(name), context)
    assert json.loads(json.dumps(answer)) == answer
    return answer["statusCode"], json.loads(answer["body"])


def test_order_is_accepted_when_everything_is_there(orders, server, context):
    """201, with a line for each item and the sum; the warehouse has been asked and told."""
    server.script("/prices/lamp", Answer(503), Answer(503), price("12.25"))
    server.script("/prices/chair", price("49.00"))
    server.script(WAREHOUSE, RESERVED, RESERVED, SHIPPED)
    status, body = invoke(orders, context, "success")
    assert status == 201
    assert body["order"] == "order-1"
    assert body["total"] == "73.50"
    assert [line["price"] for line in body["lines"]] == ["24.50", "49.00"]
    assert "error" not in body
    calls = [request for request in server.received if request.path == WAREHOUSE]
    assert [call.headers.get("X-Amz-Invocation-Type") for call in calls][2] == "Event"
    assert [json.loads(call.body)["action"] for call in calls] == ["reserve", "reserve", "ship"]
    assert [request.path for request in server.received].count("/prices/lamp") == 3


def test_order_is_answered_in_part_when_items_are_missing(orders, server, context, rows):
    """409, the highest code; the line that can be had, an error for each of the others, and a row for each."""
    server.script("/prices/lamp", price("12.25"))
    server.script("/prices/chair", price("49.00"))
    server.script("/prices/table", Answer(404))
    server.script(WAREHOUSE, RESERVED, Answer(200, b'{"reserved": false, "left": 1}'), SHIPPED)
    status, body = invoke(orders, context, "partial-failure")
    assert status == 409
    assert [line["sku"] for line in body["lines"]] == ["lamp"]
    assert [(error["code"], error["details"]["sku"]) for error in body["error"]] == [(409, "chair"), (404, "table")]
    assert [row["message"]["error"]["code"] for row in rows() if row["level"] == "WARNING"] == [409, 404]


def test_order_is_refused_when_it_is_no_order(orders, server, context):
    """400, with the places; no other service is called."""
    status, body = invoke(orders, context, "validation-error")
    assert status == 400
    assert [e["loc"] for e in body["error"]["details"]["errors"]] == ["customer.email", "items.0.quantity"]
    assert server.received == []


def test_order_fails_when_warehouse_crashes(orders, server, context):
    """502: the caller learns who does not answer, not why."""
    server.script("/prices/lamp", price("12.25"))
    server.script("/prices/desk", price("120.00"))
    crash = Answer(200, b'{"errorMessage": "secret"}', {"X-Amz-Function-Error": "Unhandled"})
    server.script(WAREHOUSE, RESERVED, crash)
    status, body = invoke(orders, context, "warehouse-crash")
    assert status == 502
    assert body["error"]["details"] == {"sku": "desk"}
    assert "secret" not in json.dumps(body)


@pytest.mark.parametrize("answer", [Answer(500), Answer(200, b"")])
def test_order_fails_when_price_list_does_not_answer(orders, server, context, answer):
    """502 as well, after all retries."""
    server.script("/prices/sofa", answer)
    status, body = invoke(orders, context, "crash")
    assert status in (502, 500)
    assert "lines" not in body


def test_order_fails_when_code_is_wrong(orders, server, context, rows):
    """500 without a reason for the caller; the row has the traceback."""
    server.script("/prices/sofa", price("on request"))
    assert invoke(orders, context, "crash") == (500, {"error": "Internal Server Error"})
    errors = [row for row in rows() if row["level"] == "ERROR"]
    assert [row["exception_name"] for row in errors] == ["InvalidOperation"]


def test_order_is_accepted_when_shipment_is_late(orders, server, context):
    """The customer has an order, although telling the warehouse failed; the status says that something did."""
    server.script("/prices/lamp", price("12.25"))
    server.script("/prices/chair", price("49.00"))
    server.script(
        WAREHOUSE, RESERVED, RESERVED, Answer(400, b"{}", {"X-Amzn-ErrorType": "InvalidRequestContentException"})
    )
    status, body = invoke(orders, context, "success")
    assert status == 503
    assert len(body["lines"]) == 2
    assert body["error"]["msg"] == "The shipment will be late"


def test_rows_are_marked_when_they_show_a_person(orders, server, context, rows):
    """Audit and personal data differ from other rows, and each has the request ID and the correlation ID."""
    server.script("/prices/lamp", price("12.25"))
    server.script("/prices/chair", price("49.00"))
    server.script(WAREHOUSE, RESERVED, RESERVED, SHIPPED)
    invoke(orders, context, "success")
    for row in rows():
        shows_person = "ada@example.com" in json.dumps(row["message"])
        assert not shows_person or row["classification"] == "PII"
        assert row["correlation_id"] == "request-1"
    audit = [row["message"]["msg"] for row in rows() if row.get("type") == "AUDIT"]
    assert audit == ["Entering handler", "Exiting handler"]


def test_order_is_read_when_body_is_base64(orders, server, context):
    """A gateway may encode the body."""
    server.script("/prices/sofa", Answer(404))
    event = read_event("crash")
    event.update(body=base64.b64encode(event["body"].encode()).decode(), isBase64Encoded=True)
    assert orders.handler(event, context)["statusCode"] == 404


class TestWarehouse:
    @pytest.fixture
    def warehouse(self, environment):
        environment.setenv("POWERTOOLS_SERVICE_NAME", "warehouse")
        import app.warehouse

        return app.warehouse

    @pytest.mark.parametrize(
        ("sku", "quantity", "answer"),
        [
            ("lamp", 10, {"reserved": True, "left": 10}),
            ("lamp", 11, {"reserved": False, "left": 10}),
            ("table", 1, {"reserved": False, "left": 0}),
        ],
    )
    def test_goods_are_reserved_when_there_are_enough(self, warehouse, context, sku, quantity, answer):
        """The warehouse tells what is left."""
        event = {"action": "reserve", "sku": sku, "quantity": quantity}
        assert warehouse.handler(event, context) == answer

    def test_parcels_are_counted_when_shipped(self, warehouse, context):
        """Shipping takes an order and its articles."""
        event = {"action": "ship", "order": "order-1", "skus": ["lamp", "chair"]}
        assert warehouse.handler(event, context) == {"order": "order-1", "parcels": 2}

    def test_function_crashes_when_shelf_was_never_counted(self, warehouse, context):
        """The bug the example is meant to show."""
        with pytest.raises(TypeError):
            warehouse.handler({"action": "reserve", "sku": "desk", "quantity": 1}, context)


@pytest.mark.parametrize("name", ["crash", "partial-failure", "success", "validation-error", "warehouse-crash"])
def test_event_is_one_of_an_http_api_when_read(name):
    """The payloads of pypwext-orders are what an HTTP API sends."""
    event = json.loads((EVENTS / f"{name}.json").read_text())
    assert (event["version"], event["routeKey"]) == ("2.0", "POST /orders")
    assert json.loads(event["body"])["pypwext_id"].startswith("order-")
